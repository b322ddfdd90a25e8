// What the broker answers, and with which packet identifier. MQTT 5.0, sections 2.2.1 and 3.3.4.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

// Far from what TestClient counts up to by itself.
constexpr std::uint16_t any_id = 0xABCD;

std::vector<PacketType> types(const TestClient& client) {
    std::vector<PacketType> types;
    for (const Packet& packet : client.packets) types.push_back(packet.type);
    return types;
}

}  // namespace

TEST_CASE("MQTT5-3.3.4-1, MQTT311-3.3.4-1: a PUBLISH is answered as its QoS demands",
          "[core][session]") {
    using Types = std::vector<PacketType>;
    Scene scene(any_version());
    scene.connect();
    scene.alice.publish("a", "0", {.qos = 0});
    CHECK(types(scene.alice) == Types{PacketType::connack});
    CHECK(scene.alice.publish("a", "1", {.qos = 1}) == Reason::success);
    CHECK(types(scene.alice) == Types{PacketType::connack, PacketType::puback});
    CHECK(scene.alice.publish("a", "2", {.qos = 2}) == Reason::success);
    CHECK(types(scene.alice) ==
          Types{PacketType::connack, PacketType::puback, PacketType::pubrec, PacketType::pubcomp});
}

TEST_CASE("MQTT5-2.2.1-5, MQTT311-2.3.1-6: PUBACK, PUBREC and PUBCOMP name the client's PUBLISH",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.acknowledges = false;
    for (const std::uint16_t id : {std::uint16_t{1}, any_id, std::uint16_t{65'535}}) {
        scene.alice.publish("a", "1", {.qos = 1, .packet_id = id});
        CHECK(scene.alice.last_of(PacketType::puback)->packet_id == id);
        scene.alice.publish("a", "2", {.qos = 2, .packet_id = id});
        CHECK(scene.alice.last_of(PacketType::pubrec)->packet_id == id);
        scene.alice.acknowledge(PacketType::pubrel, id);
        CHECK(scene.alice.last_of(PacketType::pubcomp)->packet_id == id);
    }
}

TEST_CASE("MQTT5-2.2.1-5, MQTT311-2.3.1-6: PUBREL names the broker's PUBLISH", "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.bob.subscribe("a", {.qos = 2});
    scene.bob.acknowledges = false;
    scene.alice.publish("a", "1", {.qos = 2});
    scene.alice.publish("a", "2", {.qos = 2});
    REQUIRE(scene.bob.messages.size() == 2);
    for (const std::size_t at : {1, 0}) {
        const std::uint16_t id = scene.bob.messages[at].packet_id;
        scene.bob.acknowledge(PacketType::pubrec, id);
        CHECK(scene.bob.last_of(PacketType::pubrel)->packet_id == id);
    }
}

TEST_CASE("MQTT5-2.2.1-6, MQTT311-2.3.1-7: SUBACK and UNSUBACK name the client's request",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    for (int i = 0; i < 3; ++i) {
        const std::uint16_t subscribe = scene.alice.send_subscribe("a", {});
        const std::uint16_t unsubscribe = scene.alice.send_unsubscribe("a");
        REQUIRE(subscribe != unsubscribe);
        scene.pump.settle();
        CHECK(scene.alice.last_of(PacketType::suback)->packet_id == subscribe);
        CHECK(scene.alice.last_of(PacketType::unsuback)->packet_id == unsubscribe);
    }
}

TEST_CASE("MQTT311-2.3.1-2: an identifier in use stands for the message that has it",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.bob.subscribe("a", {.qos = 2});
    scene.alice.acknowledges = false;
    scene.alice.publish("a", "1", {.qos = 2, .packet_id = any_id});
    scene.alice.publish("a", "not new", {.qos = 2, .packet_id = any_id});
    scene.alice.publish("a", "2", {.qos = 2, .packet_id = any_id + 1});
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
}
