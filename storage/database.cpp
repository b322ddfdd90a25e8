#include "storage/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include "storage/durable.hpp"
#include "storage/kept_version.hpp"
#include "storage/swap.hpp"
#include "storage/wal_file.hpp"

namespace drawbridge::storage {
namespace {

// What can be seen before SQLite sees it, which would throw such a log away. The file itself is not
// opened here: closing it would drop the locks that this process has on it.
std::optional<std::string> damage_from_outside(const std::filesystem::path& file) {
    const auto log = with_suffix(file, "-wal");
    std::error_code missing;
    const auto log_bytes = std::filesystem::file_size(log, missing);
    if (missing || log_bytes == 0) return std::nullopt;
    const auto bytes = std::filesystem::file_size(file, missing);
    if (missing || bytes == 0)
        return fmt::format("it is {}, but its log {} is not", missing ? "missing" : "empty",
                           log.filename().string());
    if (is_wal_damaged(log)) return fmt::format("its log {} is none", log.filename().string());
    return std::nullopt;
}

void check_from_outside(const std::filesystem::path& file) {
    if (is_swap_pending(directory_of(file)))
        throw DatabaseRefused(fmt::format(
            "the files in {} are being replaced, or that was interrupted; drawbridge serve "
            "completes it",
            directory_of(file).string()));
    if (const auto damage = damage_from_outside(file)) refuse_damaged(file, *damage);
}

// The last one that closes a database copies the log into it; not one that is refused.
void keep_log_on_close(SQLite::Database& database, bool keep) {
    sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0,
                      nullptr);
}

int version_of(SQLite::Database& database) {
    return database.execAndGet("PRAGMA user_version").getInt();
}

// Throws unless the file is empty or one of ours, of a version that this program knows.
void check_ours(SQLite::Database& database, const std::filesystem::path& file,
                const Schema& schema) {
    const int newest = static_cast<int>(schema.migrations.size());
    const int version = version_of(database);
    const int application_id = database.execAndGet("PRAGMA application_id").getInt();
    const bool empty = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0;
    const bool fresh = empty && version == 0 && application_id == 0;
    if (!fresh && application_id != schema.application_id)
        throw DatabaseRefused(fmt::format(
            "{} belongs to another program; move it away or choose another data directory",
            file.string()));
    if (version > newest)
        throw DatabaseRefused(fmt::format(
            "{} was written by a newer Drawbridge (its version is {}, this program knows {}); "
            "install that one again, or restore a backup",
            file.string(), version, newest));
}

void migrate(SQLite::Database& database, const std::filesystem::path& file, const Schema& schema) {
    const auto newest = schema.migrations.size();
    if (static_cast<std::size_t>(version_of(database)) == newest) return;

    SQLite::Transaction change(database, SQLite::TransactionBehavior::IMMEDIATE);
    check_ours(database, file, schema);  // again: another process may have been first
    const auto found = static_cast<std::size_t>(version_of(database));
    if (found > 0 && found < newest) keep_version(file, static_cast<int>(found) + 1);
    for (auto version = found; version < newest; ++version)
        database.exec(schema.migrations[version]);
    database.exec(fmt::format("PRAGMA application_id = {}", schema.application_id));
    database.exec(fmt::format("PRAGMA user_version = {}", newest));
    change.commit();
}

// flags: of sqlite3_open_v2, besides those for reading and writing.
SQLite::Database open_checked(const std::filesystem::path& file, const Schema& schema, int flags) {
    check_from_outside(file);
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | flags,
                              limits::database_busy_ms);
    keep_log_on_close(database, true);
    check_ours(database, file, schema);
    return database;
}

SQLite::Database open_file(const std::filesystem::path& file, const Schema& schema, int flags) {
    SQLite::Database database = open_checked(file, schema, SQLite::OPEN_CREATE | flags);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA foreign_keys = ON");
    // What a statement with triggers would need to be undone is kept in memory: in a temporary file
    // it is written page by page, 11 writes for each row of devices (measured).
    database.exec("PRAGMA temp_store = MEMORY");
    migrate(database, file, schema);
    keep_log_on_close(database, false);
    return database;
}

[[noreturn]] void refuse(const std::filesystem::path& file, const SQLite::Exception& failure) {
    if (is_damage(failure)) refuse_damaged(file, failure.what());
    throw DatabaseRefused(
        fmt::format("{} cannot be opened ({}); check that the directory exists, that this user may "
                    "write there, and that the disk is not full",
                    file.string(), failure.what()));
}

}  // namespace

const char* const damage_advice =
    "restore a backup (drawbridge restore FILE), or keep what can be read (drawbridge serve "
    "--salvage)";

void refuse_damaged(const std::filesystem::path& file, const std::string& what) {
    throw DatabaseDamaged(fmt::format("{} is damaged ({}) and nothing in it was changed; {}",
                                      file.string(), what, damage_advice));
}

SQLite::Database open_database(const std::filesystem::path& file, const Schema& schema, int flags) {
    try {
        return open_file(file, schema, flags);
    } catch (const SQLite::Exception& failure) {
        refuse(file, failure);
    }
}

SQLite::Database open_unmigrated(const std::filesystem::path& file, const Schema& schema) {
    try {
        return open_checked(file, schema, 0);
    } catch (const SQLite::Exception& failure) {
        refuse(file, failure);
    }
}

std::optional<std::string> find_damage(SQLite::Database& database, Thoroughness thoroughness) {
    try {
        const std::string found =
            database
                .execAndGet(thoroughness == Thoroughness::quick ? "PRAGMA quick_check(1)"
                                                                : "PRAGMA integrity_check(1)")
                .getString();
        if (found == "ok") return std::nullopt;
        // The first line names the database ("*** in database main ***").
        return found.substr(found.starts_with("***") ? found.find('\n') + 1 : 0);
    } catch (const SQLite::Exception& failure) {
        if (is_damage(failure)) return failure.what();
        throw;
    }
}

std::optional<std::string> find_damage(const std::filesystem::path& file, const Schema& schema,
                                       Thoroughness thoroughness) {
    if (const auto damage = damage_from_outside(file)) return damage;
    try {
        SQLite::Database database = open_checked(file, schema, 0);
        return find_damage(database, thoroughness);
    } catch (const SQLite::Exception& failure) {
        if (is_damage(failure)) return failure.what();
        refuse(file, failure);
    }
}

bool is_busy(const SQLite::Exception& failure) { return failure.getErrorCode() == SQLITE_BUSY; }

bool is_damage(const SQLite::Exception& failure) {
    return failure.getErrorCode() == SQLITE_CORRUPT || failure.getErrorCode() == SQLITE_NOTADB;
}

std::string explain(const SQLite::Exception& failure) {
    if (is_damage(failure))
        return fmt::format("{}; stop the broker, then {}", failure.what(), damage_advice);
    if (failure.getErrorCode() == SQLITE_FULL) return fmt::format("{}; make room", failure.what());
    return failure.what();
}

}  // namespace drawbridge::storage
