// Order: what comes in, what is answered and what goes out keeps its place. MQTT 5.0 and 3.1.1,
// section 4.6. (tests/sim looks for what breaks it, at random.)
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

using Ids = std::vector<std::uint16_t>;

Ids ids_of(const TestClient& client, PacketType type) {
    Ids ids;
    for (const Packet& packet : client.packets)
        if (packet.type == type) ids.push_back(packet.packet_id);
    return ids;
}

Texts payloads_of(const TestClient& client, std::string_view topic, std::string_view publisher) {
    Texts payloads;
    for (const Packet& message : client.messages)
        if (message.topic == topic && message.payload.starts_with(publisher))
            payloads.push_back(message.payload);
    return payloads;
}

}  // namespace

TEST_CASE("MQTT5-4.6.0-2, MQTT311-4.6.0-2: PUBACK comes in the order of PUBLISH", "[core][order]") {
    Scene scene(any_version());
    scene.connect();
    const Ids ids{9, 3, 7, 65'535, 1, 8};
    for (const std::uint16_t id : ids)
        scene.alice.send_publish("a", "x", {.qos = 1, .packet_id = id});
    scene.pump.settle();
    CHECK(ids_of(scene.alice, PacketType::puback) == ids);
}

TEST_CASE(
    "MQTT5-4.6.0-3, MQTT311-4.6.0-3: PUBREC comes in the order of PUBLISH, PUBCOMP in that of "
    "PUBREL",
    "[core][order]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.acknowledges = false;
    const Ids ids{9, 3, 7, 65'535, 1, 8};
    for (const std::uint16_t id : ids)
        scene.alice.send_publish("a", "x", {.qos = 2, .packet_id = id});
    scene.pump.settle();
    CHECK(ids_of(scene.alice, PacketType::pubrec) == ids);
    const Ids released{1, 9, 65'535, 8, 3, 7};
    for (const std::uint16_t id : released) scene.alice.send_ack(PacketType::pubrel, id);
    scene.pump.settle();
    CHECK(ids_of(scene.alice, PacketType::pubcomp) == released);
}

TEST_CASE("MQTT5-4.6.0-4, MQTT311-4.6.0-4: PUBREL comes in the order of PUBREC, again as before",
          "[core][order]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.acknowledges = false;
    scene.bob.subscribe("a", {.qos = 2});
    for (int i = 0; i < 5; ++i) scene.alice.publish("a", "x", {.qos = 2});
    const Ids sent = ids_of(scene.bob, PacketType::publish);
    REQUIRE(sent.size() == 5);
    for (const std::uint16_t id : sent) scene.bob.send_ack(PacketType::pubrec, id);
    scene.pump.settle();
    CHECK(ids_of(scene.bob, PacketType::pubrel) == sent);
    scene.bob.drop();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(ids_of(scene.bob, PacketType::pubrel) == sent);
}

TEST_CASE("MQTT5-4.6.0-1, MQTT311-4.6.0-1: what is sent again comes before what has waited",
          "[core][order]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.acknowledges = false;
    scene.bob.subscribe("a", {.qos = 1});
    for (const char* text : {"1", "2"}) scene.alice.publish("a", text, {.qos = 1});
    scene.bob.drop();
    scene.bob.forget();
    for (const char* text : {"3", "4"}) scene.alice.publish("a", text, {.qos = 1});
    REQUIRE(scene.bob.connect(persistent));
    scene.alice.publish("a", "5", {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"1", "2", "3", "4", "5"});
    std::vector<bool> dup;
    for (const Packet& message : scene.bob.messages) dup.push_back(message.dup);
    CHECK(dup == std::vector<bool>{true, true, false, false, false});
}

TEST_CASE(
    "MQTT5-4.6.0-5, MQTT5-4.6.0-6, MQTT311-4.6.0-5, MQTT311-4.6.0-6: every topic is an ordered one",
    "[core][order]") {
    Scene scene(any_version());
    scene.connect();
    TestClient carol = scene.client(2, "carol", scene.bob.version);
    TestClient reader = scene.client(3, "reader", scene.bob.version);
    REQUIRE(carol.connect());
    REQUIRE(reader.connect(persistent));
    const std::uint8_t qos = any_qos();
    reader.subscribe("#", {.qos = qos});
    Texts of_alice, of_carol;
    for (int i = 0; i < 40; ++i) {
        // Some round trips within, and one connection that is lost if messages wait for it.
        of_alice.push_back("alice " + std::to_string(100 + i));
        of_carol.push_back("carol " + std::to_string(100 + i));
        for (const char* topic : {"a", "b/c"}) {
            scene.alice.send_publish(topic, of_alice.back(), {.qos = qos});
            carol.send_publish(topic, of_carol.back(), {.qos = qos});
        }
        if (i % 7 == 0) scene.pump.settle();
        if (i == 20 && qos > 0) {
            scene.pump.settle();
            reader.drop();
        }
        if (i == 30 && qos > 0) REQUIRE(reader.connect(persistent));
    }
    scene.pump.settle();
    for (const char* topic : {"a", "b/c"}) {
        CHECK(payloads_of(reader, topic, "alice") == of_alice);
        CHECK(payloads_of(reader, topic, "carol") == of_carol);
    }
}
