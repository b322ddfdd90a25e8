// Reason Strings: where the broker has something to say, the client wants to hear it (Request
// Problem Information) and can take it (Maximum Packet Size). MQTT 5.0, sections 3.1.2.11.4,
// 3.1.2.11.7 and those of the packets.
#include "broker/wire/encode.hpp"
#include "tests/support/body.hpp"
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

// Every answer but PINGRESP, most of them a refusal. In this order they are asked for.
const std::vector<PacketType> answers{
    PacketType::puback, PacketType::pubrec,   PacketType::pubrel,    PacketType::pubcomp,
    PacketType::suback, PacketType::unsuback, PacketType::disconnect};

bool has_reason_string(const Packet& packet) {
    return packet.properties().has(PropertyId::reason_string);
}

struct AnswerScene : Scene {
    explicit AnswerScene(std::optional<std::uint32_t> maximum_packet_size = {},
                         std::optional<bool> problem_information = {})
        : Scene(Version::v5, {}, Cast{2}) {
        wire::PropertyWriter properties;
        if (problem_information)
            properties.number(PropertyId::request_problem_information, *problem_information);
        REQUIRE(bob.connect({.maximum_packet_size = maximum_packet_size,
                             .identity = identity(
                                 "bob", {.deny_publish = {"secret"}, .deny_subscribe = {"secret"}}),
                             .properties = properties.list()}));
    }
    const Packet& answer(PacketType type) {
        switch (type) {
            case PacketType::puback:
                bob.publish("secret", "x", {.qos = 1});
                break;
            case PacketType::pubrec:
                bob.publish("secret", "x", {.qos = 2});
                break;
            case PacketType::pubrel:
                bob.acknowledge(PacketType::pubrec, 99);
                break;
            case PacketType::pubcomp:
                bob.acknowledge(PacketType::pubrel, 99);
                break;
            case PacketType::suback:
                bob.subscribe("secret");
                break;
            case PacketType::unsuback:
                bob.unsubscribe("a/#/b");
                break;
            default:
                bob.send_bytes(Body{0x36, 0});  // QoS 3
        }
        const Packet* const last = bob.last_of(type);
        REQUIRE(last != nullptr);
        return *last;
    }
};

}  // namespace

TEST_CASE("the broker says in words why it refuses something", "[core][reason]") {
    const PacketType type = GENERATE(PacketType::puback, PacketType::pubrec, PacketType::suback,
                                     PacketType::disconnect);
    AnswerScene scene;
    const Packet& answer = scene.answer(type);
    REQUIRE(has_reason_string(answer));
    CHECK_FALSE(answer.properties().text(PropertyId::reason_string)->empty());
}

TEST_CASE("what is not refused needs no words", "[core][reason]") {
    Scene scene;
    scene.connect();
    scene.bob.subscribe("a", {.qos = 2});
    scene.bob.publish("a", "x", {.qos = 1});
    scene.bob.publish("a", "x", {.qos = 2});
    scene.bob.unsubscribe("a");
    for (const Packet& packet : scene.bob.packets) CHECK_FALSE(has_reason_string(packet));
}

TEST_CASE(
    "MQTT5-3.4.2-2, MQTT5-3.5.2-2, MQTT5-3.9.2-1, MQTT5-3.14.2-3: an answer goes without its "
    "Reason String where it would be too large with it",
    "[core][reason]") {
    const PacketType type = GENERATE(PacketType::puback, PacketType::pubrec, PacketType::suback,
                                     PacketType::disconnect);
    const auto whole = static_cast<std::uint32_t>(AnswerScene().answer(type).bytes);
    AnswerScene large_enough(whole);
    CHECK(has_reason_string(large_enough.answer(type)));
    AnswerScene too_small(whole - 1);
    const Packet& answer = too_small.answer(type);
    CHECK_FALSE(has_reason_string(answer));
    if (type == PacketType::suback)
        CHECK(answer.codes == std::vector<std::uint8_t>{0x87});
    else
        CHECK(is_failure(answer.reason));
}

