// Migrations keep a copy of what was there.
#include "storage/kept_version.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "storage/database.hpp"
#include "storage/device_schema.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::storage {
namespace {

using Catch::Matchers::Contains;

// The first versions of a schema.
Schema until(const Schema& schema, std::size_t version) {
    return {.application_id = schema.application_id,
            .migrations = schema.migrations.first(version)};
}

int version_of(const std::filesystem::path& file) {
    return SQLite::Database(file.string()).execAndGet("PRAGMA user_version").getInt();
}

TEST_CASE("a database of devices of each earlier version becomes one of this version",
          "[storage][migration]") {
    for (std::size_t version = 1; version < device_schema.migrations.size(); ++version) {
        const test::TemporaryDirectory directory;
        const auto file = directory.path() / "drawbridge.db";
        open_database(file, until(device_schema, version))
            .exec(
                "INSERT INTO devices (device_id, profile, created_at) VALUES ('a', 'core', 1);"
                "INSERT INTO api_keys (key_id, device_id, hash, created_at) "
                "VALUES ('k', 'a', x'0102', 1)");
        SQLite::Database migrated = open_database(file, device_schema);
        CHECK(migrated.execAndGet("SELECT kind FROM devices").getString() == "device");
        CHECK(migrated.execAndGet("SELECT count(*) FROM api_keys").getInt() == 1);
        CHECK_FALSE(find_damage(migrated, Thoroughness::thorough));

        SQLite::Database fresh = open_database(directory.path() / "fresh.db", device_schema);
        const char* tables =
            "SELECT group_concat(name || sql) FROM (SELECT * FROM sqlite_master "
            "ORDER BY type, name)";
        CHECK(migrated.execAndGet(tables).getString() == fresh.execAndGet(tables).getString());

        const auto kept =
            directory.path() / ("drawbridge.db.before-v" + std::to_string(version + 1));
        REQUIRE(std::filesystem::exists(kept));
        CHECK(version_of(kept) == static_cast<int>(version));
        CHECK_FALSE(find_damage(kept, until(device_schema, version), Thoroughness::thorough));
        struct stat found {};
        CHECK(::stat(kept.c_str(), &found) == 0);
        CHECK((found.st_mode & 0777) == 0600);
        // It is one that the older program can go on with.
        std::filesystem::rename(kept, directory.path() / "back.db");
        SQLite::Database back =
            open_database(directory.path() / "back.db", until(device_schema, version));
        CHECK(back.execAndGet("SELECT count(*) FROM devices").getInt() == 1);
    }
}

TEST_CASE("no copy is kept of a database that is new, or of this version", "[storage][migration]") {
    const test::TemporaryDirectory directory;
    for (int i = 0; i < 2; ++i) open_database(directory.path() / "a.db", device_schema);
    for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
        CHECK_THAT(entry.path().filename().string(), !Contains("before"));
}

TEST_CASE("only the newest copies are kept", "[storage][migration]") {
    std::vector<std::string> texts;
    std::vector<const char*> migrations;
    for (int i = 0; i < 12; ++i) texts.push_back("CREATE TABLE t" + std::to_string(i) + " (x)");
    for (const std::string& text : texts) migrations.push_back(text.c_str());
    const Schema schema{.application_id = 77, .migrations = migrations};
    const test::TemporaryDirectory directory;
    for (std::size_t version = 1; version <= migrations.size(); ++version)
        open_database(directory.path() / "a.db", until(schema, version));
    std::vector<std::string> kept;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
        kept.push_back(entry.path().filename().string());
    std::sort(kept.begin(), kept.end());
    CHECK(kept == std::vector<std::string>{"a.db", "a.db.before-v10", "a.db.before-v11",
                                           "a.db.before-v12"});
}

TEST_CASE("a database of which no copy can be kept is not migrated", "[storage][migration]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "a.db";
    { open_database(file, until(device_schema, 1)); }
    std::filesystem::create_directory(directory.path() / "a.db.before-v2.partial");  // in the way
    CHECK_THROWS_WITH(open_database(file, device_schema),
                      Contains("no copy of it can be kept") && Contains("make room"));
    CHECK(version_of(file) == 1);
    std::filesystem::remove(directory.path() / "a.db.before-v2.partial");
    CHECK_NOTHROW(open_database(file, device_schema));
    CHECK(version_of(file) == 2);
}

}  // namespace
}  // namespace drawbridge::storage
