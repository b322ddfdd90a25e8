// When CONNACK comes, and what it says. MQTT 5.0, section 3.2. Refusals that need no session are in
// connect_request_test.cpp, the duplicate client id is in shard_admission_test.cpp.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

// A number for each of these properties, as far as CONNACK of 5.0 has it.
constexpr PropertyId restrictions[] = {PropertyId::maximum_qos, PropertyId::retain_available,
                                       PropertyId::wildcard_subscription_available,
                                       PropertyId::subscription_identifier_available,
                                       PropertyId::shared_subscription_available};

}  // namespace

TEST_CASE("MQTT5-3.2.0-1, MQTT5-3.2.0-2, MQTT311-3.2.0-1: CONNACK comes once, before all else",
          "[core][connack]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.drop();
    scene.alice.publish("a/b", "1", {.qos = 1});
    scene.alice.publish("a/b", "2", {.qos = 1});

    // What waits for the client, and what it asks before it has been let in, comes behind it.
    scene.bob.send_connect(persistent);
    scene.bob.send_subscribe("a/c", {});
    scene.bob.send_publish("a/d", "3", {.qos = 1});
    scene.pump.settle();
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
    CHECK(scene.bob.count_of(PacketType::suback) == 1);
    CHECK(scene.bob.count_of(PacketType::puback) == 1);
    REQUIRE(scene.bob.packets.size() == 5);
    CHECK(scene.bob.packets.front().type == PacketType::connack);
    CHECK(scene.bob.count_of(PacketType::connack) == 1);
}

TEST_CASE("MQTT5-3.1.3-2, MQTT311-3.1.3-2: each client id has a session of its own",
          "[core][connack]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect(persistent));
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.drop();

    // Neither a part of its id nor another spelling is bob.
    const std::string id = scene.bob.client_id();
    for (const std::string& other : {id.substr(0, id.size() - 1), id + "0", "B" + id.substr(1)}) {
        INFO(other);
        TestClient stranger(scene.pump, other, scene.bob.version);
        REQUIRE(stranger.connect(persistent));
        CHECK_FALSE(stranger.connack().session_present);
    }
    TestClient back(scene.pump, id, scene.bob.version);
    REQUIRE(back.connect(persistent));
    CHECK(back.connack().session_present);
    scene.alice.publish("a/b", "1", {.qos = 1});
    CHECK(back.payloads() == Texts{"1"});
}

TEST_CASE("MQTT5-3.1.2-28: Response Information is not sent to who has not asked for it",
          "[core][connack]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    CHECK_FALSE(scene.alice.connack().properties().has(PropertyId::response_information));
    wire::PropertyWriter properties;
    properties.number(PropertyId::request_response_information, 0);
    REQUIRE(scene.bob.connect({.properties = properties.list()}));
    CHECK_FALSE(scene.bob.connack().properties().has(PropertyId::response_information));
}

TEST_CASE("MQTT5-3.2.2-9, MQTT5-3.2.2-10: everything is supported, so CONNACK restricts nothing",
          "[core][connack]") {
    Scene scene;
    scene.connect();
    for (const PropertyId restriction : restrictions)
        CHECK_FALSE(scene.bob.connack().properties().has(restriction));
    for (std::uint8_t qos = 0; qos <= 2; ++qos) {
        CHECK(scene.bob.subscribe("a/+", {.qos = qos}, 7) == static_cast<Reason>(qos));
        scene.bob.forget();
        scene.alice.publish("a/b", "1", {.qos = qos, .retain = true});
        REQUIRE(scene.bob.payloads() == Texts{"1"});
        CHECK(scene.bob.last().qos == qos);
    }
    CHECK(scene.alice.subscribe("$share/group/a/#") == Reason::success);
}
