// AuditStore: what is one row and what are two, and what goes when there is too much. Time is a
// variable.
#include "auth/audit_store.hpp"

#include <catch2/catch.hpp>

#include "auth/limits.hpp"
#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using core::AuditEvent;
using std::chrono::hours;
using std::chrono::minutes;

class Fixture : public Registry {
public:
    WallTime now = today;

    Fixture() { add("pump"); }

    static AuditEvent refused(std::string identity, std::string why = "wrong key") {
        return {.kind = AuditEvent::Kind::connect_refused,
                .identity = identity,
                .client_id = identity,
                .address = "192.0.2.7:50123",
                .why = std::move(why)};
    }
    static AuditEvent denied(std::string identity, std::string topic) {
        return {.kind = AuditEvent::Kind::publish_refused,
                .identity = identity,
                .client_id = identity,
                .address = "192.0.2.7:50123",
                .subject = std::move(topic),
                .why = "denied"};
    }
    void write(AuditStore& audit, AuditEvent event, std::uint64_t times = 1) {
        audit.write({{std::move(event), now, now, times}}, now);
    }
    std::vector<AuditRow> rows(std::string device_id = {}) {
        AuditQuery query;
        query.device_id = std::move(device_id);
        query.limit = 1'000'000;
        return list_audit(store.database(), query);
    }
};

TEST_CASE_METHOD(Fixture, "the same thing within two minutes is one row", "[auth][audit]") {
    AuditStore audit(store.database(), {});
    write(audit, refused("pump"));
    now += minutes(2);
    AuditEvent again = refused("pump");
    again.address = "192.0.2.7:60000";  // another port
    write(audit, again, 3);
    REQUIRE(rows().size() == 1);
    const AuditRow row = rows().front();
    CHECK(row.times == 4);
    CHECK(row.first_at == today);
    CHECK(row.at == now);
    CHECK(row.event == "connect_refused");
    CHECK(row.device_id == "pump");
    CHECK(row.client_id == "pump");
    CHECK(row.address == "192.0.2.7:60000");
    CHECK(row.why == "wrong key");
    now += minutes(2) + milliseconds(1);
    write(audit, refused("pump"));
    CHECK(rows().size() == 2);
}

TEST_CASE_METHOD(Fixture, "what differs in anything but the port is a row of its own",
                 "[auth][audit]") {
    AuditStore audit(store.database(), {});
    write(audit, denied("pump", "a"));
    AuditEvent other = denied("pump", "a");
    SECTION("address") { other.address = "192.0.2.8:50123"; }
    SECTION("client") { other.client_id = "agent-pump"; }
    SECTION("topic") { other.subject = "b"; }
    SECTION("reason") { other.why = "denied by the device's rule 7"; }
    SECTION("event") { other.kind = AuditEvent::Kind::subscribe_refused; }
    SECTION("device") { other.identity = "valve"; }
    write(audit, other);
    CHECK(rows().size() == 2);
}

TEST_CASE_METHOD(Fixture, "what goes on and on is a row each hour, what is routine one each day",
                 "[auth][audit]") {
    AuditStore audit(store.database(), {});
    AuditEvent end{.kind = AuditEvent::Kind::disconnected,
                   .identity = "pump",
                   .client_id = "pump",
                   .address = "192.0.2.7:1",
                   .why = "by the client",
                   .routine = true};
    for (int minute = 0; minute < 24 * 60; ++minute) {
        write(audit, denied("pump", "a"));
        write(audit, end);
        now += minutes(1);
    }
    std::size_t denials = 0;
    for (const AuditRow& row : rows()) denials += row.event == "publish_refused";
    CHECK(denials == 24);
    CHECK(rows().size() == 25);
}

TEST_CASE_METHOD(Fixture, "a restart goes on in the same row", "[auth][audit]") {
    { write(*std::make_unique<AuditStore>(store.database(), AuditBounds()), refused("pump")); }
    AuditStore audit(store.database(), {});
    write(audit, refused("pump"));
    CHECK(rows().size() == 1);
}

TEST_CASE_METHOD(Fixture, "the audit keeps so many rows, the newest", "[auth][audit]") {
    AuditStore audit(store.database(), {.max_rows = 100, .max_age = hours(24 * 90)});
    for (int i = 0; i < 150; ++i) {
        add("device-" + std::to_string(i));
        now += seconds(1);
        write(audit, refused("device-" + std::to_string(i)));
    }
    REQUIRE(rows().size() == 100);
    CHECK(rows().front().device_id == "device-149");
    CHECK(rows().back().device_id == "device-50");
    CHECK(audit.rows() == 100);
}

