// Messages on their way to a client: QoS, flow control, what is sent again, what is not sent at
// all. MQTT 5.0, sections 3.3, 4.3, 4.4 and 4.9. Method: a whole broker without a network; the
// clients are real to the last byte.
#include <set>

#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

// bob is away or does not acknowledge; alice can publish to him.
void subscribe_persistently(Scene& scene, std::uint8_t qos = 2) {
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a/b", {.qos = qos}) == static_cast<Reason>(qos));
}

std::vector<std::uint16_t> packet_ids(const TestClient& client) {
    std::vector<std::uint16_t> ids;
    for (const Packet& message : client.messages) ids.push_back(message.packet_id);
    return ids;
}

}  // namespace

TEST_CASE(
    "MQTT5-3.8.4-8, MQTT311-3.8.4-6: a message comes at the lower QoS of its own and the granted",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    const std::uint8_t granted = any_qos();
    const std::uint8_t sent = any_qos();
    CHECK(scene.bob.subscribe("a/b", {.qos = granted}) == static_cast<Reason>(granted));
    scene.alice.publish("a/b", "hello", {.qos = sent});
    scene.alice.publish("a/c", "for nobody", {.qos = sent});
    REQUIRE(scene.bob.payloads() == Texts{"hello"});
    CHECK(scene.bob.last().topic == "a/b");
    CHECK(scene.bob.last().qos == std::min(granted, sent));
}

TEST_CASE(
    "MQTT5-4.3.1-1, MQTT5-2.2.1-2, MQTT311-4.3.1-1: QoS 0 goes out without DUP and identifier",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.bob.subscribe("a/b");
    scene.alice.publish("a/b", "hello", {.qos = 1});
    REQUIRE(scene.bob.payloads() == Texts{"hello"});
    CHECK_FALSE(scene.bob.last().dup);
    CHECK(scene.bob.last().packet_id == 0);
}

TEST_CASE(
    "MQTT5-4.3.2-2, MQTT5-4.3.3-2, MQTT5-3.3.1-3: DUP is 0 the first time, whatever the sender's "
    "was",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    const std::uint8_t qos = GENERATE(std::uint8_t{1}, std::uint8_t{2});
    scene.bob.subscribe("a/b", {.qos = 2});
    scene.alice.publish("a/b", "hello", {.qos = qos, .dup = true});
    REQUIRE(scene.bob.payloads() == Texts{"hello"});
    CHECK_FALSE(scene.bob.last().dup);
    CHECK(scene.bob.last().packet_id != 0);
}

// --- QoS 1 and 2 from a client
// --------------------------------------------------------------------

TEST_CASE(
    "MQTT5-4.3.2-4, MQTT5-4.3.2-5, MQTT311-4.3.2-2: after PUBACK the identifier means a new "
    "message",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.bob.subscribe("a/b");
    CHECK(scene.alice.publish("a/b", "1", {.qos = 1, .packet_id = 7}) == Reason::success);
    CHECK(scene.alice.publish("a/b", "2", {.qos = 1, .dup = true, .packet_id = 7}) ==
          Reason::success);
    CHECK(scene.alice.count_of(PacketType::puback) == 2);
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
}

TEST_CASE(
    "MQTT5-4.3.3-8, MQTT5-4.3.3-10, MQTT5-4.3.3-12, MQTT311-4.3.3-2: QoS 2 is delivered once until "
    "PUBCOMP",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.acknowledges = false;
    scene.bob.subscribe("a/b", {.qos = 2});
    CHECK(scene.alice.publish("a/b", "1", {.qos = 2, .packet_id = 7}) == Reason::success);
    CHECK(scene.bob.payloads() == Texts{"1"});  // and does not wait for PUBREL

    CHECK(scene.alice.publish("a/b", "1", {.qos = 2, .dup = true, .packet_id = 7}) ==
          Reason::success);
    CHECK(scene.alice.count_of(PacketType::pubrec) == 2);
    CHECK(scene.bob.payloads() == Texts{"1"});

    scene.alice.acknowledge(PacketType::pubrel, 7);
    REQUIRE(scene.alice.last_of(PacketType::pubcomp) != nullptr);
    CHECK(scene.alice.last_of(PacketType::pubcomp)->packet_id == 7);
    scene.alice.publish("a/b", "2", {.qos = 2, .dup = true, .packet_id = 7});
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
}

