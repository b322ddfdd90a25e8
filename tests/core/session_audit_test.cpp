// What the broker's core tells the audit: each refusal and each end of a connection, once.
#include <catch2/catch.hpp>

#include "tests/core/fake_audit.hpp"
#include "tests/support/scene.hpp"

namespace drawbridge::core {
namespace {

using namespace test;
using Catch::Matchers::Contains;

struct Watched : Scene {
    explicit Watched(Version version = Version::v5, const Settings& settings = {})
        : Scene(version, settings, Cast{2}) {
        pump.broker().set_audit(audit);
    }
    // The one event since the last call.
    std::string only() {
        const auto lines = audit.take();
        CAPTURE(lines);
        REQUIRE(lines.size() == 1);
        return lines.front();
    }

    FakeAudit audit;  // goes first: nothing is told any more by then
};

Settings with_probe(milliseconds probe) {
    Settings settings;
    settings.duplicate_probe = probe;
    return settings;
}

TEST_CASE("each kind of end of a connection is told once, with its reason", "[core][audit]") {
    const Version version = any_version();
    Watched scene(version);
    TestClient& alice = scene.alice;
    const std::string head = "disconnected " + alice.client_id() + ": ";
    REQUIRE(alice.connect({.keep_alive_s = 10}));
    CHECK(scene.audit.events.empty());

    SECTION("by the client") {
        alice.disconnect();
        CHECK(scene.audit.events.front().routine);
        CHECK(scene.audit.events.front().identity == alice.client_id());
        CHECK(scene.audit.events.front().address == "192.0.2.7:50123");
        CHECK(scene.only() == head + "by the client");
    }
    SECTION("lost") {
        alice.drop();
        CHECK_FALSE(scene.audit.events.front().routine);
        CHECK(scene.only() == head + "the connection was lost, or closed without DISCONNECT");
    }
    SECTION("keep-alive") {
        scene.pump.advance(seconds(16));
        CHECK(scene.only() == head + "no packet for one and a half times its keep-alive");
    }
    SECTION("a broken rule") {
        alice.send_bytes(as_bytes(std::string_view("\xC1\x00", 2)));
        CHECK_THAT(scene.only(), Contains(head + "malformed packet (MQTT"));
    }
    SECTION("kicked") {
        scene.pump.run_on(0, [&](Shard& shard) { CHECK(shard.kick(alice.client_id())); });
        CHECK(scene.only() == head + "by an administrator (client kick)");
    }
    SECTION("revoked") {
        scene.pump.run_on(0, [&](Shard& shard) {
            shard.review_identities([](const std::string&, const IdentityPtr&) -> Shard::Verdict {
                return {Shard::Verdict::Kind::discard, nullptr};
            });
        });
        CHECK(scene.only() == head +
                                  "its device was disabled or removed, or what it connected with "
                                  "is not valid any more");
    }
    SECTION("shutdown") {
        scene.pump.run_on(0,
                          [](Shard& shard) { shard.disconnect_all(Reason::server_shutting_down); });
        CHECK(scene.audit.events.front().routine);
        CHECK(scene.only() == head + "the broker stops");
    }
    CHECK(scene.audit.events.empty());
}

TEST_CASE("the client's DISCONNECT with will is told as such", "[core][audit][v5]") {
    Watched scene;
    REQUIRE(scene.alice.connect());
    scene.alice.disconnect(Reason::disconnect_with_will);
    CHECK_THAT(scene.only(), Contains("by the client, which asked for its will"));
}

TEST_CASE("a takeover is told of the first connection", "[core][audit]") {
    Settings settings;
    settings.duplicate_client_id = DuplicatePolicy::take_over;
    Watched scene(any_version(), settings);
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.alice.connect());
    CHECK_THAT(scene.only(), Contains("taken over by another connection"));
}

TEST_CASE("a refused duplicate is told, and a ghost that lost its place", "[core][audit]") {
    Watched scene(any_version(), with_probe(seconds(1)));
    REQUIRE(scene.alice.connect());
    SECTION("alive") {
        scene.alice.link().host_is_up = true;
        TestClient again(scene.pump, scene.alice.client_id(), scene.alice.version);
        again.send_connect({});
        scene.pump.settle();
        scene.pump.advance(seconds(1));
        CHECK(scene.only() == "connect_refused " + again.client_id() +
                                  ": duplicate client id: the first connection is alive");
    }
    SECTION("a ghost") {
        scene.alice.link().host_is_up = false;
        TestClient again(scene.pump, scene.alice.client_id(), scene.alice.version);
        again.send_connect({});
        scene.pump.settle();
        scene.pump.advance(seconds(2));
        CHECK_THAT(scene.only(), Contains("no sign of life, its place went to 192.0.2.7:50123"));
    }
}

TEST_CASE("a session of another identity keeps its client id, and that is told", "[core][audit]") {
    Watched scene;
    REQUIRE(scene.alice.connect(persistent));
    scene.alice.disconnect();
    scene.audit.take();
    ConnectOptions other = persistent;
    other.identity = identity("mallory");
    CHECK_FALSE(scene.alice.connect(other));
    CHECK(scene.audit.events.front().identity == "mallory");
    CHECK_THAT(scene.only(), Contains("belongs to another identity"));
}

TEST_CASE("a denied PUBLISH is told with its rule, once a minute for each topic", "[core][audit]") {
    const Version version = any_version();
    Watched scene(version);
    REQUIRE(scene.alice.connect({.identity = identity("pump", {.publish = {"mine"}})}));
    const std::string line =
        "publish_refused " + scene.alice.client_id() + " theirs: the test's rule for publish";
    for (int i = 0; i < 3; ++i) {
        scene.alice.publish("theirs", "x", {.qos = 1});
        scene.alice.publish("mine", "x", {.qos = 1});  // so that it is not the last topic
    }
    CHECK(scene.audit.events.front().identity == "pump");
    CHECK(scene.only() == line);
    scene.pump.advance(seconds(60));
    scene.alice.publish("theirs", "x", {.qos = 1});
    CHECK(scene.only() == line);
    scene.alice.publish("others", "x");
    CHECK_THAT(scene.only(), Contains(" others: "));
}

TEST_CASE("a denied topic that is published to without a break is told each minute",
          "[core][audit]") {
    Watched scene;
    REQUIRE(scene.alice.connect({.identity = identity("pump", {.publish = {}})}));
    scene.alice.publish("theirs", "x");
    scene.alice.publish("theirs", "x");
    CHECK(scene.audit.take().size() == 1);
    scene.pump.advance(seconds(60));
    scene.alice.publish("theirs", "x");
    CHECK(scene.audit.take().size() == 1);
}

TEST_CASE("a PUBLISH that a bound keeps out is told with the bound", "[core][audit][v5]") {
    Settings settings;
    settings.limits.max_retained_messages = 0;
    Watched scene(Version::v5, settings);
    REQUIRE(scene.alice.connect());
    scene.alice.publish("a", "x", {.qos = 1, .retain = true});
    CHECK_THAT(scene.only(), Contains("publish_refused") && Contains("retained store is full"));
    scene.alice.publish("a", "x", {.qos = 1});
    CHECK(scene.audit.events.empty());
}

TEST_CASE("where a denied PUBLISH disconnects, both are told", "[core][audit]") {
    Settings settings;
    settings.denied_publish = DeniedPublish::disconnect;
    Watched scene(any_version(), settings);
    REQUIRE(scene.alice.connect({.identity = identity("pump", {.publish = {}})}));
    scene.alice.publish("theirs", "x");
    const auto lines = scene.audit.take();
    REQUIRE(lines.size() == 2);
    CHECK_THAT(lines[0], Contains("publish_refused"));
    CHECK_THAT(lines[1], Contains("disconnected") && Contains("acl denied_publish"));
}

TEST_CASE("each filter of a SUBSCRIBE that is refused is told, once a minute", "[core][audit]") {
    Watched scene(any_version());
    REQUIRE(scene.alice.connect({.identity = identity("pump", {.subscribe = {"mine/#"}})}));
    scene.alice.subscribe("theirs");
    scene.alice.subscribe("theirs");
    CHECK(scene.only() == "subscribe_refused " + scene.alice.client_id() +
                              " theirs: the test's rule for subscribe");
    scene.alice.subscribe("mine/#");
    CHECK(scene.audit.events.empty());
    scene.alice.subscribe("$share/g/theirs");
    CHECK_THAT(scene.only(), Contains("$share/g/theirs: the test's rule for subscribe"));
    scene.pump.advance(seconds(60));
    scene.alice.subscribe("theirs");
    CHECK_THAT(scene.only(), Contains(" theirs: "));
}

TEST_CASE("one subscription too many is told with its bound", "[core][audit]") {
    Settings settings;
    settings.limits.max_subscriptions_per_client = 1;
    Watched scene(any_version(), settings);
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("a");
    CHECK(scene.audit.events.empty());
    scene.alice.subscribe("b");
    CHECK_THAT(scene.only(), Contains("b: ") && Contains("max_subscriptions_per_client"));
}

TEST_CASE("a subscription that new rules end is told", "[core][audit]") {
    Watched scene;
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("a");
    scene.pump.run_on(0, [&](Shard& shard) {
        shard.review_identities([&](const std::string&, const IdentityPtr&) -> Shard::Verdict {
            return {Shard::Verdict::Kind::replace,
                    identity(scene.alice.client_id(), {.subscribe = {}})};
        });
    });
    CHECK_THAT(scene.only(), Contains("subscribe_refused") && Contains("not allow"));
}

TEST_CASE("a denied will is told, at CONNECT or when it would be sent", "[core][audit]") {
    Settings settings;
    SECTION("sent") {
        Watched scene(any_version(), settings);
        REQUIRE(scene.alice.connect({.will = TestWill{.topic = "theirs", .payload = "x"},
                                     .identity = identity("pump", {.publish = {}})}));
        scene.alice.drop();
        const auto lines = scene.audit.take();
        REQUIRE(lines.size() == 2);
        CHECK(lines[1] ==
              "will_refused " + scene.alice.client_id() + " theirs: the test's rule for publish");
    }
    SECTION("at CONNECT") {
        settings.denied_publish = DeniedPublish::disconnect;
        Watched scene(any_version(), settings);
        CHECK_FALSE(scene.alice.connect({.will = TestWill{.topic = "theirs", .payload = "x"},
                                         .identity = identity("pump", {.publish = {}})}));
        const auto lines = scene.audit.take();
        REQUIRE(lines.size() == 2);
        CHECK_THAT(lines[0], Contains("will_refused"));
        CHECK_THAT(lines[1], Contains("connect_refused"));
    }
}

TEST_CASE("a session too many is told", "[core][audit]") {
    Settings settings;
    settings.limits.max_sessions = 1;
    Watched scene(any_version(), settings);
    REQUIRE(scene.alice.connect());
    CHECK_FALSE(scene.bob.connect());
    CHECK_THAT(scene.only(), Contains(scene.bob.client_id()) && Contains("max_sessions"));
}

}  // namespace
}  // namespace drawbridge::core