TEST_CASE_METHOD(Fixture, "rows that could not be written push none out", "[auth][audit]") {
    AuditStore audit(store.database(), {.max_rows = 10, .max_age = hours(24 * 90)});
    for (int i = 0; i < 5; ++i) write(audit, denied("pump", "t" + std::to_string(i)));
    store.database().exec(
        "CREATE TEMP TRIGGER full AFTER INSERT ON main.audit WHEN NEW.subject = 'last' "
        "BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    std::vector<Noted> batch;
    for (int i = 0; i < 10; ++i)
        batch.push_back({denied("pump", "u" + std::to_string(i)), now, now, 1});
    batch.push_back({denied("pump", "last"), now, now, 1});
    CHECK_THROWS_AS(audit.write(batch, now), SQLite::Exception);
    CHECK_THROWS_AS(audit.write(batch, now), SQLite::Exception);
    CHECK(rows().size() == 5);
    store.database().exec("DROP TRIGGER full");
    write(audit, denied("pump", "t5"));
    CHECK(rows().size() == 6);
}

TEST_CASE_METHOD(Fixture, "the audit keeps rows for so long", "[auth][audit]") {
    AuditStore audit(store.database(), {.max_rows = 100, .max_age = hours(24)});
    write(audit, refused("pump"));
    now += hours(24);
    audit.write({}, now);
    CHECK(rows().size() == 1);
    now += milliseconds(1);
    audit.write({}, now);
    CHECK(rows().empty());
}

TEST_CASE_METHOD(Fixture, "with max_rows = 0 nothing is kept", "[auth][audit]") {
    AuditStore audit(store.database(), {.max_rows = 0, .max_age = hours(24)});
    write(audit, refused("pump"));
    CHECK(rows().empty());
}

TEST_CASE_METHOD(Fixture, "one noisy device does not push out what is kept of others",
                 "[auth][audit]") {
    add("valve");
    AuditStore audit(store.database(), {.max_rows = 100'000, .max_age = hours(24 * 90)});
    write(audit, refused("valve"));
    record_change(store.database(), {"alice", "pump", "device added", ""}, now);
    write(audit, denied("pump", "the first"));
    std::vector<Noted> batch;
    for (int i = 0; i < 3'000; ++i)
        batch.push_back({denied("pump", std::to_string(i)), now, now, 1});
    audit.write(batch, now);
    const auto of_pump = rows("pump");
    CHECK(of_pump.size() <= limits::audit_rows_per_device_max * 7 / 8);
    CHECK(of_pump.size() >= limits::audit_rows_per_device_max / 2);
    CHECK(of_pump.front().subject == "2999");
    CHECK(of_pump.back().subject == "device added");  // what people do is kept
    CHECK(rows("valve").size() == 1);
}

TEST_CASE_METHOD(Fixture, "who tries keys does not push out the other rows of the device",
                 "[auth][audit]") {
    AuditStore audit(store.database(), {});
    write(audit, denied("pump", "a"));
    std::vector<Noted> batch;
    for (int i = 0; i < 3'000; ++i)
        batch.push_back({refused("pump", std::to_string(i)), now, now, 1});
    audit.write(batch, now);
    CHECK(rows("pump").size() <= limits::audit_rows_per_device_max / 2);
    CHECK(rows("pump").back().subject == "a");
}

TEST_CASE_METHOD(Fixture, "all names that no device has share a tenth of the audit",
                 "[auth][audit]") {
    AuditStore audit(store.database(), {.max_rows = 1'000, .max_age = hours(24 * 90)});
    write(audit, refused("pump"));
    for (int i = 0; i < 500; ++i) {
        now += seconds(1);
        write(audit, refused("made-up-" + std::to_string(i)));
    }
    CHECK(rows().size() == 101);
    CHECK(rows().back().device_id == "pump");
    CHECK(rows("made-up-499").size() == 1);
    CHECK(rows("made-up-399").empty());
}

TEST_CASE_METHOD(Fixture, "rows of a device that was removed can still be asked for",
                 "[auth][audit]") {
    AuditStore audit(store.database(), {});
    write(audit, refused("pump"));
    store.remove("pump");
    CHECK(rows("pump").size() == 1);
}

TEST_CASE_METHOD(Fixture, "what strangers make up is cut to size, between characters",
                 "[auth][audit]") {
    AuditStore audit(store.database(), {});
    AuditEvent event = denied("pump", std::string(60'000, 'x'));
    event.client_id = std::string(limits::id_bytes_max - 1, 'y') + "\xC3\xBC" + "z";
    write(audit, event);
    const AuditRow row = rows().front();
    CHECK(row.subject.size() == limits::audit_text_bytes_max + 3);
    CHECK(row.client_id == std::string(limits::id_bytes_max - 1, 'y') + "...");
    write(audit, event);
    CHECK(rows().size() == 1);
}

TEST_CASE_METHOD(Fixture, "an administrative change says who, whom and what", "[auth][audit]") {
    record_change(store.database(), {"alice (uid 1000)", "pump", "key added", "AbCd1234"}, now);
    const AuditRow row = rows().front();
    CHECK(row.event == "changed");
    CHECK(row.actor == "alice (uid 1000)");
    CHECK(row.device_id == "pump");
    CHECK(row.subject == "key added");
    CHECK(row.why == "AbCd1234");
    CHECK(row.at == now);
    CHECK(row.times == 1);
}

TEST_CASE_METHOD(Fixture, "the audit is asked by device, event and time, newest first",
                 "[auth][audit]") {
    AuditStore audit(store.database(), {});
    for (const char* id : {"pump", "valve"}) {
        write(audit, refused(id));
        now += minutes(1);
        write(audit, denied(id, "a"));
        now += minutes(1);
    }
    const auto count = [&](const AuditQuery& query) {
        return list_audit(store.database(), query).size();
    };
    CHECK(count({}) == 4);
    CHECK(count({.device_id = "pump"}) == 2);
    CHECK(count({.event = "publish_refused"}) == 2);
    CHECK(count({.device_id = "pump", .event = "publish_refused"}) == 1);
    CHECK(count({.since = today + minutes(2)}) == 2);
    CHECK(count({.since = today + minutes(2) + milliseconds(1)}) == 1);
    CHECK(count({.limit = 3}) == 3);
    CHECK(rows().front().device_id == "valve");
    CHECK(rows().front().event == "publish_refused");
}

}  // namespace
}  // namespace drawbridge::auth
