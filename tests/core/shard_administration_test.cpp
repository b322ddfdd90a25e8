// What an administrator does to live sessions: new rules, disconnecting, ending them.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

using Verdict = core::Shard::Verdict;

// Passes the verdict on the session of one client; all others stay as they are.
void review(Scene& scene, const TestClient& concerned, Verdict::Kind kind,
            core::IdentityPtr identity = {}) {
    for (unsigned index = 0; index < scene.pump.broker().shards(); ++index)
        scene.pump.run_on(index, [&](core::Shard& shard) {
            shard.review_identities([&](const std::string& client_id, const core::IdentityPtr&) {
                return client_id == concerned.client_id() ? Verdict{kind, identity} : Verdict{};
            });
        });
}

void kick(Scene& scene, std::string_view client_id, bool expected) {
    scene.pump.run_on(scene.pump.broker().home_of(client_id),
                      [&](core::Shard& shard) { CHECK(shard.kick(client_id) == expected); });
}

}  // namespace

TEST_CASE("a session that is kicked loses its connection and nothing else",
          "[core][administration]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("status/#");
    ConnectOptions options = persistent;
    options.will = TestWill{"status/bob", "gone"};
    REQUIRE(scene.bob.connect(options));
    kick(scene, "nobody", false);
    kick(scene, scene.bob.client_id(), true);
    CHECK(scene.bob.was_closed());
    if (scene.bob.version == Version::v5)
        CHECK(scene.bob.disconnect_reason() == Reason::administrative_action);
    CHECK(scene.alice.payloads() == Texts{"gone"});
    kick(scene, scene.bob.client_id(), false);  // not connected any more
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present);
}

TEST_CASE("MQTT5-3.14.2-1: a broker that stops says 0x8B to all", "[core][administration]") {
    Scene scene(any_version());
    scene.connect();
    for (unsigned index = 0; index < scene.pump.broker().shards(); ++index)
        scene.pump.run_on(
            index, [](core::Shard& shard) { shard.disconnect_all(Reason::server_shutting_down); });
    for (const TestClient* client : {&scene.alice, &scene.bob}) {
        CHECK(client->was_closed());
        if (client->version == Version::v5)
            CHECK(client->disconnect_reason() == Reason::server_shutting_down);
    }
    CHECK(scene.pump.count(&core::Stats::connections) == 0);
}

TEST_CASE("new rules hold at once for what a session publishes", "[core][administration]") {
    Scene scene;
    scene.connect();
    scene.alice.subscribe("#", {.qos = 1});
    CHECK(scene.bob.publish("a", "1", {.qos = 1}) == Reason::success);
    review(scene, scene.bob, Verdict::Kind::replace,
           identity(scene.bob.client_id(), {.publish = {"b"}}));
    CHECK(scene.bob.publish("a", "2", {.qos = 1}) == Reason::not_authorized);
    CHECK(scene.bob.publish("b", "3", {.qos = 1}) == Reason::success);
    CHECK(scene.alice.payloads() == Texts{"1", "3"});
}

TEST_CASE("new rules end the subscriptions that they do not allow", "[core][administration]") {
    Scene scene(any_version());
    scene.connect();
    for (const char* filter : {"a", "b/#", "$share/g/a", "$share/g/b"}) scene.bob.subscribe(filter);
    scene.alice.publish("a", "1");
    review(scene, scene.bob, Verdict::Kind::replace,
           identity(scene.bob.client_id(), {.subscribe = {"b/#"}, .deny_subscribe = {"b/secret"}}));
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 2);
    scene.bob.forget();
    for (const char* topic : {"a", "b/secret", "b/open", "b"}) scene.alice.publish(topic, topic);
    Texts got = scene.bob.payloads();
    std::ranges::sort(got);
    CHECK(got == Texts{"b", "b", "b/open"});  // "b" by both that are left
}

TEST_CASE("new rules that allow more let through what was denied inside a wildcard",
          "[core][administration]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    const std::string id = scene.bob.client_id();
    REQUIRE(scene.bob.connect({.identity = identity(id, {.deny_subscribe = {"a/secret"}})}));
    scene.bob.subscribe("a/#");
    scene.alice.publish("a/secret", "1");
    review(scene, scene.bob, Verdict::Kind::replace, identity(id));
    scene.alice.publish("a/secret", "2");
    CHECK(scene.bob.payloads() == Texts{"2"});
}

TEST_CASE("rules that were narrowed while a client was away hold when it is back",
          "[core][administration]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    const std::string id = scene.bob.client_id();
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a", {.qos = 1});
    scene.bob.subscribe("b/#", {.qos = 1});
    scene.alice.publish("b/secret", "makes the route known", {.qos = 1});
    scene.bob.drop();
    scene.bob.forget();
    ConnectOptions narrowed = persistent;
    narrowed.identity = identity(id, {.subscribe = {"b/#"}, .deny_subscribe = {"b/secret"}});
    REQUIRE(scene.bob.connect(narrowed));
    CHECK(scene.bob.connack().session_present);
    for (const char* topic : {"a", "b/secret", "b/open"})
        scene.alice.publish(topic, topic, {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"b/open"});
}

TEST_CASE("a verdict can disconnect a session, or end it", "[core][administration]") {
    Scene scene(any_version());
    const bool ends = GENERATE(true, false);
    const bool connected = GENERATE(true, false);
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a", {.qos = 1});
    if (!connected) scene.bob.drop();
    review(scene, scene.bob, ends ? Verdict::Kind::discard : Verdict::Kind::disconnect);
    if (connected) {
        CHECK(scene.bob.was_closed());
        if (scene.bob.version == Version::v5)
            CHECK(scene.bob.disconnect_reason() == Reason::not_authorized);
    }
    CHECK(scene.alice.is_connected());
    CHECK(scene.pump.count(&core::Stats::sessions) == (ends ? 1 : 2));
    CHECK(scene.pump.count(&core::Stats::subscriptions) == (ends ? 0 : 1));
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present != ends);
}

TEST_CASE("a verdict ends a session that would have ended with its connection",
          "[core][administration]") {
    Scene scene(any_version());
    scene.connect();
    review(scene, scene.bob, Verdict::Kind::discard);
    CHECK(scene.bob.was_closed());
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
}
