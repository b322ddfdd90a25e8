// ServiceMonitor on a broker with real shards and a real database: clients send heartbeats, and
// others see what is published. Time is the pump's.
#include "bridge/service_monitor.hpp"

#include <fmt/format.h>

#include <future>

#include "bridge/limits.hpp"
#include "storage/device_schema.hpp"
#include "tests/support/scene.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;
using namespace drawbridge::test;

namespace {

constexpr milliseconds period = seconds(10);

// Alice sends heartbeats and bob watches. The wall clock shows 1970-01-01 and as many hours as the
// pump's clock.
struct Watch : Scene {
    Watch() { connect(); }

    // The broker starts, with what is in the database.
    void start() {
        monitor.reset();
        ServiceMonitor::Options options;
        options.check_interval = period;
        options.wall = [this] {
            return WallTime(
                std::chrono::duration_cast<WallTime::duration>(pump.now().time_since_epoch()));
        };
        monitor = std::make_unique<ServiceMonitor>(
            pump.broker().shard(0), writer, options,
            ServiceStore(database).list(ServiceStore::Forgotten::include), pump.now());
        pump.settle();
    }
    // So that nothing happens at the very moment of a start or check.
    void start_and_wait() {
        start();
        pump.advance(seconds(1));
    }
    void beat(std::string_view name) {
        alice.publish(fmt::format("heartbeat/{}/service", name), "");
    }
    std::vector<Service> rows() {
        std::promise<void> written;
        writer.flush([&] { written.set_value(); });
        written.get_future().wait();
        return ServiceStore(database).list(ServiceStore::Forgotten::include);
    }
    bool forget(const std::string& name, core::TenantId tenant = 0) {
        bool forgotten = false;
        pump.run_on(0, [&](core::Shard&) { forgotten = monitor->forget(tenant, name); });
        return forgotten;
    }
    // What a newcomer finds retained.
    Texts retained() {
        TestClient newcomer = client(1, "newcomer");
        REQUIRE(newcomer.connect());
        newcomer.subscribe("services/+/status", {.qos = 1});
        newcomer.disconnect();
        return newcomer.payloads();
    }

    TemporaryDirectory directory;
    SQLite::Database database =
        storage::open_database(directory.path() / "drawbridge.db", storage::device_schema);
    ServiceWriter writer{directory.path() / "drawbridge.db"};
    std::unique_ptr<ServiceMonitor> monitor;
};

std::string status(std::string_view name, std::string_view status, std::string_view since,
                   int outages, std::string_view last_seen) {
    return fmt::format(
        R"({{"service":"{}","status":"{}","since":"1970-01-01T01:00:{}.000Z","outages":{},)"
        R"("last_seen":"1970-01-01T01:00:{}.000Z"}})",
        name, status, since, outages, last_seen);
}

core::IdentityPtr of_tenant(const TestClient& client, std::string tenant) {
    return identity(client.client_id(), {.tenant = std::move(tenant)});
}

}  // namespace

TEST_CASE("a service comes up with its first heartbeat and goes down without one",
          "[bridge][services]") {
    Watch watch;
    watch.bob.subscribe("services/+/status", {.qos = 2, .retain_as_published = true});
    watch.start_and_wait();
    const std::uint8_t qos = any_qos();
    watch.alice.publish("heartbeat/pump/service", "whatever", {.qos = qos, .retain = qos == 1});
    REQUIRE(watch.bob.payloads() == Texts{status("pump", "up", "01", 0, "01")});
    CHECK(watch.bob.last().topic == "services/pump/status");
    CHECK(watch.bob.last().qos == 1);
    CHECK(watch.bob.last().retain);
    CHECK(watch.monitor->up() == 1);

    watch.pump.advance(seconds(9));
    CHECK(watch.bob.payloads().size() == 1);
    watch.pump.advance(seconds(10));
    CHECK(watch.bob.payloads().size() == 2);
    CHECK(watch.bob.payloads().back() == status("pump", "down", "20", 1, "01"));
    CHECK(watch.monitor->up() == 0);
    CHECK(watch.monitor->down() == 1);
    CHECK(watch.retained() == Texts{status("pump", "down", "20", 1, "01")});
    CHECK(watch.rows() == watch.monitor->list());
}

