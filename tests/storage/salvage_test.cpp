// Salvage: what is readable is kept, the original as well, and nothing crashes.
#include "storage/salvage.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>

#include "storage/device_schema.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::storage {
namespace {

using Catch::Matchers::Contains;

constexpr std::size_t page_bytes = 4'096;
constexpr int devices = 1'000;

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::filesystem::path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
}

// Text of all rows of a table, in their order.
std::set<std::string> rows_of(SQLite::Database& database, const std::string& table) {
    std::set<std::string> rows;
    SQLite::Statement query(database, "SELECT * FROM " + table);
    while (query.executeStep()) {
        std::string row;
        for (int i = 0; i < query.getColumnCount(); ++i)
            row +=
                std::to_string(query.getColumn(i).getType()) + query.getColumn(i).getString() + '|';
        rows.insert(row);
    }
    return rows;
}

const char* const tables[] = {"devices", "api_keys", "rules",    "changes",         "psks",
                              "facts",   "channels", "profiles", "profile_changes", "audit"};

// A database of devices with rows in all tables, the last part of them only in its log, as a
// process that was killed leaves it; some rows are from version 1, some larger than a page.
class DeviceFiles {
public:
    DeviceFiles() {
        const auto live = directory_.path() / "live.db";
        const Schema first{.application_id = device_schema.application_id,
                           .migrations = device_schema.migrations.first(1)};
        open_database(live, first).exec(devices_sql(0, devices / 2));
        SQLite::Database database = open_database(live, device_schema);
        database.exec(devices_sql(devices / 2, 3 * devices / 4));
        database.exec(
            "INSERT INTO psks SELECT device_id, 'p', zeroblob(48), 1, NULL FROM devices;"
            "INSERT INTO channels SELECT device_id, 'c' FROM devices;"
            "INSERT INTO facts VALUES ('f', x'00ff');"
            "INSERT INTO profiles VALUES ('big', printf('%.20000c', 'x'), 1), ('small', 'y', -5);"
            "INSERT INTO audit (first_at, at, event, device_id) "
            "SELECT 1, 1700000000000, 'changed', device_id FROM devices;"
            "DELETE FROM audit WHERE seq > 500");
        database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        database.exec(devices_sql(3 * devices / 4, devices));
        for (const char* table : tables) all[table] = rows_of(database, table);
        write(file, content_of(live));
        write(log, content_of(directory_.path() / "live.db-wal"));
    }
    static std::string devices_sql(int from, int to) {
        const std::string n = "WITH RECURSIVE n(i) AS (SELECT " + std::to_string(from) +
                              " UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(to - 1) +
                              ") ";
        return n +
               "INSERT INTO devices (device_id, profile, created_at) "
               "SELECT printf('pump-%06d', i), 'core', i * 1000000000 FROM n;" +
               n +
               "INSERT INTO api_keys (key_id, device_id, hash, created_at) "
               "SELECT printf('k%07d', i), printf('pump-%06d', i), zeroblob(32), -i FROM n;" +
               n +
               "INSERT INTO rules (device_id, effect, operation, filter) "
               "SELECT printf('pump-%06d', i), 'deny', 'publish', 'x' FROM n;";
    }
    // Puts the log into the file, so that all damage is in the file.
    void checkpoint() const {
        std::filesystem::copy_file(file, file.string() + ".c");
        std::filesystem::copy_file(log, file.string() + ".c-wal");
        open_database(file.string() + ".c", device_schema);
        write(file, content_of(file.string() + ".c"));
        std::filesystem::remove(log);
    }
    // Salvages, and checks what must hold of every salvage. Returns the rows of each table.
    // altered_max: so many rows may have another content; SQLite's pages have no checksums.
    std::map<std::string, std::set<std::string>> salvaged(std::size_t altered_max = 0) {
        const std::string before = content_of(file);
        const std::string log_before = content_of(log);
        const auto made = salvage(file, device_schema, "T");
        REQUIRE(made);
        report = *made;
        CHECK(report.kept == directory_.path() / "a.db.damaged-T");
        CHECK((content_of(report.kept) == before));
        CHECK((content_of(report.kept.string() + "-wal") == log_before));
        CHECK_FALSE(salvage(file, device_schema, "T"));

        SQLite::Database database = open_database(file, device_schema);
        CHECK_FALSE(find_damage(database, Thoroughness::thorough));
        CHECK(database.execAndGet("SELECT count(*) FROM pragma_foreign_key_check").getInt() == 0);
        std::map<std::string, std::set<std::string>> rows;
        for (const char* table : tables) rows[table] = rows_of(database, table);
        std::size_t altered = 0;
        for (const SalvagedTable& table : report.tables) {
            CHECK(rows[table.name].size() == table.rows);
            if (table.is_complete) CHECK(rows[table.name].size() == all[table.name].size());
            for (const std::string& row : rows[table.name])
                if (all[table.name].count(row) == 0) ++altered;
        }
        CHECK(altered <= altered_max);
        return rows;
    }

private:
    test::TemporaryDirectory directory_;

public:
    const std::filesystem::path file = directory_.path() / "a.db";
    const std::filesystem::path log = directory_.path() / "a.db-wal";
    std::map<std::string, std::set<std::string>> all;
    SalvageReport report;
};