TEST_CASE(
    "MQTT5-4.1.0-1, MQTT311-4.1.0-1: a QoS 2 exchange survives a lost connection of its publisher",
    "[core][session]") {
    Scene scene(any_version());
    const bool resumed = GENERATE(true, false);
    REQUIRE(scene.bob.connect());
    scene.bob.subscribe("a/b", {.qos = 2});
    REQUIRE(scene.alice.connect(persistent));
    scene.alice.acknowledges = false;
    scene.alice.publish("a/b", "1", {.qos = 2, .packet_id = 7});
    scene.alice.drop();
    if (resumed)
        REQUIRE(scene.alice.connect(persistent));
    else
        REQUIRE(scene.alice.connect());  // Clean Start: all that is forgotten
    scene.alice.publish("a/b", "1", {.qos = 2, .dup = true, .packet_id = 7});
    CHECK(scene.bob.payloads() == (resumed ? Texts{"1"} : Texts{"1", "1"}));
}

TEST_CASE("MQTT5-4.3.3-11, MQTT311-4.3.3-2: PUBREL is answered with PUBCOMP, known or not",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.acknowledges = false;
    scene.alice.publish("a/b", "1", {.qos = 2, .packet_id = 7});
    scene.alice.acknowledge(PacketType::pubrel, 7);
    CHECK(scene.alice.last_of(PacketType::pubcomp)->reason == Reason::success);
    scene.alice.acknowledge(PacketType::pubrel, 8);
    REQUIRE(scene.alice.last_of(PacketType::pubcomp)->packet_id == 8);
    CHECK(scene.alice.last_of(PacketType::pubcomp)->reason ==
          (scene.alice.version == Version::v5 ? Reason::packet_identifier_not_found
                                              : Reason::success));
}

TEST_CASE("MQTT5-4.3.3-9: after PUBREC with a failure the identifier means a new message",
          "[core][session]") {
    Scene scene;
    scene.bob.connect();
    scene.bob.subscribe("#", {.qos = 2});
    REQUIRE(scene.alice.connect({.identity = identity("alice", {.deny_publish = {"denied"}})}));
    CHECK(scene.alice.publish("denied", "1", {.qos = 2, .packet_id = 7}) == Reason::not_authorized);
    CHECK(scene.alice.publish("allowed", "2", {.qos = 2, .packet_id = 7}) == Reason::success);
    CHECK(scene.bob.payloads() == Texts{"2"});
}

TEST_CASE("MQTT5-4.3.3-13: a QoS 2 exchange is finished even if its message has expired",
          "[core][session]") {
    Scene scene;
    scene.connect();
    scene.alice.acknowledges = false;
    wire::PropertyWriter properties;
    properties.number(PropertyId::message_expiry_interval, 1);
    scene.alice.publish("a/b", "1", {.qos = 2, .packet_id = 7, .properties = properties.list()});
    scene.pump.advance(seconds(2));
    scene.alice.acknowledge(PacketType::pubrel, 7);
    REQUIRE(scene.alice.last_of(PacketType::pubcomp) != nullptr);
    CHECK(scene.alice.last_of(PacketType::pubcomp)->reason == Reason::success);
}