TEST_CASE(
    "MQTT5-3.6.2-2, MQTT5-3.7.2-2, MQTT5-3.11.2-1, MQTT5-3.4.2-3, MQTT5-3.5.2-3, MQTT5-3.6.2-3, "
    "MQTT5-3.7.2-3, MQTT5-3.9.2-2, MQTT5-3.11.2-2, MQTT5-3.14.2-4, MQTT5-3.1.2-24: no answer is "
    "larger than the client takes, and none has User Properties",
    "[core][reason]") {
    for (std::uint32_t maximum = 25; maximum < 100; ++maximum) {
        INFO("Maximum Packet Size " << maximum);
        AnswerScene scene(maximum);
        for (const PacketType type : answers) scene.answer(type);
        for (const Packet& packet : scene.bob.packets) {
            CHECK(packet.bytes <= maximum);
            CHECK_FALSE(packet.properties().has(PropertyId::user_property));
        }
    }
}

TEST_CASE("MQTT5-3.1.2-29: a client that wants no problem information gets no Reason Strings",
          "[core][reason]") {
    const bool wanted = GENERATE(true, false);
    AnswerScene scene({}, wanted);
    std::size_t words = 0;
    for (const PacketType type : answers) words += has_reason_string(scene.answer(type));
    CHECK((words > 0) == wanted);
    for (const Packet& packet : scene.bob.packets)
        CHECK_FALSE(packet.properties().has(PropertyId::user_property));
}

TEST_CASE(
    "MQTT5-3.2.2-19, MQTT5-3.2.2-20, MQTT5-3.1.2-24: a refusal says why, as far as the client "
    "takes "
    "it",
    "[core][reason]") {
    core::Settings settings;
    settings.duplicate_probe = milliseconds(0);
    Scene scene(Version::v5, settings);
    REQUIRE(scene.bob.connect());
    const auto refused = [&](std::optional<std::uint32_t> maximum, bool wants_words = true) {
        TestClient newcomer(scene.pump, scene.bob.client_id());
        wire::PropertyWriter properties;
        properties.number(PropertyId::request_problem_information, wants_words);
        CHECK_FALSE(
            newcomer.connect({.maximum_packet_size = maximum, .properties = properties.list()}));
        CHECK(newcomer.was_closed());
        const Packet* const connack = newcomer.last_of(PacketType::connack);
        return connack == nullptr ? std::optional<Packet>() : *connack;
    };
    const std::optional<Packet> full = refused({});
    REQUIRE(full);
    REQUIRE(has_reason_string(*full));
    CHECK_FALSE(full->properties().has(PropertyId::user_property));
    const auto whole = static_cast<std::uint32_t>(full->bytes);
    CHECK(has_reason_string(*refused(whole)));
    CHECK_FALSE(has_reason_string(*refused(whole, false)));
    const std::optional<Packet> bare = refused(whole - 1);
    REQUIRE(bare);
    CHECK_FALSE(has_reason_string(*bare));
    CHECK(bare->reason == full->reason);
    CHECK(refused(static_cast<std::uint32_t>(bare->bytes)));
    CHECK_FALSE(refused(static_cast<std::uint32_t>(bare->bytes - 1)));
}

TEST_CASE("MQTT5-3.1.2-24: a SUBACK or UNSUBACK that is too large ends the connection",
          "[core][reason]") {
    constexpr std::uint32_t maximum = 40;
    const std::size_t around = 2 + 2 + 1;  // fixed header, identifier, no properties
    Scene scene;
    REQUIRE(scene.bob.connect({.maximum_packet_size = maximum}));
    const bool fits = GENERATE(true, false);
    const std::size_t filters = maximum - around + (fits ? 0 : 1);
    const bool subscribes = GENERATE(true, false);
    Buffer out;
    if (subscribes)
        wire::encode_subscribe(7, std::vector<wire::SubscriptionRequest>(filters, {"a", {}}), {},
                               Version::v5, out);
    else
        wire::encode_unsubscribe(7, std::vector<std::string_view>(filters, "a"), {}, Version::v5,
                                 out);
    scene.bob.send_bytes(out.bytes());
    const PacketType type = subscribes ? PacketType::suback : PacketType::unsuback;
    CHECK(scene.bob.count_of(type) == (fits ? 1 : 0));
    CHECK(scene.bob.was_closed() != fits);
    if (fits)
        CHECK(scene.bob.last_of(type)->bytes == maximum);
    else
        CHECK(scene.bob.disconnect_reason() == Reason::packet_too_large);
}
