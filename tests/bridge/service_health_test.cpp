// ServiceHealth: heartbeats and checks in, up and down out. Time is a number.
#include "bridge/service_health.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "bridge/limits.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

using Heard = ServiceHealth::Heard;
using Names = std::vector<std::string>;

constexpr Duration period = seconds(10);
const WallTime today{std::chrono::hours(24 * 20'000)};

// Both clocks go on together, unless a test moves one of them.
struct Life {
    explicit Life(TimePoint began = TimePoint(std::chrono::hours(5))) : now(began) {}

    void pass(Duration time) {
        now += time;
        wall += std::chrono::duration_cast<WallTime::duration>(time);
    }
    Heard beat(std::string_view name, core::TenantId tenant = 0) {
        return health.heard(tenant, name, now, wall);
    }
    // The names of those that went down.
    Names check() {
        Names down;
        health.check(now, wall, [&](const Service& service) { down.push_back(service.name); });
        return down;
    }
    const Service& service(std::string_view name) { return *health.find(0, name); }

    TimePoint now;
    WallTime wall = today;
    ServiceHealth health{period, now};
};

Service known(std::string name, ServiceStatus status, core::TenantId tenant = 0) {
    return {.tenant = tenant,
            .name = std::move(name),
            .status = status,
            .since = today - std::chrono::hours(3),
            .last_seen = today - std::chrono::hours(1),
            .outages = 2};
}

}  // namespace

TEST_CASE("a heartbeat makes a service up, since that moment", "[bridge][services]") {
    Life life;
    CHECK(life.beat("pump") == Heard::came_up);
    CHECK(life.service("pump") ==
          Service{.name = "pump", .status = ServiceStatus::up, .since = today, .last_seen = today});
    life.pass(seconds(3));
    CHECK(life.beat("pump") == Heard::still_up);
    CHECK(life.service("pump").since == today);
    CHECK(life.service("pump").last_seen == today + seconds(3));
    CHECK(life.health.up() == 1);
}

TEST_CASE("a service that sends none between two checks goes down at the second",
          "[bridge][services]") {
    Life life;
    life.pass(seconds(1));
    life.beat("pump");
    life.beat("valve");
    life.pass(seconds(9));
    CHECK(life.check() == Names{});
    life.pass(seconds(5));
    life.beat("valve");
    life.pass(seconds(5));
    CHECK(life.check() == Names{"pump"});
    CHECK(life.service("pump").status == ServiceStatus::down);
    CHECK(life.service("pump").since == today + seconds(20));
    CHECK(life.service("pump").last_seen == today + seconds(1));
    CHECK(life.service("pump").outages == 1);
    CHECK(life.health.up() == 1);
    CHECK(life.health.down() == 1);
}

TEST_CASE("a service is down once, however long, and its next heartbeat ends the outage",
          "[bridge][services]") {
    Life life;
    life.beat("pump");
    life.pass(period);
    life.check();
    for (int checks = 0; checks < 3; ++checks) {
        life.pass(period);
        CHECK(life.check() == Names{});
    }
    CHECK(life.service("pump").outages == 1);
    life.pass(seconds(1));
    CHECK(life.beat("pump") == Heard::came_up);
    CHECK(life.service("pump").since == life.wall);
    CHECK(life.service("pump").outages == 1);
}

TEST_CASE("a heartbeat at the moment of a check counts for the period that ends there",
          "[bridge][services]") {
    Life life;
    life.pass(period);
    life.beat("pump");
    CHECK(life.check() == Names{});
    life.pass(period);
    CHECK(life.check() == Names{"pump"});
}

TEST_CASE("who was up in the last life has one whole period to be heard", "[bridge][services]") {
    Life life;
    REQUIRE(life.health.restore(known("pump", ServiceStatus::up)));
    REQUIRE(life.health.restore(known("valve", ServiceStatus::up)));
    CHECK(life.service("pump") == known("pump", ServiceStatus::up));
    CHECK(life.health.next_check() == life.now + period);
    life.pass(period - seconds(1));
    CHECK(life.beat("valve") == Heard::still_up);
    CHECK(life.service("valve").since == today - std::chrono::hours(3));
    life.pass(seconds(1));
    CHECK(life.check() == Names{"pump"});
    CHECK(life.service("pump").last_seen == today - std::chrono::hours(1));
    CHECK(life.service("pump").outages == 3);
}

TEST_CASE("who was down in the last life stays down until it is heard", "[bridge][services]") {
    Life life;
    REQUIRE(life.health.restore(known("pump", ServiceStatus::down)));
    life.pass(period);
    CHECK(life.check() == Names{});
    CHECK(life.service("pump") == known("pump", ServiceStatus::down));
    CHECK(life.beat("pump") == Heard::came_up);
    CHECK(life.service("pump").outages == 2);
}

TEST_CASE("a check that comes much too late is no outage: the broker was away",
          "[bridge][services]") {
    Life life;
    life.beat("pump");
    life.pass(period + period / 2 + milliseconds(1));
    CHECK(life.check() == Names{});
    life.pass(period);
    CHECK(life.check() == Names{"pump"});
}

TEST_CASE("a check that comes a little late counts", "[bridge][services]") {
    Life life;
    life.beat("pump");
    life.pass(period + period / 2);
    CHECK(life.check() == Names{"pump"});
}

TEST_CASE("a time of day that jumps makes no outage and hides none", "[bridge][services]") {
    Life life;
    life.pass(seconds(1));
    life.beat("pump");
    life.beat("valve");
    life.wall += std::chrono::hours(10);
    life.pass(seconds(9));
    CHECK(life.check() == Names{});
    life.wall -= std::chrono::hours(30);
    life.pass(seconds(5));
    life.beat("valve");
    life.pass(seconds(5));
    CHECK(life.check() == Names{"pump"});
}

TEST_CASE("a service's name is a plain id of at most 128 characters", "[bridge][services]") {
    Life life;
    for (const std::string& name :
         {std::string(), std::string("a b"), std::string("a\"b"), std::string("+"),
          std::string("\xC3\xA4"), std::string(129, 'x')})
        CHECK(life.beat(name) == Heard::bad_name);
    CHECK(life.health.up() == 0);
    for (const std::string& name : {std::string("A-z.0_9:x"), std::string(128, 'x')})
        CHECK(life.beat(name) == Heard::came_up);
    CHECK_FALSE(life.health.restore(known("a\"b", ServiceStatus::up)));
}

TEST_CASE("the same name in two tenants is two services", "[bridge][services]") {
    Life life;
    life.pass(seconds(1));
    life.beat("pump", 1);
    CHECK(life.health.find(2, "pump") == nullptr);
    CHECK(life.health.find(0, "pump") == nullptr);
    life.pass(seconds(9));
    CHECK(life.check() == Names{});
    life.pass(seconds(5));
    CHECK(life.beat("pump", 2) == Heard::came_up);
    CHECK(life.beat("pump", 2) == Heard::still_up);
    life.pass(seconds(5));
    CHECK(life.check() == Names{"pump"});
    CHECK(life.health.find(1, "pump")->status == ServiceStatus::down);
    CHECK(life.health.find(2, "pump")->status == ServiceStatus::up);
}

TEST_CASE("one tenant cannot take the places of the others", "[bridge][services]") {
    Life life;
    for (std::size_t i = 0; i < limits::services_per_tenant_max; ++i)
        REQUIRE(life.beat("s" + std::to_string(i), 1) == Heard::came_up);
    CHECK(life.beat("one-more", 1) == Heard::no_room);
    CHECK(life.beat("s0", 1) == Heard::still_up);
    CHECK(life.beat("one-more", 2) == Heard::came_up);
    CHECK(life.beat("one-more", 0) == Heard::came_up);
    REQUIRE(life.health.forget(1, "s7"));
    CHECK(life.beat("one-more", 1) == Heard::came_up);
    CHECK(life.beat("and-another", 1) == Heard::no_room);
}

TEST_CASE("there are never more services than services_max", "[bridge][services]") {
    Life life;
    for (std::size_t i = 0; i < limits::services_max; ++i)
        REQUIRE(life.beat("s" + std::to_string(i)) == Heard::came_up);
    CHECK(life.beat("one-more") == Heard::no_room);
    CHECK(life.beat("one-more", 3) == Heard::no_room);
    CHECK_FALSE(life.health.restore(known("one-more", ServiceStatus::up)));
    CHECK(life.beat("s0") == Heard::still_up);
    CHECK(life.health.up() == limits::services_max);
}

TEST_CASE("a service that is forgotten is gone, with its outages, until it is heard again",
          "[bridge][services]") {
    Life life;
    REQUIRE(life.health.restore(known("pump", ServiceStatus::down)));
    REQUIRE(life.health.restore(known("valve", ServiceStatus::up)));
    CHECK_FALSE(life.health.forget(1, "pump"));
    CHECK(life.health.forget(0, "pump"));
    CHECK(life.health.forget(0, "valve"));
    CHECK_FALSE(life.health.forget(0, "valve"));
    CHECK(life.health.up() + life.health.down() == 0);
    CHECK(life.beat("pump") == Heard::came_up);
    CHECK(life.service("pump").outages == 0);
}