TEST_CASE("a database that is whole, or not there, is not salvaged", "[storage][salvage]") {
    DeviceFiles files;
    const std::string before = content_of(files.file);
    CHECK_FALSE(salvage(files.file, device_schema, "T"));
    CHECK(content_of(files.file) == before);
    CHECK_FALSE(salvage(files.file.parent_path() / "none.db", device_schema, "T"));
    CHECK_FALSE(std::filesystem::exists(files.file.parent_path() / "none.db"));
}

TEST_CASE("with an index that is damaged nothing is lost", "[storage][salvage]") {
    DeviceFiles files;
    files.checkpoint();
    const auto root = [&] {
        SQLite::Database database(files.file.string());
        return database
            .execAndGet("SELECT rootpage FROM sqlite_master WHERE name = 'audit_by_device'")
            .getUInt();
    }();
    std::string content = content_of(files.file);
    content.replace((root - 1) * page_bytes, page_bytes, page_bytes, 'x');
    write(files.file, content);
    CHECK((files.salvaged() == files.all));
}

TEST_CASE("a first page that is gone costs nothing: the tables are where they always are",
          "[storage][salvage]") {
    for (const std::size_t gone : {std::size_t{100}, page_bytes}) {
        DeviceFiles files;
        files.checkpoint();
        std::string content = content_of(files.file);
        write(files.file, content.replace(0, gone, gone, '\0'));
        const auto rows = files.salvaged();
        // Made at once by this version, all tables are there; made by migrations, those of the
        // first one are.
        CHECK((rows.at("devices") == files.all["devices"]));
        CHECK((rows.at("api_keys") == files.all["api_keys"]));
        CHECK((rows.at("rules") == files.all["rules"]));
    }
}

TEST_CASE("what was in the log only is kept as well", "[storage][salvage]") {
    DeviceFiles files;
    std::string content = content_of(files.file);
    content.replace(20 * page_bytes, 10 * page_bytes, 10 * page_bytes, 'x');
    write(files.file, content);
    const auto rows = files.salvaged();
    const std::string newest = "pump-" + std::string("000999");
    CHECK(std::any_of(rows.at("devices").begin(), rows.at("devices").end(),
                      [&](const std::string& row) { return row.find(newest) != row.npos; }));
}