TEST_CASE("MQTT5-3.3.4-7: more open QoS 2 messages than the Receive Maximum end the connection",
          "[core][session]") {
    core::Settings settings;
    settings.limits.max_inflight = 2;
    Scene scene(Version::v5, settings);
    scene.connect();
    scene.alice.acknowledges = false;
    CHECK(scene.alice.publish("a/b", "1", {.qos = 2}) == Reason::success);
    CHECK(scene.alice.publish("a/b", "2", {.qos = 2}) == Reason::success);
    CHECK(scene.alice.publish("a/b", "at QoS 1 nothing stays open", {.qos = 1}) == Reason::success);
    CHECK_FALSE(scene.alice.was_closed());
    CHECK(scene.alice.publish("a/b", "3", {.qos = 2}) == std::nullopt);
    CHECK(scene.alice.disconnect_reason() == Reason::receive_maximum_exceeded);
    CHECK(scene.alice.was_closed());
}

TEST_CASE("a 3.1.1 client knows no Receive Maximum and may have more open", "[core][session]") {
    core::Settings settings;
    settings.limits.max_inflight = 2;
    Scene scene(Version::v3_1_1, settings);
    scene.connect();
    scene.alice.acknowledges = false;
    for (int i = 0; i < 3; ++i)
        CHECK(scene.alice.publish("a/b", "1", {.qos = 2}) == Reason::success);
}

// --- QoS 1 and 2 to a client
// ----------------------------------------------------------------------

TEST_CASE(
    "MQTT5-4.4.0-1, MQTT5-3.3.1-1, MQTT311-4.4.0-1: on reconnection what was not acknowledged "
    "comes again, in "
    "order, with DUP, and at no other time",
    "[core][session]") {
    Scene scene(any_version());
    subscribe_persistently(scene);
    scene.bob.acknowledges = false;
    for (const std::uint8_t qos : std::vector<std::uint8_t>{1, 2, 1, 2, 1})
        scene.alice.publish("a/b", std::to_string(scene.bob.messages.size()), {.qos = qos});
    REQUIRE(scene.bob.payloads() == Texts{"0", "1", "2", "3", "4"});
    const std::vector<std::uint16_t> ids = packet_ids(scene.bob);
    scene.bob.acknowledge(PacketType::puback, ids[2]);
    scene.pump.advance(std::chrono::minutes(30));
    CHECK(scene.bob.messages.size() == 5);

    scene.bob.drop();
    scene.bob.forget();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present);
    CHECK(scene.bob.payloads() == Texts{"0", "1", "3", "4"});
    CHECK(packet_ids(scene.bob) == std::vector{ids[0], ids[1], ids[3], ids[4]});
    for (const Packet& message : scene.bob.messages) CHECK(message.dup);

    for (const Packet& message : scene.bob.messages)
        scene.bob.acknowledge(message.qos == 1 ? PacketType::puback : PacketType::pubrec,
                              message.packet_id);
    scene.bob.acknowledge(PacketType::pubcomp, ids[1]);
    scene.bob.acknowledge(PacketType::pubcomp, ids[3]);
    scene.bob.drop();
    scene.bob.forget();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.messages.empty());
    CHECK(scene.bob.count_of(PacketType::pubrel) == 0);
}

TEST_CASE(
    "MQTT5-4.3.3-4, MQTT5-4.3.3-5, MQTT5-4.3.3-6: once PUBREC has come only PUBREL is repeated",
    "[core][session]") {
    Scene scene(any_version());
    subscribe_persistently(scene);
    scene.bob.acknowledges = false;
    scene.alice.publish("a/b", "1", {.qos = 2});
    const std::uint16_t id = scene.bob.last().packet_id;
    scene.bob.acknowledge(PacketType::pubrec, id);
    REQUIRE(scene.bob.last_of(PacketType::pubrel) != nullptr);
    CHECK(scene.bob.last_of(PacketType::pubrel)->packet_id == id);

    scene.bob.drop();
    scene.bob.forget();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.messages.empty());
    REQUIRE(scene.bob.count_of(PacketType::pubrel) == 1);
    CHECK(scene.bob.last_of(PacketType::pubrel)->packet_id == id);
    scene.bob.acknowledge(PacketType::pubrec, id);  // a repetition that crossed it
    CHECK(scene.bob.last_of(PacketType::pubrel)->reason == Reason::success);
}

