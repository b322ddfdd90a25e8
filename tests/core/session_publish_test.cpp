// What a client publishes: topic aliases, rules, bounds; and what ends its connection. MQTT 5.0,
// sections 3.3, 3.14 and 4.13.
#include "broker/wire/encode.hpp"
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

// Publishes under an alias.
void publish_alias(TestClient& client, std::string_view topic, std::uint32_t alias,
                   std::string_view payload) {
    wire::PropertyWriter properties;
    properties.number(PropertyId::topic_alias, alias);
    client.publish(topic, payload, {.properties = properties.list()});
}

}  // namespace

// --- topic aliases -------------------------------------------------------------------------------

TEST_CASE(
    "MQTT5-3.3.2-12: every alias up to Topic Alias Maximum stands for the last topic sent with it",
    "[core][session]") {
    core::Settings settings;
    settings.limits.max_topic_alias = 2;
    Scene scene(Version::v5, settings);
    scene.connect();
    scene.bob.subscribe("#");
    CHECK(scene.alice.connack().number(PropertyId::topic_alias_maximum) == 2);
    publish_alias(scene.alice, "a", 1, "1");
    publish_alias(scene.alice, "b", 2, "2");
    publish_alias(scene.alice, "", 1, "3");
    publish_alias(scene.alice, "c", 1, "4");
    publish_alias(scene.alice, "", 1, "5");
    REQUIRE(scene.bob.payloads() == Texts{"1", "2", "3", "4", "5"});
    Texts topics;
    for (const Packet& message : scene.bob.messages) {
        topics.push_back(message.topic);
        CHECK_FALSE(message.number(PropertyId::topic_alias).has_value());  // MQTT5-3.1.2-27
    }
    CHECK(topics == Texts{"a", "b", "a", "c", "c"});
}

TEST_CASE("MQTT5-3.3.2-9, MQTT5-3.2.2-17: an alias above Topic Alias Maximum ends the connection",
          "[core][session]") {
    core::Settings settings;
    settings.limits.max_topic_alias = 2;
    Scene scene(Version::v5, settings);
    scene.connect();
    publish_alias(scene.alice, "a", 3, "1");
    CHECK(scene.alice.disconnect_reason() == Reason::topic_alias_invalid);
}

TEST_CASE("MQTT5-3.2.2-18: where no Topic Alias Maximum was announced every alias is too large",
          "[core][session]") {
    core::Settings settings;
    settings.limits.max_topic_alias = 0;
    Scene scene(Version::v5, settings);
    scene.connect();
    CHECK_FALSE(scene.alice.connack().number(PropertyId::topic_alias_maximum).has_value());
    publish_alias(scene.alice, "a", 1, "1");
    CHECK(scene.alice.disconnect_reason() == Reason::topic_alias_invalid);
}

TEST_CASE("MQTT5-3.3.2.3.4: an alias that stands for nothing is a protocol error",
          "[core][session]") {
    Scene scene;
    scene.connect();
    publish_alias(scene.alice, "a", 1, "1");
    publish_alias(scene.alice, "", 2, "2");
    CHECK(scene.alice.disconnect_reason() == Reason::protocol_error);
}

TEST_CASE("MQTT5-3.3.2-7: aliases are forgotten when the connection ends", "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect(persistent));
    publish_alias(scene.alice, "a", 1, "1");
    scene.alice.drop();
    REQUIRE(scene.alice.connect(persistent));
    publish_alias(scene.alice, "", 1, "2");
    CHECK(scene.alice.disconnect_reason() == Reason::protocol_error);
}

TEST_CASE("the rules hold for the topic that an alias stands for", "[core][session]") {
    Scene scene;
    REQUIRE(scene.bob.connect());
    scene.bob.subscribe("#");
    REQUIRE(scene.alice.connect({.identity = identity("alice", {.deny_publish = {"secret"}})}));
    publish_alias(scene.alice, "secret", 1, "1");
    publish_alias(scene.alice, "", 1, "2");
    publish_alias(scene.alice, "open", 1, "3");
    publish_alias(scene.alice, "", 1, "4");
    CHECK(scene.bob.payloads() == Texts{"3", "4"});
}

// --- topic names ---------------------------------------------------------------------------------