TEST_CASE("a log that is none costs what was in it, and nothing else", "[storage][salvage]") {
    DeviceFiles files;
    write(files.log, std::string(50'000, 'x'));
    CHECK(files.salvaged().at("devices").size() == 3 * devices / 4);
    for (const SalvagedTable& table : files.report.tables) CHECK_FALSE(table.is_complete);
}

TEST_CASE("a truncated database keeps what is left of it", "[storage][salvage]") {
    DeviceFiles files;
    files.checkpoint();
    const std::string content = content_of(files.file);
    write(files.file, content.substr(0, content.size() / 3 + 1'000));
    CHECK_FALSE(files.salvaged().at("devices").empty());
}

TEST_CASE("an unreadable file gives an empty database, and is kept", "[storage][salvage]") {
    for (const std::string& content : {std::string(10'000, 'x'), std::string(3, 'x')}) {
        DeviceFiles files;
        std::filesystem::remove(files.log);
        write(files.file, content);
        CHECK(files.salvaged().at("devices").empty());
    }
}

// Pages, or the ends of pages, are overwritten. Returns how many.
std::size_t damage(const DeviceFiles& files, std::mt19937& random, bool whole_pages) {
    std::string content = content_of(files.file);
    const std::size_t count = 1 + random() % 6;
    const bool with_zeros = random() % 2 == 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t page = random() % (content.size() / page_bytes) * page_bytes;
        for (std::size_t at = whole_pages ? 0 : random() % page_bytes; at < page_bytes; ++at)
            content[page + at] = static_cast<char>(with_zeros ? 0 : random());
    }
    write(files.file, content);
    return count;
}

TEST_CASE("pages damaged at random cost their own rows, whole tables stay whole",
          "[storage][salvage]") {
    const auto seed = std::random_device()();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 8; ++round) {
        DeviceFiles files;
        if (round % 2 == 0) files.checkpoint();
        const std::size_t damaged = damage(files, random, true);
        // The last page of a row that needs several is nothing but its content.
        if (find_damage(files.file, device_schema, Thoroughness::thorough)) files.salvaged(damaged);
    }
}

TEST_CASE("whatever the pages say, a salvage ends, and what it gives is a database",
          "[storage][salvage]") {
    const auto seed = std::random_device()();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 8; ++round) {
        DeviceFiles files;
        files.checkpoint();
        damage(files, random, false);
        if (find_damage(files.file, device_schema, Thoroughness::thorough))
            files.salvaged(std::string::npos);
    }
}

TEST_CASE("what was deleted does not come back", "[storage][salvage]") {
    DeviceFiles files;
    files.checkpoint();
    {
        SQLite::Database database = open_database(files.file, device_schema);
        database.exec("DELETE FROM api_keys WHERE created_at > -400");
        for (const char* table : tables) files.all[table] = rows_of(database, table);
    }
    std::string content = content_of(files.file);
    content.replace(0, 100, 100, '\0');
    write(files.file, content);
    const auto rows = files.salvaged();
    CHECK(rows.at("api_keys").size() == devices - 400);
}

TEST_CASE("a number that was given once is not given again after a salvage", "[storage][salvage]") {
    DeviceFiles files;
    files.checkpoint();
    const auto sequence = [&] {
        SQLite::Database database(files.file.string());
        return database.execAndGet("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").getInt();
    };
    const int before = sequence();
    CHECK(before > 500);  // rows with higher numbers were deleted
    std::string content = content_of(files.file);
    content.replace(content.size() - page_bytes, page_bytes, page_bytes, 'x');
    write(files.file, content);
    files.salvaged();
    CHECK(sequence() == before);
}

TEST_CASE("a damaged database of a newer version or another program is refused",
          "[storage][salvage]") {
    for (const char* change : {"PRAGMA user_version = 99", "PRAGMA application_id = 5"}) {
        DeviceFiles files;
        files.checkpoint();
        { SQLite::Database(files.file.string(), SQLite::OPEN_READWRITE).exec(change); }
        std::string content = content_of(files.file);
        for (std::size_t at = page_bytes; at + page_bytes <= content.size(); at += page_bytes)
            content.replace(at, page_bytes, page_bytes, 'x');
        write(files.file, content);
        CHECK_THROWS_AS(salvage(files.file, device_schema, "T"), DatabaseRefused);
        CHECK(content_of(files.file) == content);
    }
}

}  // namespace
}  // namespace drawbridge::storage