TEST_CASE("MQTT5-3.6.2-1: PUBREC for an unknown identifier is answered with PUBREL 0x92",
          "[core][session]") {
    Scene scene;
    scene.connect();
    scene.bob.acknowledge(PacketType::pubrec, 99);
    REQUIRE(scene.bob.last_of(PacketType::pubrel) != nullptr);
    CHECK(scene.bob.last_of(PacketType::pubrel)->reason == Reason::packet_identifier_not_found);
    scene.bob.acknowledge(PacketType::puback, 99);  // says nothing to anybody
    scene.bob.acknowledge(PacketType::pubcomp, 99);
    CHECK_FALSE(scene.bob.was_closed());
}

TEST_CASE("MQTT5-4.4.0-2: PUBACK or PUBREC with a failure ends the delivery", "[core][session]") {
    Scene scene;
    subscribe_persistently(scene);
    scene.bob.acknowledges = false;
    scene.alice.publish("a/b", "1", {.qos = 1});
    scene.bob.acknowledge(PacketType::puback, scene.bob.last().packet_id, Reason::quota_exceeded);
    scene.alice.publish("a/b", "2", {.qos = 2});
    scene.bob.acknowledge(PacketType::pubrec, scene.bob.last().packet_id, Reason::quota_exceeded);
    CHECK(scene.bob.count_of(PacketType::pubrel) == 0);
    scene.bob.drop();
    scene.bob.forget();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.packets.size() == 1);
}

TEST_CASE("MQTT5-2.2.1-4, MQTT311-2.3.1-4: messages under way have different identifiers",
          "[core][session]") {
    Scene scene(any_version());
    subscribe_persistently(scene);
    scene.bob.acknowledges = false;
    for (int i = 0; i < 100; ++i) {
        scene.alice.publish("a/b", "x", {.qos = 1});
        if (i % 3 == 0) scene.bob.acknowledge(PacketType::puback, scene.bob.last().packet_id);
    }
    std::set<std::uint16_t> open;
    for (const Packet& message : scene.bob.messages) open.insert(message.packet_id);
    CHECK(open.size() == 100);
    CHECK_FALSE(open.contains(0));
}

TEST_CASE("MQTT5-4.6.0-5, MQTT311-4.6.0-6: a small window does not change the order",
          "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 2}));
    scene.bob.subscribe("a/b", {.qos = 2});
    Texts sent;
    for (int i = 0; i < 30; ++i) {
        sent.push_back(std::to_string(i));
        scene.alice.send_publish("a/b", sent.back(), {.qos = static_cast<std::uint8_t>(1 + i % 2)});
    }
    scene.pump.settle();
    CHECK(scene.bob.payloads() == sent);
}

// --- flow control
// -----------------------------------------------------------------------------------

TEST_CASE(
    "MQTT5-3.3.4-9, MQTT5-4.9.0-1, MQTT5-4.9.0-2: the client's Receive Maximum bounds what is open",
    "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 2}));
    scene.bob.acknowledges = false;
    scene.bob.subscribe("a/b", {.qos = 2});
    for (const char* text : {"1", "2", "3", "4", "5", "6"})
        scene.alice.publish("a/b", text, {.qos = 2});
    REQUIRE(scene.bob.payloads() == Texts{"1", "2"});

    scene.bob.acknowledge(PacketType::pubrec, scene.bob.messages[0].packet_id);
    CHECK(scene.bob.messages.size() == 2);  // PUBREC gives nothing back,
    scene.bob.acknowledge(PacketType::pubcomp, scene.bob.messages[0].packet_id);
    CHECK(scene.bob.messages.size() == 3);  // PUBCOMP does,
    scene.bob.acknowledge(PacketType::pubrec, scene.bob.messages[1].packet_id,
                          Reason::unspecified_error);
    CHECK(scene.bob.payloads() == Texts{"1", "2", "3", "4"});  // and so does a refusal
}

