// Damaged databases: refused where it can be seen, and not touched.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "storage/database.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::storage {
namespace {

using Catch::Matchers::Contains;

constexpr const char* migrations[] = {
    "CREATE TABLE pumps (name TEXT NOT NULL PRIMARY KEY, litres INTEGER) STRICT"};
constexpr Schema schema{.application_id = 77, .migrations = migrations};

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::filesystem::path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
}

// A database of some 100 pages, and its log with half of the rows: as a process that was killed
// leaves them.
class Files {
public:
    Files() {
        SQLite::Database database = open_database(directory_.path() / "live.db", schema);
        fill(database, 0);
        database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        fill(database, 5'000);
        write(file, content_of(directory_.path() / "live.db"));
        write(log, content_of(directory_.path() / "live.db-wal"));
    }
    static void fill(SQLite::Database& database, int from) {
        SQLite::Statement insert(database,
                                 "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n "
                                 "WHERE i < ?1 + 4999) "
                                 "INSERT INTO pumps SELECT printf('pump-%08d', i), i FROM n");
        insert.bind(1, from);
        insert.exec();
    }
    // Refused, with these words, and both files are as they were.
    void check_refused(const std::string& words) const {
        const std::string before = content_of(file);
        const std::string log_before = content_of(log);
        CHECK_THROWS_AS(open_database(file, schema), DatabaseDamaged);
        CHECK_THROWS_WITH(open_database(file, schema), Contains(words));
        CHECK_THROWS_WITH(open_database(file, schema), Contains("serve --salvage"));
        CHECK_THROWS_WITH(open_unmigrated(file, schema), Contains(words));
        CHECK(find_damage(file, schema, Thoroughness::quick));
        CHECK(content_of(file) == before);
        CHECK(content_of(log) == log_before);
    }

private:
    test::TemporaryDirectory directory_;

public:
    const std::filesystem::path file = directory_.path() / "a.db";
    const std::filesystem::path log = directory_.path() / "a.db-wal";
};

TEST_CASE("a database and its log that are whole are read, both", "[storage][damage]") {
    const Files files;
    CHECK_FALSE(find_damage(files.file, schema, Thoroughness::thorough));
    SQLite::Database database = open_database(files.file, schema);
    CHECK(database.execAndGet("SELECT count(*) FROM pumps").getInt() == 10'000);
}

TEST_CASE("a log that is none is refused, not thrown away", "[storage][damage]") {
    const Files files;
    write(files.log, std::string(100'000, 'x'));
    files.check_refused("a.db-wal is none");
}

TEST_CASE("a log of zeros, or one that is too short for its header, holds nothing",
          "[storage][damage]") {
    for (const std::string& log : {std::string(4'000, '\0'), std::string(31, 'x')}) {
        const Files files;
        write(files.log, log);
        SQLite::Database database = open_database(files.file, schema);
        CHECK(database.execAndGet("SELECT count(*) FROM pumps").getInt() == 5'000);
    }
}

TEST_CASE("a log beside a database that is empty or missing is refused", "[storage][damage]") {
    const Files files;
    write(files.file, "");
    files.check_refused("it is empty, but its log a.db-wal is not");
    std::filesystem::remove(files.file);
    CHECK_THROWS_WITH(open_database(files.file, schema), Contains("it is missing"));
    CHECK_FALSE(std::filesystem::exists(files.file));
}

TEST_CASE("a database whose first page is gone is refused", "[storage][damage]") {
    const Files files;
    std::filesystem::remove(files.log);
    std::string content = content_of(files.file);
    for (const std::size_t gone : {std::size_t{100}, std::size_t{4'096}}) {
        write(files.file, content.replace(0, gone, gone, '\0'));
        files.check_refused("file is not a database");
    }
}

TEST_CASE("a truncated database is refused", "[storage][damage]") {
    const Files files;
    std::filesystem::remove(files.log);
    const std::string content = content_of(files.file);
    for (const std::size_t left :
         {content.size() - 4'096, content.size() / 2, std::size_t{4'096}}) {
        write(files.file, content.substr(0, left));
        files.check_refused("malformed");
    }
}

TEST_CASE("damage that only reading all shows is found", "[storage][damage]") {
    const Files files;
    std::string content = content_of(files.file);
    content.replace(content.size() - 20 * 4'096, 4'096, 4'096, 'x');
    write(files.file, content);
    std::filesystem::remove(files.log);
    CHECK(find_damage(files.file, schema, Thoroughness::quick));
    CHECK(find_damage(files.file, schema, Thoroughness::thorough));
}

TEST_CASE("a failure says what a person can do about it", "[storage][damage]") {
    CHECK_THAT(explain(SQLite::Exception("database disk image is malformed", 11)),
               Contains("stop the broker") && Contains("serve --salvage"));
    CHECK_THAT(explain(SQLite::Exception("database or disk is full", 13)), Contains("make room"));
    CHECK(explain(SQLite::Exception("database is locked", 5)) == "database is locked");
}

}  // namespace
}  // namespace drawbridge::storage