TEST_CASE("MQTT5-1.5.4-3, MQTT311-1.5.3-3: U+FEFF in a topic is neither stripped nor overlooked",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    const std::string marked =
        "\xEF\xBB\xBF"
        "a/\xEF\xBB\xBF";
    scene.bob.subscribe(marked);
    scene.alice.publish("a/", "without");
    scene.alice.publish("a/\xEF\xBB\xBF", "one too few");
    scene.alice.publish(marked, "with");
    REQUIRE(scene.bob.payloads() == Texts{"with"});
    CHECK(scene.bob.last().topic == marked);
}

// --- rules and bounds ----------------------------------------------------------------------------

TEST_CASE("MQTT5-3.4.2.1, MQTT311-3.3.5-2: what may not be published is acknowledged and dropped",
          "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.bob.connect());
    scene.bob.subscribe("#", {.qos = 2});
    REQUIRE(scene.alice.connect({.identity = identity("alice", {.publish = {"open"}})}));
    const Reason refused =
        scene.alice.version == Version::v5 ? Reason::not_authorized : Reason::success;
    scene.alice.publish("closed", "0", {.qos = 0, .retain = true});
    CHECK(scene.alice.publish("closed", "1", {.qos = 1}) == refused);
    CHECK(scene.alice.publish("closed", "2", {.qos = 2}) == refused);
    CHECK(scene.alice.publish("open", "3", {.qos = 2}) == Reason::success);
    CHECK(scene.bob.payloads() == Texts{"3"});
    CHECK(scene.pump.count(&core::Stats::publishes_denied) == 3);
    CHECK(scene.pump.broker().retained().messages() == 0);
}

TEST_CASE("MQTT5-3.4.2.1: with denied_publish = disconnect a denied PUBLISH ends the connection",
          "[core][session]") {
    core::Settings settings;
    settings.denied_publish = core::DeniedPublish::disconnect;
    Scene scene(any_version(), settings);
    REQUIRE(scene.bob.connect());
    scene.bob.subscribe("#", {.qos = 2});
    REQUIRE(scene.alice.connect({.identity = identity("alice", {.publish = {"open"}})}));
    CHECK(scene.alice.publish("open", "1", {.qos = 1}) == Reason::success);
    scene.alice.publish("closed", "2", {.qos = any_qos()});
    CHECK(scene.alice.was_closed());
    if (scene.alice.version == Version::v5)
        CHECK(scene.alice.disconnect_reason() == Reason::not_authorized);
    CHECK(scene.bob.payloads() == Texts{"1"});
}

TEST_CASE("a payload may have max_payload_bytes", "[core][session]") {
    core::Settings settings;
    settings.limits.max_payload_bytes = 100;
    Scene scene(any_version(), settings);
    scene.connect();
    CHECK(scene.alice.publish("a", std::string(100, 'x'), {.qos = 1}) == Reason::success);
    CHECK(scene.alice.publish("a", std::string(101, 'x'), {.qos = 1}) == std::nullopt);
    CHECK(scene.alice.was_closed());
    if (scene.alice.version == Version::v5)
        CHECK(scene.alice.disconnect_reason() == Reason::packet_too_large);
}

TEST_CASE(
    "MQTT5-3.2.2-15: a packet larger than the Maximum Packet Size announced ends the connection",
    "[core][session]") {
    core::Settings settings;
    settings.limits.max_packet_bytes = 100;
    Scene scene(any_version(), settings);
    scene.connect();
    const std::size_t around = scene.alice.version == Version::v5 ? 8 : 7;
    CHECK(scene.alice.publish("a", std::string(100 - around, 'x'), {.qos = 1}) == Reason::success);
    const std::uint8_t beginning[] = {0x32, 99};  // 101 bytes: refused before they have come
    scene.alice.send_bytes(beginning);
    CHECK(scene.alice.was_closed());
    if (scene.alice.version == Version::v5)
        CHECK(scene.alice.disconnect_reason() == Reason::packet_too_large);
}

TEST_CASE("a topic may have max_topic_levels", "[core][session]") {
    core::Settings settings;
    settings.limits.max_topic_levels = 3;
    Scene scene(any_version(), settings);
    scene.connect();
    CHECK(scene.alice.publish("a/b/c", "1", {.qos = 1}) == Reason::success);
    CHECK(scene.alice.publish("a/b/c/d", "1", {.qos = 1}) == std::nullopt);
    CHECK(scene.alice.was_closed());
    if (scene.alice.version == Version::v5)
        CHECK(scene.alice.disconnect_reason() == Reason::topic_name_invalid);
}