TEST_CASE("MQTT5-3.3.4-10, MQTT5-4.9.0-3: a full window holds back nothing else",
          "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 1}));
    scene.bob.acknowledges = false;
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.alice.publish("a/b", "1", {.qos = 1});
    scene.alice.publish("a/b", "2", {.qos = 1});
    scene.alice.publish("a/b", "at QoS 0", {.qos = 0});
    CHECK(scene.bob.payloads() == Texts{"1", "at QoS 0"});
    CHECK(scene.bob.ping());
    CHECK(scene.bob.subscribe("other") == Reason::success);
    CHECK(scene.bob.publish("third", "x", {.qos = 1}) == Reason::success);
}

TEST_CASE("MQTT5-4.9.0-1: a new connection's Receive Maximum holds for what is sent again",
          "[core][session]") {
    Scene scene;
    subscribe_persistently(scene);
    scene.bob.acknowledges = false;
    for (const char* text : {"1", "2", "3"}) scene.alice.publish("a/b", text, {.qos = 1});
    scene.bob.drop();
    scene.bob.forget();
    ConnectOptions one_at_a_time = persistent;
    one_at_a_time.receive_maximum = 1;
    REQUIRE(scene.bob.connect(one_at_a_time));
    CHECK(scene.bob.payloads() == Texts{"1"});
    scene.bob.acknowledge(PacketType::puback, scene.bob.last().packet_id);
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
    CHECK(scene.bob.last().dup);
}

