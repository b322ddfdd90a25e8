#include "storage/backup_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <numeric>

#include "storage/database.hpp"
#include "storage/database_copy.hpp"
#include "storage/durable.hpp"
#include "storage/free_space.hpp"
#include "storage/sha256.hpp"

namespace drawbridge::storage {
namespace {

constexpr std::int32_t application_id = 0x44424B31;  // "DBK1"
constexpr int format_version = 1;
constexpr std::size_t piece_bytes = 1 << 20;

constexpr const char* tables = R"sql(
CREATE TABLE file (
    name TEXT NOT NULL PRIMARY KEY,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL
) STRICT;
CREATE TABLE piece (
    file TEXT NOT NULL,
    number INTEGER NOT NULL,
    data BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (file, number)
) STRICT;
)sql";

std::string there_already(const std::filesystem::path& target) {
    return fmt::format("{} is there already; name another file, or replace it with --force",
                       target.string());
}

// Of the file beside the target, which is made if need be; released by close().
int lock_of(const std::filesystem::path& target, const std::filesystem::path& unfinished,
            BackupWriter::IfThere if_there) {
    std::error_code ignored;
    if (std::filesystem::is_directory(target, ignored))
        throw BackupRefused(
            fmt::format("{} is a directory; name a file for the backup", target.string()));
    if (if_there == BackupWriter::IfThere::refuse && std::filesystem::exists(target, ignored))
        throw BackupRefused(there_already(target));
    const int lock = ::open(unfinished.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) fail(unfinished, "made");
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
    ::close(lock);
    throw BackupRefused(fmt::format("another backup to {} is being made", target.string()));
}

void check_room(const std::filesystem::path& directory, std::uint64_t needed) {
    const std::uint64_t free = free_bytes_at(directory);
    if (free < needed)
        throw BackupRefused(
            fmt::format("there is no room in {}: {} bytes are needed, {} are free; make room or "
                        "name a file elsewhere",
                        directory.string(), needed, free));
}

void bind_blob(SQLite::Statement& statement, int index, std::span<const std::uint8_t> bytes) {
    statement.bind(index, bytes.data(), static_cast<int>(bytes.size()));
}

std::span<const std::uint8_t> blob_of(const SQLite::Column& column) {
    return {static_cast<const std::uint8_t*>(column.getBlob()),
            static_cast<std::size_t>(column.getBytes())};
}

bool is_same(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

SQLite::Database open_backup(const std::filesystem::path& file) {
    std::error_code missing;
    if (!std::filesystem::is_regular_file(file, missing))
        throw BackupRefused(fmt::format(
            "there is no file {}; name one that drawbridge backup has made", file.string()));
    if (::access(file.c_str(), R_OK) != 0) fail(file, "read");
    return SQLite::Database(file.string(), SQLite::OPEN_READONLY, limits::database_busy_ms);
}

}  // namespace

BackupWriter::BackupWriter(const std::filesystem::path& target, IfThere if_there)
    : target_(target),
      unfinished_(with_suffix(target, ".partial")),
      if_there_(if_there),
      lock_(lock_of(target, unfinished_, if_there)),
      database_(open_unjournaled(unfinished_)) {
    database_.exec(fmt::format("PRAGMA application_id = {}", application_id));
    database_.exec(fmt::format("PRAGMA user_version = {}", format_version));
    database_.exec(tables);
}

BackupWriter::~BackupWriter() {
    // After finish() this name is nobody's.
    remove_file(unfinished_);
    ::close(lock_);
}

void BackupWriter::add(const std::string& name, const std::filesystem::path& content) {
    std::error_code missing;
    check_room(directory_of(target_), std::filesystem::file_size(content, missing));
    std::ifstream in(content, std::ios::binary);
    if (!in) fail(content, "read");
    SQLite::Transaction adding(database_);
    SQLite::Statement insert(database_, "INSERT INTO piece VALUES (?, ?, ?, ?)");
    Sha256 whole;
    std::uint64_t bytes = 0;
    std::vector<std::uint8_t> buffer(piece_bytes);
    for (int number = 0; in; ++number) {
        in.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(piece_bytes));
        const auto piece = std::span(buffer).first(static_cast<std::size_t>(in.gcount()));
        if (in.bad()) fail(content, "read");
        if (piece.empty()) break;
        whole.add(piece);
        bytes += piece.size();
        insert.reset();
        insert.bind(1, name);
        insert.bind(2, number);
        bind_blob(insert, 3, piece);
        bind_blob(insert, 4, Sha256::of(piece));
        insert.exec();
    }
    SQLite::Statement file(database_, "INSERT INTO file VALUES (?, ?, ?)");
    file.bind(1, name);
    file.bind(2, static_cast<std::int64_t>(bytes));
    bind_blob(file, 3, whole.sum());
    file.exec();
    adding.commit();
    files_.push_back({name, bytes});
}