TEST_CASE("heartbeats of a service that is up are not told on", "[bridge][services]") {
    Watch watch;
    watch.bob.subscribe("services/+/status");
    watch.start_and_wait();
    for (int beats = 0; beats < 12; ++beats) {
        watch.beat("pump");
        watch.pump.advance(seconds(5));
    }
    CHECK(watch.bob.payloads().size() == 1);
    CHECK(watch.monitor->list().front().last_seen == WallTime(seconds(3'600 + 1 + 55)));
    CHECK(watch.rows().front().last_seen >= WallTime(seconds(3'600 + 41)));
}

TEST_CASE("a heartbeat's last seen is in the database after a clean stop", "[bridge][services]") {
    Watch watch;
    watch.start_and_wait();
    watch.beat("pump");
    watch.pump.advance(seconds(2));
    watch.beat("pump");
    const std::vector<Service> known = watch.monitor->list();
    watch.monitor.reset();
    CHECK(watch.rows() == known);
    watch.beat("valve");
    CHECK(watch.rows() == known);
}

TEST_CASE("a service is its tenant's: others neither see it nor speak for it",
          "[bridge][services]") {
    Watch watch;
    TestClient carol = watch.client(2, "carol");
    TestClient dave = watch.client(3, "dave");
    watch.alice.disconnect();
    watch.bob.disconnect();
    REQUIRE(watch.alice.connect({.identity = of_tenant(watch.alice, "acme")}));
    REQUIRE(carol.connect({.identity = of_tenant(carol, "acme")}));
    REQUIRE(watch.bob.connect({.identity = of_tenant(watch.bob, "birch")}));
    REQUIRE(dave.connect());
    for (TestClient* one : {&carol, &watch.bob, &dave}) one->subscribe("services/+/status");
    watch.start_and_wait();
    watch.beat("pump");
    CHECK(carol.payloads() == Texts{status("pump", "up", "01", 0, "01")});
    CHECK(watch.bob.payloads().empty());
    CHECK(dave.payloads() == carol.payloads());

    watch.pump.advance(seconds(9));
    watch.pump.advance(seconds(5));
    watch.bob.publish("heartbeat/pump/service", "");
    watch.pump.advance(seconds(5));
    CHECK(carol.payloads().back() == status("pump", "down", "20", 1, "01"));
    CHECK(watch.bob.payloads() == Texts{status("pump", "up", "15", 0, "15")});
    CHECK(watch.monitor->list().size() == 2);
    CHECK(watch.retained().size() == 2);
}

TEST_CASE("after a restart what is retained is not told again, and what is not is",
          "[bridge][services]") {
    Watch watch;
    watch.start_and_wait();
    watch.beat("pump");
    watch.beat("valve");
    watch.alice.publish("services/valve/status", "", {.retain = true});  // as if it had been lost
    watch.rows();
    watch.bob.subscribe("services/+/status",
                        {.retain_handling = wire::RetainHandling::do_not_send});
    watch.start();
    CHECK(watch.bob.payloads() == Texts{status("valve", "up", "01", 0, "01")});
    CHECK(watch.retained().size() == 2);
    CHECK(watch.monitor->up() == 2);
}

TEST_CASE("who was up when the broker stopped has a whole period to be heard again",
          "[bridge][services]") {
    Watch watch;
    watch.start_and_wait();
    watch.beat("pump");
    watch.beat("valve");
    watch.monitor.reset();
    watch.rows();
    watch.pump.advance(std::chrono::hours(2));
    watch.bob.subscribe("services/+/status",
                        {.retain_handling = wire::RetainHandling::do_not_send});
    watch.start();
    watch.pump.advance(period - seconds(1));
    watch.beat("valve");
    CHECK(watch.bob.payloads().empty());
    watch.pump.advance(seconds(1));
    REQUIRE(watch.bob.payloads().size() == 1);
    CHECK(watch.bob.last().topic == "services/pump/status");
    CHECK(watch.monitor->up() == 1);
}

TEST_CASE("a service that is forgotten is nowhere any more", "[bridge][services]") {
    Watch watch;
    watch.start_and_wait();
    watch.beat("pump");
    watch.beat("valve");
    watch.bob.subscribe("services/pump/status",
                        {.retain_handling = wire::RetainHandling::do_not_send});
    CHECK_FALSE(watch.forget("fan"));
    CHECK_FALSE(watch.forget("pump", core::tenant_id("acme")));
    CHECK(watch.forget("pump"));
    CHECK(watch.bob.payloads() == Texts{""});
    CHECK(watch.retained() == Texts{status("valve", "up", "01", 0, "01")});
    CHECK(watch.monitor->up() == 1);
    CHECK_FALSE(watch.forget("pump"));

    CHECK(watch.rows().size() == 2);  // until a start has found nothing retained
    watch.start();
    CHECK(watch.rows().size() == 1);
    watch.beat("pump");
    CHECK(watch.retained().size() == 2);
}

TEST_CASE("what was forgotten while the broker was stopped is cleared at the start",
          "[bridge][services]") {
    Watch watch;
    watch.start_and_wait();
    watch.beat("pump");
    watch.monitor.reset();
    Service pump = watch.rows().front();
    pump.status = ServiceStatus::forgotten;
    ServiceStore(watch.database).put(pump);
    watch.start();
    CHECK(watch.retained().empty());
    CHECK(watch.monitor->list().empty());
    CHECK(watch.rows() == std::vector{pump});  // in case that the start is cut short
    watch.start();
    CHECK(watch.rows().empty());
}

TEST_CASE("forgetting a service leaves what is retained of the same name in a tenant",
          "[bridge][services]") {
    Watch watch;
    TestClient carol = watch.client(2, "carol");
    REQUIRE(carol.connect({.identity = of_tenant(carol, "acme")}));
    watch.start_and_wait();
    watch.beat("pump");
    carol.publish("heartbeat/pump/service", "");
    const bool other = GENERATE(false, true);
    REQUIRE(watch.forget("pump", other ? core::tenant_id("acme") : 0));
    CHECK(watch.retained() == Texts{status("pump", "up", "01", 0, "01")});
}

TEST_CASE("when very many services go down at once, all of them are told of",
          "[bridge][services]") {
    Watch watch;
    watch.start_and_wait();
    const std::size_t many = 2 * limits::service_changes_per_turn_max + 7;
    for (std::size_t i = 0; i < many; ++i) watch.beat(fmt::format("s{}", i));
    watch.pump.advance(milliseconds(10));
    watch.pump.advance(seconds(9));
    watch.bob.subscribe("services/+/status",
                        {.retain_handling = wire::RetainHandling::do_not_send});
    watch.pump.advance(period);
    CHECK(watch.bob.messages.size() < many);
    for (int turns = 0; turns < 5; ++turns) watch.pump.advance(milliseconds(1));
    CHECK(watch.bob.messages.size() == many);
    CHECK(watch.monitor->down() == many);
}

TEST_CASE("a heartbeat with a name that no service has is counted and changes nothing",
          "[bridge][services]") {
    Watch watch;
    watch.bob.subscribe("services/#");
    watch.start_and_wait();
    for (const char* topic :
         {"heartbeat//service", "heartbeat/a b/service", "heartbeat/\"/service"})
        watch.alice.publish(topic, "");
    for (const char* topic : {"heartbeat/pump", "heartbeat/pump/service/x", "x/pump/service"})
        watch.alice.publish(topic, "");
    CHECK(watch.monitor->heartbeats_ignored() == 3);
    CHECK(watch.monitor->list().empty());
    CHECK(watch.bob.payloads().empty());
}
