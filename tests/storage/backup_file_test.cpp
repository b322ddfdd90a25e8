// The backup's file: what goes in comes out; what is wrong with it is told, by the piece.
#include "storage/backup_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "storage/database.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::storage {
namespace {

using Catch::Matchers::Contains;

constexpr const char* migrations[] = {"CREATE TABLE pumps (name TEXT)"};
constexpr Schema schema{.application_id = 77, .migrations = migrations};

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::filesystem::path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
}

std::vector<std::string> names_in(const std::filesystem::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

// A backup of a file of 2.5 pieces, an empty one, and a database.
class Backup {
public:
    Backup() {
        for (int i = 0; i < 2'621'440; ++i) large += static_cast<char>(i * 7 + i / 1'000);
        write(path("large"), large);
        write(path("empty"), "");
        SQLite::Database database = open_database(path("a.db"), schema);
        database.exec("INSERT INTO pumps VALUES ('a')");
        BackupWriter writer(file, BackupWriter::IfThere::refuse);
        writer.add("large", path("large"));
        writer.add("tls/empty", path("empty"));
        writer.add_database("a.db", database);
        CHECK_FALSE(std::filesystem::exists(file));
        writer.finish();
    }
    std::filesystem::path path(const std::string& name) const { return directory_.path() / name; }
    void change(const std::string& sql) const {
        SQLite::Database(file.string(), SQLite::OPEN_READWRITE).exec(sql);
    }
    void extract_all() const {
        BackupReader reader(file);
        for (const BackedUpFile& one : reader.files()) reader.extract(one, path("out"));
    }
    const std::filesystem::path& directory() const { return directory_.path(); }

private:
    test::TemporaryDirectory directory_;

public:
    const std::filesystem::path file = path("backup");
    std::string large;
};

TEST_CASE("what a backup was given it gives back", "[storage][backup]") {
    const Backup backup;
    BackupReader reader(backup.file);
    REQUIRE(reader.files().size() == 3);
    CHECK(reader.files()[0].name == "a.db");
    CHECK(reader.files()[1].name == "large");
    CHECK(reader.files()[1].bytes == 2'621'440);
    CHECK(reader.files()[2].bytes == 0);
    CHECK(reader.bytes() == 2'621'440 + reader.files()[0].bytes);
    reader.extract(reader.files()[1], backup.path("out"));
    CHECK(content_of(backup.path("out")) == backup.large);
    reader.extract(reader.files()[2], backup.path("out"));
    CHECK(content_of(backup.path("out")).empty());
    reader.extract(reader.files()[0], backup.path("out.db"));
    SQLite::Database database = open_database(backup.path("out.db"), schema);
    CHECK(database.execAndGet("SELECT name FROM pumps").getString() == "a");
}

TEST_CASE("a backup and what comes out of it is for its owner only, and nothing else is left",
          "[storage][backup]") {
    const Backup backup;
    backup.extract_all();
    for (const char* name : {"backup", "out"}) {
        struct stat found {};
        CHECK(::stat(backup.path(name).c_str(), &found) == 0);
        CHECK((found.st_mode & 0777) == 0600);
    }
    for (const std::string& name : names_in(backup.directory()))
        CHECK_THAT(name, !Contains("partial"));
}

TEST_CASE("a backup that is there is not replaced, unless that is asked for", "[storage][backup]") {
    const Backup backup;
    const std::string before = content_of(backup.file);
    CHECK_THROWS_WITH(BackupWriter(backup.file, BackupWriter::IfThere::refuse),
                      Contains("is there already") && Contains("--force"));
    CHECK_THROWS_WITH(BackupWriter(backup.directory(), BackupWriter::IfThere::replace),
                      Contains("is a directory"));
    { BackupWriter abandoned(backup.file, BackupWriter::IfThere::replace); }
    CHECK(content_of(backup.file) == before);
    BackupWriter writer(backup.file, BackupWriter::IfThere::replace);
    writer.add("one", backup.path("empty"));
    CHECK(content_of(backup.file) == before);
    writer.finish();
    CHECK(BackupReader(backup.file).files().size() == 1);
}

TEST_CASE("a file that came there while the backup was made is not replaced", "[storage][backup]") {
    const Backup backup;
    BackupWriter writer(backup.path("new"), BackupWriter::IfThere::refuse);
    write(backup.path("new"), "precious");
    CHECK_THROWS_WITH(writer.finish(), Contains("is there already"));
    CHECK(content_of(backup.path("new")) == "precious");
}

TEST_CASE("two backups to one file do not mix", "[storage][backup]") {
    const Backup backup;
    BackupWriter first(backup.path("new"), BackupWriter::IfThere::refuse);
    CHECK_THROWS_WITH(BackupWriter(backup.path("new"), BackupWriter::IfThere::refuse),
                      Contains("another backup"));
    first.add("one", backup.path("empty"));
    first.finish();
    CHECK(BackupReader(backup.path("new")).files().size() == 1);
}

TEST_CASE("a damaged database is not backed up", "[storage][backup]") {
    const Backup backup;
    {
        SQLite::Database database = open_database(backup.path("b.db"), schema);
        database.exec(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
            "9999) INSERT INTO pumps SELECT i FROM n");
    }
    std::string content = content_of(backup.path("b.db"));
    content.replace(content.size() - 4'096, 4'096, 4'096, 'x');
    write(backup.path("b.db"), content);
    SQLite::Database database = open_database(backup.path("b.db"), schema);
    {
        BackupWriter writer(backup.path("new"), BackupWriter::IfThere::refuse);
        CHECK_THROWS_WITH(writer.add_database("b.db", database),
                          Contains("b.db is damaged") && Contains("serve --salvage"));
    }
    for (const std::string& name : names_in(backup.directory())) CHECK_THAT(name, !Contains("new"));
}

TEST_CASE("a damaged piece is named", "[storage][backup]") {
    for (const char* change :
         {"UPDATE piece SET data = zeroblob(1048576) WHERE file = 'large' AND number = 1",
          "DELETE FROM piece WHERE file = 'large' AND number = 1"}) {
        const Backup backup;
        backup.change(change);
        CHECK_THROWS_WITH(backup.extract_all(), Contains("damaged (piece 1 of large)"));
    }
    const Backup backup;
    backup.change("DELETE FROM piece WHERE file = 'large' AND number = 2");
    CHECK_THROWS_WITH(backup.extract_all(), Contains("pieces of large are missing after 2"));
}

TEST_CASE("a backup that is cut or damaged anywhere is refused, or its files are right",
          "[storage][backup]") {
    const Backup backup;
    const std::string whole = content_of(backup.file);
    for (std::size_t size = 0; size + 4'096 < whole.size(); size += whole.size() / 20) {
        write(backup.file, whole.substr(0, size));
        CHECK_THROWS_AS(backup.extract_all(), BackupRefused);
    }
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); at += whole.size() / 40) {
        std::string damaged = whole;
        for (std::size_t i = at; i < std::min(at + 3'000, whole.size()); ++i) damaged[i] ^= 0x55;
        write(backup.file, damaged);
        try {
            BackupReader reader(backup.file);
            REQUIRE(reader.files().size() == 3);
            reader.extract(reader.files()[1], backup.path("out"));
            CHECK((content_of(backup.path("out")) == backup.large));
            backup.extract_all();
        } catch (const BackupRefused&) {
            ++refused;
        }
    }
    CHECK(refused > 30);  // the others hit bytes that mean nothing
}

TEST_CASE("what is no backup, or one of a newer program, is refused", "[storage][backup]") {
    const Backup backup;
    CHECK_THROWS_WITH(BackupReader(backup.path("none")), Contains("there is no file"));
    CHECK_THROWS_WITH(BackupReader(backup.directory()), Contains("there is no file"));
    CHECK_THROWS_WITH(BackupReader(backup.path("large")), Contains("is not a backup"));
    CHECK_THROWS_WITH(BackupReader(backup.path("empty")), Contains("is not a backup"));
    CHECK_THROWS_WITH(BackupReader(backup.path("a.db")), Contains("is not a backup"));
    backup.change("PRAGMA user_version = 2");
    CHECK_THROWS_WITH(BackupReader(backup.file), Contains("newer Drawbridge"));
}

}  // namespace
}  // namespace drawbridge::storage