TEST_CASE("max_inflight bounds what is open towards a client that gave no Receive Maximum",
          "[core][session]") {
    core::Settings settings;
    settings.limits.max_inflight = 2;
    Scene scene(any_version(), settings);
    subscribe_persistently(scene);
    scene.bob.acknowledges = false;
    for (const char* text : {"1", "2", "3"}) scene.alice.publish("a/b", text, {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
    scene.bob.acknowledge(PacketType::puback, scene.bob.last().packet_id);
    CHECK(scene.bob.payloads() == Texts{"1", "2", "3"});
}

// --- a client that is away, or slow
// -----------------------------------------------------------------

TEST_CASE(
    "MQTT5-4.5.0-1, MQTT311-3.1.2-5: QoS 1 and 2 wait for a client that is away, QoS 0 does not",
    "[core][session]") {
    Scene scene(any_version());
    subscribe_persistently(scene);
    scene.bob.drop();
    for (const std::uint8_t qos : std::vector<std::uint8_t>{0, 1, 2})
        scene.alice.publish("a/b", std::to_string(qos), {.qos = qos});
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
    for (const Packet& message : scene.bob.messages) CHECK_FALSE(message.dup);
}

TEST_CASE("a full queue drops what comes and counts it", "[core][session]") {
    core::Settings settings;
    const bool by_number = GENERATE(true, false);
    if (by_number)
        settings.limits.max_queued_messages = 2;
    else
        settings.limits.max_queued_bytes = 2 * (3 + 1);  // of topic and payload
    Scene scene(any_version(), settings);
    subscribe_persistently(scene);
    scene.bob.drop();
    for (const char* text : {"1", "2", "3"})
        CHECK(scene.alice.publish("a/b", text, {.qos = 1}) == Reason::success);
    CHECK(scene.pump.count(&core::Stats::dropped_queue_full) == 1);
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
    scene.alice.publish("a/b", "4", {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"1", "2", "4"});
}

TEST_CASE("what a client does not read waits; of QoS 0 the oldest give way to newer ones",
          "[core][session]") {
    core::Settings settings;
    settings.limits.max_queued_messages = 4;
    settings.limits.max_output_bytes = 100'000;
    Scene scene(any_version(), settings);
    scene.connect();
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.link().network_takes = false;
    const std::string large(200'000, 'x');
    scene.alice.publish("a/b", large);  // fills the output
    for (const char* text : {"1", "2", "3", "4", "5", "6"}) scene.alice.publish("a/b", text);
    CHECK(scene.pump.count(&core::Stats::dropped_slow) == 2);
    scene.alice.publish("a/b", "7", {.qos = 1});
    scene.alice.publish("a/b", "8", {.qos = 1});
    CHECK(scene.pump.count(&core::Stats::dropped_slow) == 4);
    CHECK(scene.bob.messages.empty());

    scene.pump.unblock(scene.bob.link());
    Texts got = scene.bob.payloads();
    REQUIRE(got.size() == 5);
    CHECK(got[0] == large);
    got.erase(got.begin());
    CHECK(got == Texts{"7", "8", "5", "6"});
    CHECK(scene.pump.count(&core::Stats::dropped_queue_full) == 0);
    scene.alice.publish("a/b", "and on it goes");
    CHECK(scene.bob.last().payload == "and on it goes");
}

TEST_CASE("a client that does not read gets QoS 0 in the order it was published",
          "[core][session]") {
    core::Settings settings;
    settings.limits.max_output_bytes = 100'000;
    Scene scene(any_version(), settings);
    scene.connect();
    scene.bob.subscribe("a/b");
    scene.bob.link().network_takes = false;
    Texts sent;
    for (int i = 0; i < 3'000; ++i) {
        sent.push_back(std::to_string(i) + std::string(100, '.'));
        scene.alice.send_publish("a/b", sent.back(), {});
    }
    scene.pump.settle();
    CHECK(scene.bob.link().output.size() < 101'000);
    scene.pump.unblock(scene.bob.link());
    scene.alice.publish("a/b", "last");
    sent.push_back("last");
    CHECK(scene.bob.payloads() == sent);
}

// --- Message Expiry Interval and Maximum Packet Size
// ------------------------------------------------------

TEST_CASE(
    "MQTT5-3.3.2-5, MQTT5-3.3.2-6: a message expires while it waits, and says how long it has left",
    "[core][session]") {
    Scene scene;
    subscribe_persistently(scene);
    scene.bob.drop();
    wire::PropertyWriter expiry;
    expiry.number(PropertyId::message_expiry_interval, 10);
    scene.alice.publish("a/b", "1", {.qos = 1, .properties = expiry.list()});
    const bool in_time = GENERATE(true, false);
    scene.pump.advance(in_time ? milliseconds(9'999) : milliseconds(10'000));
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.messages.size() == (in_time ? 1 : 0));
    CHECK(scene.pump.count(&core::Stats::dropped_expired) == (in_time ? 0 : 1));
    if (in_time) CHECK(scene.bob.last().number(PropertyId::message_expiry_interval) == 1);
}

TEST_CASE("MQTT5-3.3.2-6: a message that did not wait has its whole Message Expiry Interval left",
          "[core][session]") {
    Scene scene;
    scene.connect();
    scene.bob.subscribe("a/b");
    wire::PropertyWriter expiry;
    expiry.number(PropertyId::message_expiry_interval, 10);
    scene.alice.publish("a/b", "1", {.properties = expiry.list()});
    REQUIRE(scene.bob.messages.size() == 1);
    CHECK(scene.bob.last().number(PropertyId::message_expiry_interval) == 10);
    scene.alice.publish("a/b", "2");
    CHECK_FALSE(scene.bob.last().number(PropertyId::message_expiry_interval).has_value());
}

TEST_CASE("MQTT5-4.3.3-7: a message that has been sent does not expire any more",
          "[core][session]") {
    Scene scene;
    subscribe_persistently(scene);
    scene.bob.acknowledges = false;
    wire::PropertyWriter expiry;
    expiry.number(PropertyId::message_expiry_interval, 10);
    scene.alice.publish("a/b", "1", {.qos = 2, .properties = expiry.list()});
    scene.bob.drop();
    scene.bob.forget();
    scene.pump.advance(seconds(60));
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{"1"});
    CHECK(scene.bob.last().number(PropertyId::message_expiry_interval) == 0);
}

TEST_CASE(
    "MQTT5-3.1.2-24, MQTT5-3.1.2-25: what exceeds the client's Maximum Packet Size is dropped as "
    "if sent",
    "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 1, .maximum_packet_size = 30}));
    const std::uint8_t qos = any_qos();
    scene.bob.subscribe("a", {.qos = qos});
    const std::size_t around = qos == 0 ? 6 : 8;  // header, topic, identifier, no properties
    const std::string fits(30 - around, 'x');
    scene.alice.publish("a", fits, {.qos = qos});
    scene.alice.publish("a", fits + "x", {.qos = qos});
    scene.alice.publish("a", "next", {.qos = qos});
    CHECK(scene.bob.payloads() == Texts{fits, "next"});
    CHECK(scene.pump.count(&core::Stats::dropped_too_large) == 1);
}

TEST_CASE(
    "MQTT5-3.3.2-4, MQTT5-3.3.2-15, MQTT5-3.3.2-16, MQTT5-3.3.2-17, MQTT5-3.3.2-18, "
    "MQTT5-3.3.2-20: "
    "properties come through unchanged, in order",
    "[core][session]") {
    Scene scene;
    scene.connect();
    scene.bob.subscribe("a/b", {.qos = 1});
    wire::PropertyWriter properties;
    properties.number(PropertyId::payload_format_indicator, 1)
        .user("b", "1")
        .text(PropertyId::content_type, "text/plain")
        .user("a", "2")
        .text(PropertyId::response_topic, "answers/here")
        .user("b", "3")
        .text(PropertyId::correlation_data, "42");
    scene.alice.publish("a/b", "1", {.qos = 1, .properties = properties.list()});
    REQUIRE(scene.bob.messages.size() == 1);
    const Bytes sent = properties.list().bytes();
    CHECK(scene.bob.last().property_bytes == std::vector<std::uint8_t>(sent.begin(), sent.end()));
}

TEST_CASE("a message from 5.0 reaches a client of 3.1.1, and the other way round",
          "[core][session]") {
    Scene scene;
    TestClient old = scene.client(1, "old", Version::v3_1_1);
    scene.connect();
    REQUIRE(old.connect());
    old.subscribe("from/new", {.qos = 1});
    scene.bob.subscribe("from/old", {.qos = 1});
    wire::PropertyWriter properties;
    properties.user("a", "b").number(PropertyId::message_expiry_interval, 5);
    scene.alice.publish("from/new", "1", {.qos = 1, .properties = properties.list()});
    old.publish("from/old", "2", {.qos = 1});
    CHECK(old.payloads() == Texts{"1"});
    REQUIRE(scene.bob.payloads() == Texts{"2"});
    CHECK(scene.bob.last().property_bytes.empty());
}

TEST_CASE("a large payload reaches all its receivers whole", "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    TestClient carol = scene.client(1, "carol");
    REQUIRE(carol.connect());
    const std::string large(300'000, 'p');
    scene.bob.subscribe("a/b", {.qos = 1});
    carol.subscribe("a/b", {.qos = 0});
    scene.alice.subscribe("a/b", {.qos = 2});
    scene.alice.publish("a/b", large, {.qos = 2});
    scene.alice.publish("a/b", "small", {.qos = 2});
    CHECK(scene.alice.payloads() == Texts{large, "small"});
    CHECK(scene.bob.payloads() == Texts{large, "small"});
    CHECK(carol.payloads() == Texts{large, "small"});
}
