// The schema of drawbridge.db: its triggers tell whose identity changed, whoever changed it and
// however.
#include "storage/device_schema.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace drawbridge::storage {
namespace {

using Ids = std::vector<std::string>;

class DevicesFile {
public:
    DevicesFile() : database(open_database(directory_.path() / "drawbridge.db", device_schema)) {
        database.exec(R"sql(
            INSERT INTO devices (device_id, profile, created_at) VALUES ('a', 'core', 1), ('b', 'core', 1);
            INSERT INTO api_keys (key_id, device_id, hash, created_at) VALUES ('ka', 'a', x'00', 1);
            INSERT INTO rules (device_id, effect, operation, filter) VALUES ('a', 'allow', 'publish', 'x');
            DELETE FROM changes)sql");
    }

    // Who is recorded as changed by this SQL.
    Ids changed_by(const std::string& sql) {
        database.exec("DELETE FROM changes");
        database.exec(sql);
        SQLite::Statement query(database, "SELECT device_id FROM changes ORDER BY seq");
        Ids ids;
        while (query.executeStep()) ids.push_back(query.getColumn(0).getString());
        return ids;
    }

private:
    test::TemporaryDirectory directory_;

public:
    SQLite::Database database;
};

TEST_CASE("every change of a device, its keys and its rules is recorded", "[storage][schema]") {
    DevicesFile file;
    CHECK(file.changed_by("INSERT INTO devices (device_id, profile, created_at) "
                          "VALUES ('c', 'core', 1)") == Ids{"c"});
    CHECK(file.changed_by("UPDATE devices SET enabled = 0 WHERE device_id = 'a'") == Ids{"a"});
    CHECK(file.changed_by("UPDATE devices SET profile = 'open' WHERE device_id = 'a'") == Ids{"a"});
    CHECK(file.changed_by("UPDATE devices SET tenant = 't' WHERE device_id = 'a'") == Ids{"a"});
    CHECK(file.changed_by("INSERT INTO api_keys (key_id, device_id, hash, created_at) "
                          "VALUES ('kb', 'b', x'00', 1)") == Ids{"b"});
    CHECK(file.changed_by("UPDATE api_keys SET expires_at = 5 WHERE key_id = 'kb'") == Ids{"b"});
    CHECK(file.changed_by("DELETE FROM api_keys WHERE key_id = 'kb'") == Ids{"b"});
    CHECK(file.changed_by("INSERT INTO rules (device_id, effect, operation, filter) "
                          "VALUES ('b', 'deny', 'publish', 'x')") == Ids{"b"});
    CHECK(file.changed_by("UPDATE rules SET filter = 'y' WHERE device_id = 'b'") == Ids{"b"});
    CHECK(file.changed_by("DELETE FROM rules WHERE device_id = 'b'") == Ids{"b"});
    CHECK(file.changed_by("DELETE FROM devices WHERE device_id = 'a'") == Ids{"a"});
    CHECK(file.changed_by("UPDATE devices SET device_id = 'd' WHERE device_id = 'b'") ==
          Ids{"b", "d"});
}

TEST_CASE("every change of a device's PSK, channels and kind is recorded", "[storage][schema]") {
    DevicesFile file;
    CHECK(file.changed_by("INSERT INTO psks (device_id, psk_id, sealed, created_at) "
                          "VALUES ('a', 'p1', x'00', 1)") == Ids{"a"});
    CHECK(file.changed_by("UPDATE psks SET psk_id = 'p2', sealed = x'01'") == Ids{"a"});
    CHECK(file.changed_by("UPDATE psks SET last_used_at = 2") == Ids{});
    CHECK(file.changed_by("DELETE FROM psks") == Ids{"a"});
    CHECK(file.changed_by("INSERT INTO channels VALUES ('b', 'c1')") == Ids{"b"});
    CHECK(file.changed_by("UPDATE channels SET channel = 'c2'") == Ids{"b"});
    CHECK(file.changed_by("DELETE FROM channels") == Ids{"b"});
    CHECK(file.changed_by("UPDATE devices SET kind = 'service' WHERE device_id = 'a'") == Ids{"a"});
}

TEST_CASE("every change of a profile is recorded, by its name", "[storage][schema]") {
    DevicesFile file;
    const auto changed_by = [&](const std::string& sql) {
        file.database.exec("DELETE FROM profile_changes");
        CHECK(file.changed_by(sql) == Ids{});
        SQLite::Statement query(file.database, "SELECT name FROM profile_changes ORDER BY seq");
        Ids names;
        while (query.executeStep()) names.push_back(query.getColumn(0).getString());
        return names;
    };
    CHECK(changed_by("INSERT INTO profiles VALUES ('p', 'x', 1)") == Ids{"p"});
    CHECK(changed_by("UPDATE profiles SET text = 'y'") == Ids{"p"});
    CHECK(changed_by("UPDATE profiles SET name = 'q'") == Ids{"p", "q"});
    CHECK(changed_by("DELETE FROM profiles") == Ids{"q"});
}

TEST_CASE("what happened stays known when its device is removed", "[storage][schema]") {
    DevicesFile file;
    file.database.exec(
        "INSERT INTO audit (first_at, at, event, device_id) VALUES (1, 1, 'changed', 'a');"
        "DELETE FROM devices WHERE device_id = 'a'");
    CHECK(file.database.execAndGet("SELECT count(*) FROM audit").getInt() == 1);
}

TEST_CASE("a device that is replaced is recorded", "[storage][schema]") {
    DevicesFile file;
    CHECK(file.changed_by("INSERT OR REPLACE INTO devices (device_id, profile, created_at) "
                          "VALUES ('a', 'open', 1)") == Ids{"a"});
    CHECK(file.changed_by("INSERT OR IGNORE INTO devices (device_id, profile, created_at) "
                          "VALUES ('n', 'open', 1)") == Ids{"n"});
}

TEST_CASE("what the broker writes about a device is not a change of it", "[storage][schema]") {
    DevicesFile file;
    CHECK(file.changed_by("UPDATE devices SET last_seen = 5, last_refusal_at = 6, "
                          "last_refusal = 'x', name = 'y'") == Ids{});
    CHECK(file.changed_by("UPDATE api_keys SET last_used_at = 5, label = 'x'") == Ids{});
}

TEST_CASE("a device has at most one row among the changes, the newest", "[storage][schema]") {
    DevicesFile file;
    CHECK(file.changed_by("UPDATE devices SET enabled = 0 WHERE device_id = 'a';"
                          "UPDATE devices SET enabled = 0 WHERE device_id = 'b';"
                          "UPDATE devices SET enabled = 1 WHERE device_id = 'a'") == Ids{"b", "a"});
}

TEST_CASE("a change's number is never used again", "[storage][schema]") {
    DevicesFile file;
    const auto newest = [&] {
        return file.database.execAndGet("SELECT max(seq) FROM changes").getInt64();
    };
    file.database.exec("UPDATE devices SET enabled = 0");
    const auto before = newest();
    file.database.exec("DELETE FROM changes");
    file.database.exec("UPDATE devices SET enabled = 1");
    CHECK(newest() > before);
}

TEST_CASE("keys and rules go with their device, and need one", "[storage][schema]") {
    DevicesFile file;
    file.database.exec("DELETE FROM devices WHERE device_id = 'a'");
    CHECK(file.database.execAndGet("SELECT count(*) FROM api_keys").getInt() == 0);
    CHECK(file.database.execAndGet("SELECT count(*) FROM rules").getInt() == 0);
    CHECK_THROWS(
        file.database.exec("INSERT INTO api_keys (key_id, device_id, hash, created_at) "
                           "VALUES ('k', 'nobody', x'00', 1)"));
}

}  // namespace
}  // namespace drawbridge::storage
