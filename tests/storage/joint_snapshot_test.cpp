// Snapshots of two databases at once, and copies of them, while others write.
#include "storage/joint_snapshot.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "storage/database_copy.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::storage {
namespace {

constexpr const char* migrations[] = {"CREATE TABLE pumps (litres INTEGER)"};
constexpr Schema schema{.application_id = 77, .migrations = migrations};

std::int64_t rows(SQLite::Database& database) {
    return database.execAndGet("SELECT count(*) FROM pumps").getInt64();
}

TEST_CASE("a copy of a snapshot is of its moment, whatever is written meanwhile",
          "[storage][backup]") {
    const test::TemporaryDirectory directory;
    const SnapshotSource sources[] = {{directory.path() / "a.db", &schema},
                                      {directory.path() / "b.db", &schema}};
    SQLite::Database a = open_database(sources[0].file, schema);
    SQLite::Database b = open_database(sources[1].file, schema);
    for (SQLite::Database* database : {&a, &b}) database->exec("INSERT INTO pumps VALUES (1)");
    JointSnapshot snapshot(sources);
    for (SQLite::Database* database : {&a, &b}) database->exec("INSERT INTO pumps VALUES (2)");
    for (std::size_t i = 0; i < 2; ++i) {
        copy_database(snapshot.databases()[i], directory.path() / "copy.db");
        SQLite::Database copy = open_database(directory.path() / "copy.db", schema);
        CHECK(rows(copy) == 1);
    }
    CHECK(rows(a) == 2);
}

TEST_CASE("two databases are seen at one moment, by a writer who writes them in turn",
          "[storage][backup]") {
    const test::TemporaryDirectory directory;
    const SnapshotSource sources[] = {{directory.path() / "a.db", &schema},
                                      {directory.path() / "b.db", &schema}};
    for (const SnapshotSource& source : sources) open_database(source.file, schema);
    std::atomic<bool> stop = false;
    std::atomic<int> written = 0;
    std::thread writer([&] {
        SQLite::Database a = open_database(sources[0].file, schema);
        SQLite::Database b = open_database(sources[1].file, schema);
        while (!stop) {
            for (SQLite::Database* database : {&a, &b})
                database->exec("INSERT INTO pumps VALUES (1)");
            ++written;
        }
    });
    for (int i = 0; i < 100; ++i) {
        for (const int before = written; written == before && i < 50;) std::this_thread::yield();
        JointSnapshot snapshot(sources);
        const auto first = rows(snapshot.databases()[0]);
        const auto second = rows(snapshot.databases()[1]);
        // A row is in the first database before it is in the second one.
        CHECK(second <= first);
        CHECK(first <= second + 1);
    }
    stop = true;
    writer.join();
}

TEST_CASE("a snapshot keeps nobody from writing, and waits for who writes", "[storage][backup]") {
    const test::TemporaryDirectory directory;
    const SnapshotSource sources[] = {{directory.path() / "a.db", &schema}};
    SQLite::Database a = open_database(sources[0].file, schema);
    a.exec("BEGIN IMMEDIATE");
    a.exec("INSERT INTO pumps VALUES (1)");
    std::thread committing([&] { a.exec("COMMIT"); });
    JointSnapshot snapshot(sources);
    committing.join();
    CHECK(rows(snapshot.databases()[0]) == 1);
    a.setBusyTimeout(0);
    CHECK_NOTHROW(a.exec("INSERT INTO pumps VALUES (2)"));
}

TEST_CASE("a copy that cannot be completed leaves no file", "[storage][backup]") {
    const test::TemporaryDirectory directory;
    SQLite::Database a = open_database(directory.path() / "a.db", schema);
    CHECK_THROWS(copy_database(a, directory.path() / "none" / "copy.db"));
    CHECK_FALSE(std::filesystem::exists(directory.path() / "none"));
}

TEST_CASE("what is not there is not made, and what is older is not migrated", "[storage][backup]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "a.db";
    CHECK_THROWS_AS(open_unmigrated(file, schema), DatabaseRefused);
    CHECK_FALSE(std::filesystem::exists(file));
    { open_database(file, schema); }
    const char* more[] = {migrations[0], "CREATE TABLE valves (x)"};
    const Schema newer{.application_id = 77, .migrations = more};
    SQLite::Database opened = open_unmigrated(file, newer);
    CHECK(opened.execAndGet("PRAGMA user_version").getInt() == 1);
}

}  // namespace
}  // namespace drawbridge::storage