void BackupWriter::add_database(const std::string& name, SQLite::Database& source) {
    check_room(directory_of(target_), 2 * copy_bytes(source));  // the copy, and its pieces
    const auto copy = with_suffix(unfinished_, ".db");
    try {
        copy_database(source, copy);
        {
            // Immutable: nobody else knows the file, and so it gets no log.
            SQLite::Database check(
                "file:" + std::filesystem::absolute(copy).string() + "?immutable=1",
                SQLite::OPEN_READONLY | SQLite::OPEN_URI);
            if (const auto damage = find_damage(check, Thoroughness::quick))
                throw BackupRefused(fmt::format("{} is damaged ({}), so no backup is made; {}",
                                                name, *damage, damage_advice));
        }
        add(name, copy);
    } catch (...) {
        remove_file(copy);
        throw;
    }
    remove_file(copy);
}

std::vector<BackedUpFile> BackupWriter::finish() {
    sync_path(unfinished_);
    // Unlike rename(), link() leaves what somebody has put there meanwhile; not every file system
    // has it.
    const bool is_linked =
        if_there_ == IfThere::refuse && ::link(unfinished_.c_str(), target_.c_str()) == 0;
    if (is_linked)
        sync_path(directory_of(target_));
    else if (if_there_ == IfThere::refuse && errno == EEXIST)
        throw BackupRefused(there_already(target_));
    else
        rename_durably(unfinished_, target_);
    return files_;
}

BackupReader::BackupReader(const std::filesystem::path& file)
    : path_(file), database_(open_backup(file)) {
    try {
        if (database_.execAndGet("PRAGMA application_id").getInt() != application_id)
            throw BackupRefused(fmt::format(
                "{} is not a backup; name a file that drawbridge backup has made", file.string()));
        if (database_.execAndGet("PRAGMA user_version").getInt() > format_version)
            throw BackupRefused(fmt::format(
                "{} was made by a newer Drawbridge; restore it with that one", file.string()));
        SQLite::Statement query(database_, "SELECT name, bytes FROM file ORDER BY name");
        while (query.executeStep())
            files_.push_back({query.getColumn(0).getString(),
                              static_cast<std::uint64_t>(query.getColumn(1).getInt64())});
    } catch (const SQLite::Exception& failure) {
        throw BackupRefused(
            failure.getErrorCode() == SQLITE_NOTADB
                ? fmt::format("{} is not a backup; name a file that drawbridge backup has made",
                              file.string())
                : fmt::format("{} is damaged ({}); take another backup", file.string(),
                              failure.what()));
    }
}

std::uint64_t BackupReader::bytes() const {
    return std::accumulate(
        files_.begin(), files_.end(), std::uint64_t{0},
        [](std::uint64_t sum, const BackedUpFile& file) { return sum + file.bytes; });
}

void BackupReader::extract(const BackedUpFile& file, const std::filesystem::path& to) {
    int number = 0;
    try {
        make_private_file(to);
        std::ofstream out(to, std::ios::binary);
        Sha256 whole;
        SQLite::Statement pieces(
            database_, "SELECT number, data, sha256 FROM piece WHERE file = ? ORDER BY number");
        pieces.bind(1, file.name);
        for (; pieces.executeStep(); ++number) {
            const auto piece = blob_of(pieces.getColumn(1));
            if (pieces.getColumn(0).getInt() != number ||
                !is_same(Sha256::of(piece), blob_of(pieces.getColumn(2))))
                throw BackupRefused(
                    fmt::format("{} is damaged (piece {} of {}); take another backup",
                                path_.string(), number, file.name));
            whole.add(piece);
            out.write(reinterpret_cast<const char*>(piece.data()),
                      static_cast<std::streamsize>(piece.size()));
        }
        out.close();
        if (!out) fail(to, "written");
        SQLite::Statement known(database_, "SELECT sha256 FROM file WHERE name = ?");
        known.bind(1, file.name);
        if (!known.executeStep() || !is_same(whole.sum(), blob_of(known.getColumn(0))))
            throw BackupRefused(fmt::format(
                "{} is damaged (pieces of {} are missing after {}); take another backup",
                path_.string(), file.name, number));
    } catch (const SQLite::Exception& failure) {
        throw BackupRefused(fmt::format("{} is damaged (piece {} of {}: {}); take another backup",
                                        path_.string(), number, file.name, failure.what()));
    }
    sync_path(to);
}

}  // namespace drawbridge::storage
