// Clients of MQTT 3.1, whose CONNECT says MQIsdp: they are served like those of 3.1.1.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

struct OldScene : Scene {
    OldScene() : Scene(Version::v3_1), modern(client(2, "modern")) { REQUIRE(modern.connect()); }

    TestClient modern;
};

}  // namespace

TEST_CASE("MQTT31: messages pass between clients of 3.1 and 5.0 at every QoS", "[core][v31]") {
    OldScene scene;
    scene.connect();
    const std::uint8_t qos = any_qos();
    CHECK(scene.bob.subscribe("a/+", {.qos = qos}) == static_cast<Reason>(qos));
    CHECK(scene.modern.subscribe("a/+", {.qos = qos}) == static_cast<Reason>(qos));
    scene.alice.publish("a/b", "old", {.qos = qos});
    wire::PropertyWriter properties;
    properties.user("name", "value").number(PropertyId::message_expiry_interval, 9);
    scene.modern.publish("a/b", "new", {.qos = qos, .properties = properties.list()});
    CHECK(scene.bob.payloads() == Texts{"old", "new"});
    CHECK(scene.modern.payloads() == Texts{"old", "new"});
    CHECK(scene.bob.last().qos == qos);
    CHECK(scene.bob.unsubscribe("a/+") == Reason::success);
    scene.alice.publish("a/b", "later", {.qos = qos});
    CHECK(scene.bob.messages.size() == 2);
    CHECK(scene.bob.ping());
}

TEST_CASE("MQTT31: a session without clean session goes on, with what has waited", "[core][v31]") {
    OldScene scene;
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a", {.qos = 2});
    scene.bob.acknowledges = false;
    scene.modern.publish("a", "unacknowledged", {.qos = 1});
    scene.bob.drop();
    scene.bob.forget();
    for (const std::uint8_t qos : std::vector<std::uint8_t>{0, 1, 2})
        scene.modern.publish("a", std::to_string(qos), {.qos = qos});
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{"unacknowledged", "1", "2"});
    CHECK(scene.bob.messages[0].dup);
    scene.bob.drop();
    REQUIRE(scene.bob.connect());  // clean session
    scene.bob.forget();
    scene.modern.publish("a", "later", {.qos = 1});
    CHECK(scene.bob.messages.empty());
}

TEST_CASE("MQTT31: wills and retained messages are kept for all", "[core][v31]") {
    OldScene scene;
    REQUIRE(scene.bob.connect({.will = TestWill{"status/bob", "gone", 1, true}}));
    scene.bob.drop();
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("status/+", {.qos = 1});
    REQUIRE(scene.alice.payloads() == Texts{"gone"});
    CHECK(scene.alice.last().retain);
    scene.modern.subscribe("status/+", {.qos = 1});
    CHECK(scene.modern.payloads() == Texts{"gone"});
}

TEST_CASE("MQTT31: a refused filter is refused in SUBACK, a denied PUBLISH is acknowledged",
          "[core][v31]") {
    OldScene scene;
    scene.modern.subscribe("#", {.qos = 1});
    REQUIRE(scene.bob.connect(
        {.identity = identity("bob", {.deny_publish = {"no"}, .deny_subscribe = {"no"}})}));
    CHECK(scene.bob.subscribe("no") == Reason::unspecified_error);  // 0x80
    CHECK(scene.bob.publish("no", "1", {.qos = 1}) == Reason::success);
    CHECK(scene.bob.publish("yes", "2", {.qos = 1}) == Reason::success);
    CHECK(scene.modern.payloads() == Texts{"2"});
}

TEST_CASE("MQTT31: silence ends a connection, and DISCONNECT is never sent", "[core][v31]") {
    OldScene scene;
    REQUIRE(scene.bob.connect({.keep_alive_s = 10}));
    scene.pump.advance(milliseconds(14'999));
    CHECK(scene.bob.is_connected());
    scene.pump.advance(milliseconds(1));
    CHECK(scene.bob.was_closed());
    CHECK(scene.bob.packets.size() == 1);
}
