// Opening a database: made, migrated, or refused without a change. With real files.
#include "storage/database.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "storage/snapshot.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::storage {
namespace {

using Catch::Matchers::Contains;

constexpr const char* first[] = {"CREATE TABLE pumps (name TEXT); INSERT INTO pumps VALUES ('a')"};
constexpr const char* second[] = {first[0],
                                  "ALTER TABLE pumps ADD COLUMN litres INTEGER DEFAULT 7"};
constexpr const char* broken[] = {first[0], "UPDATE pumps SET name = 'b'; CREATE TABLE pumps (x)"};
constexpr Schema version_1{.application_id = 77, .migrations = first};
constexpr Schema version_2{.application_id = 77, .migrations = second};
constexpr Schema version_2_broken{.application_id = 77, .migrations = broken};

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("a database that is not there is made, with all migrations", "[storage]") {
    const test::TemporaryDirectory directory;
    SQLite::Database database = open_database(directory.path() / "a.db", version_2);
    CHECK(database.execAndGet("PRAGMA user_version").getInt() == 2);
    CHECK(database.execAndGet("SELECT litres FROM pumps").getInt() == 7);
}

TEST_CASE("a database survives a power cut and lets readers and a writer work at once",
          "[storage]") {
    const test::TemporaryDirectory directory;
    SQLite::Database database = open_database(directory.path() / "a.db", version_1);
    CHECK(database.execAndGet("PRAGMA journal_mode").getString() == "wal");
    CHECK(database.execAndGet("PRAGMA synchronous").getInt() == 2);
    CHECK(database.execAndGet("PRAGMA foreign_keys").getInt() == 1);
    CHECK(database.execAndGet("PRAGMA busy_timeout").getInt() == 5'000);
}

TEST_CASE("an older database is migrated and keeps its rows", "[storage]") {
    const test::TemporaryDirectory directory;
    { open_database(directory.path() / "a.db", version_1).exec("UPDATE pumps SET name = 'kept'"); }
    SQLite::Database database = open_database(directory.path() / "a.db", version_2);
    CHECK(database.execAndGet("SELECT name FROM pumps").getString() == "kept");
    CHECK(database.execAndGet("SELECT litres FROM pumps").getInt() == 7);
}

TEST_CASE("a migration that fails changes nothing", "[storage]") {
    const test::TemporaryDirectory directory;
    { open_database(directory.path() / "a.db", version_1); }
    CHECK_THROWS_AS(open_database(directory.path() / "a.db", version_2_broken), DatabaseRefused);
    SQLite::Database database = open_database(directory.path() / "a.db", version_1);
    CHECK(database.execAndGet("SELECT name FROM pumps").getString() == "a");
}

TEST_CASE("a database from the future is refused and not touched", "[storage]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "a.db";
    { open_database(file, version_2); }
    const std::string before = content_of(file);
    CHECK_THROWS_WITH(open_database(file, version_1), Contains("written by a newer Drawbridge"));
    CHECK(content_of(file) == before);
    CHECK_NOTHROW(open_database(file, version_2));
}

TEST_CASE("a file that is no database is refused and not touched", "[storage]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "a.db";
    const std::string garbage(10'000, 'x');
    std::ofstream(file) << garbage;
    CHECK_THROWS_WITH(open_database(file, version_1), Contains("is not a database"));
    CHECK(content_of(file) == garbage);
}

TEST_CASE("a database of another program is refused and not touched", "[storage]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "a.db";
    {
        SQLite::Database other(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        other.exec("CREATE TABLE bookmarks (url TEXT)");
    }
    const std::string before = content_of(file);
    CHECK_THROWS_WITH(open_database(file, version_1), Contains("belongs to another program"));
    CHECK(content_of(file) == before);
}

TEST_CASE("an empty file becomes a database", "[storage]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "a.db";
    std::ofstream(file).flush();
    CHECK_NOTHROW(open_database(file, version_1));
}

TEST_CASE("a snapshot is of one moment, to the end of the outermost one", "[storage]") {
    const test::TemporaryDirectory directory;
    SQLite::Database reader = open_database(directory.path() / "a.db", version_1);
    SQLite::Database writer = open_database(directory.path() / "a.db", version_1);
    const auto name = [&] { return reader.execAndGet("SELECT name FROM pumps").getString(); };
    Snapshot::Statements statements(reader);
    for (const char* next : {"b", "c"}) {
        const std::string before = name();
        {
            const Snapshot outer(statements);
            CHECK(name() == before);
            writer.exec(std::string("UPDATE pumps SET name = '") + next + "'");
            { const Snapshot inner(statements); }
            CHECK(name() == before);
        }
        CHECK(name() == next);
    }
    reader.exec("UPDATE pumps SET name = 'd'");  // no transaction is left open
    CHECK(writer.execAndGet("SELECT name FROM pumps").getString() == "d");
}

TEST_CASE("a directory that is not there is named in the refusal", "[storage]") {
    const test::TemporaryDirectory directory;
    CHECK_THROWS_WITH(open_database(directory.path() / "none" / "a.db", version_1),
                      Contains("none/a.db cannot be opened"));
}

}  // namespace
}  // namespace drawbridge::storage