TEST_CASE("MQTT5-3.3.4-6: a subscription identifier in a client's PUBLISH is a protocol error",
          "[core][session]") {
    Scene scene;
    scene.connect();
    wire::PropertyWriter properties;
    properties.number(PropertyId::subscription_identifier, 1);
    CHECK(scene.alice.publish("a", "1", {.qos = 1}) == Reason::success);
    scene.alice.publish("a", "1", {.qos = 1, .properties = properties.list()});
    CHECK(scene.alice.disconnect_reason() == Reason::protocol_error);
}

// --- what ends a connection ----------------------------------------------------------------------

TEST_CASE(
    "MQTT5-4.13.1-1, MQTT5-4.13.2-1, MQTT5-3.1.0-2, MQTT5-4.12.0-7, MQTT311-4.8.0-1, "
    "MQTT311-3.1.0-2: a broken rule ends the connection, in 5.0 with its reason",
    "[core][session]") {
    struct Wrong {
        std::vector<std::uint8_t> bytes;
        Reason reason;
    };
    const Wrong wrong = GENERATE(
        Wrong{{0x36, 5, 0, 1, 'a', 0, 1}, Reason::malformed_packet},         // QoS 3
        Wrong{{0x80, 6, 0, 1, 0, 1, 'a', 0}, Reason::malformed_packet},      // flags of SUBSCRIBE
        Wrong{{0xC0, 0xFF, 0xFF, 0xFF, 0xFF, 1}, Reason::malformed_packet},  // five length bytes
        Wrong{{0x00, 0}, Reason::malformed_packet},                          // type 0
        Wrong{{0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 1, 'x'}, Reason::protocol_error},
        Wrong{{0x20, 2, 0, 0}, Reason::protocol_error},  // CONNACK is for servers
        Wrong{{0xD0, 0}, Reason::protocol_error},        // and so is PINGRESP
        Wrong{{0xF0, 0}, Reason::protocol_error});       // AUTH without a method
    Scene scene(any_version());
    REQUIRE(scene.alice.connect(persistent));
    CHECK(scene.alice.ping());
    scene.alice.send_bytes(wrong.bytes);
    CHECK(scene.alice.was_closed());
    if (scene.alice.version == Version::v5)
        CHECK(scene.alice.disconnect_reason() == wrong.reason);
    else
        CHECK(scene.alice.packets.size() == 2);  // CONNACK and PINGRESP
    CHECK(scene.pump.count(&core::Stats::connections) == 0);
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);  // which is not the connection
}

TEST_CASE("MQTT5-4.13.2-1: a connection that takes no DISCONNECT ends all the same",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.link().network_takes = false;
    const std::uint8_t connack[] = {0x20, 2, 0, 0};
    scene.alice.send_bytes(connack);
    CHECK(scene.alice.disconnect_reason() == std::nullopt);
    CHECK(scene.alice.was_closed());
    CHECK(scene.bob.ping());
}

TEST_CASE(
    "MQTT5-3.14.4-2, MQTT311-3.14.4-1, MQTT311-3.14.4-2: after the client's DISCONNECT the "
    "broker closes and reads no more",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.bob.subscribe("a", {.qos = 1});
    scene.alice.send_publish("a", "before", {.qos = 1});
    scene.alice.send_disconnect(Reason::success);
    scene.alice.send_publish("a", "after", {.qos = 1});
    scene.pump.settle();
    CHECK(scene.alice.was_closed());
    CHECK(scene.alice.disconnect_reason() == std::nullopt);
    CHECK(scene.bob.payloads() == Texts{"before"});
}

TEST_CASE("packets that come in pieces, or many at once, are read all the same",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.bob.subscribe("a", {.qos = 1});
    Buffer bytes;
    for (const char* text : {"1", "2", "3"}) {
        wire::PublishView publish;
        publish.topic = "a";
        publish.payload = as_bytes(text);
        wire::encode(publish, scene.alice.version, bytes);
    }
    for (std::size_t i = 0; i < bytes.size(); ++i)
        scene.alice.send_bytes(bytes.bytes().subspan(i, 1));
    CHECK(scene.bob.payloads() == Texts{"1", "2", "3"});
    scene.alice.send_bytes(bytes.bytes());
    CHECK(scene.bob.messages.size() == 6);
}
