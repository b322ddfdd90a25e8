// DISCONNECT: how a connection ends when the client breaks a rule, and in all other cases in which
// it is the broker that ends it. MQTT 5.0, sections 3.14, 3.15 and 4.13; MQTT 3.1.1, section 4.8.
// Method: a whole broker without a network; the client sends bytes written by hand.
#include "tests/support/body.hpp"
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

// One packet that a client may not send.
struct Wrong {
    std::string what;
    Body bytes;
    Reason reason{};  // of the DISCONNECT; 3.1.1 has none
};

Body packet(int first_byte, const Body& body) { return Body{first_byte}.list(body); }

// Of 5.0, without properties.
Body publish(const Body& properties) { return packet(0x30, Body{0, 1, 'a'}.list(properties)); }
Body subscribe(const Body& properties, std::string_view filter, int options) {
    return packet(0x82, Body{0, 1}.list(properties).text(filter).u8(unsigned(options)));
}

std::vector<Wrong> malformed_in_any_version() {
    return {
        {"a packet of type 0", {0x00, 0}},
        {"a length of five bytes", {0x30, 0x80, 0x80, 0x80, 0x80, 0x01}},
        {"PUBLISH with QoS 3", {0x36, 6, 0, 1, 'a', 0, 1, 0}},
        {"PUBLISH with QoS 0 and DUP", {0x38, 4, 0, 1, 'a', 0}},
        {"PUBLISH whose topic is longer than itself", {0x30, 3, 0, 9, 'a'}},
        {"PUBLISH to a topic that is not UTF-8", {0x30, 4, 0, 1, 0xFF, 0}},
        {"PUBLISH to a topic with a surrogate", {0x30, 6, 0, 3, 0xED, 0xA0, 0x80, 0}},
        {"PUBLISH to a topic with U+0000", {0x30, 5, 0, 2, 'a', 0, 0}},
        {"PUBLISH with QoS 1 that ends before its identifier", {0x32, 4, 0, 1, 'a', 0}},
        {"PUBACK with flags", {0x41, 2, 0, 1}},
        {"PUBACK that ends too early", {0x40, 1, 0}},
        {"PUBREC with flags", {0x58, 2, 0, 1}},
        {"PUBREL without its flag", {0x60, 2, 0, 1}},
        {"PUBCOMP with flags", {0x72, 2, 0, 1}},
        {"SUBSCRIBE without its flag", {0x80, 6, 0, 1, 0, 1, 'a', 0}},
        {"UNSUBSCRIBE without its flag", {0xA0, 5, 0, 1, 0, 1, 'a'}},
        {"PINGREQ with flags", {0xC1, 0}},
        {"PINGREQ with a body", {0xC0, 1, 0}},
        {"DISCONNECT with flags", {0xE1, 0}},
        {"AUTH with flags", {0xF1, 0}},
    };
}

std::vector<Wrong> out_of_place_in_any_version() {
    return {
        {"a second CONNECT", {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 1, 'x'}},
        {"CONNACK", {0x20, 2, 0, 0}},
        {"SUBACK", {0x90, 3, 0, 1, 0}},
        {"UNSUBACK", {0xB0, 2, 0, 1}},
        {"PINGRESP", {0xD0, 0}},
        {"AUTH without a method", {0xF0, 0}},
        {"PUBLISH with QoS 1 and identifier 0", {0x32, 6, 0, 1, 'a', 0, 0, 0}},
        {"PUBACK with identifier 0", {0x40, 2, 0, 0}},
        {"PUBREL with identifier 0", {0x62, 2, 0, 0}},
        {"SUBSCRIBE with identifier 0", {0x82, 6, 0, 0, 0, 1, 'a', 0}},
        {"UNSUBSCRIBE with identifier 0", {0xA2, 5, 0, 0, 0, 1, 'a'}},
    };
}

std::vector<Wrong> wrong_in_311() {
    std::vector<Wrong> all = malformed_in_any_version();
    for (Wrong& wrong : out_of_place_in_any_version()) all.push_back(std::move(wrong));
    const std::vector<Wrong> more{
        {"PUBLISH to an empty topic", {0x30, 2, 0, 0}},
        {"PUBLISH to a topic with a wildcard", {0x30, 3, 0, 1, '+'}},
        {"PUBACK with a code", {0x40, 3, 0, 1, 0}},
        {"SUBSCRIBE without a filter", {0x82, 2, 0, 1}},
        {"SUBSCRIBE with QoS 3", {0x82, 6, 0, 1, 0, 1, 'a', 3}},
        {"SUBSCRIBE with options of 5.0", {0x82, 6, 0, 1, 0, 1, 'a', 4}},
        {"UNSUBSCRIBE without a filter", {0xA2, 2, 0, 1}},
        {"DISCONNECT with a code", {0xE0, 1, 0}},
    };
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::vector<Wrong> wrong_in_5() {
    std::vector<Wrong> all;
    for (Wrong& wrong : malformed_in_any_version()) {
        wrong.reason = Reason::malformed_packet;
        all.push_back(std::move(wrong));
    }
    for (Wrong& wrong : out_of_place_in_any_version()) {
        wrong.reason = Reason::protocol_error;
        all.push_back(std::move(wrong));
    }
    const Body not_utf8{0x26, 0, 1, 'n', 0, 1, 0xFF};
    const std::vector<Wrong> more{
        {"a property that does not exist", publish({0x7F, 0}), Reason::malformed_packet},
        {"a property of another packet", publish({0x21, 0, 1}), Reason::malformed_packet},
        {"properties longer than their packet",
         {0x30, 5, 0, 1, 'a', 9, 1},
         Reason::malformed_packet},
        {"a user property that is not UTF-8", publish(not_utf8), Reason::malformed_packet},
        {"a content type with U+0000", publish({0x03, 0, 1, 0}), Reason::malformed_packet},
        {"SUBSCRIBE with reserved options", subscribe({}, "a", 0x40), Reason::malformed_packet},
        {"SUBSCRIBE without options", packet(0x82, Body{0, 1, 0}.text("a")),
         Reason::malformed_packet},
        {"a filter that is not UTF-8", subscribe({}, "\xC0", 0), Reason::malformed_packet},

        {"a property twice", publish({0x01, 0, 0x01, 0}), Reason::protocol_error},
        {"a response topic with a wildcard", publish({0x08, 0, 1, '#'}), Reason::protocol_error},
        {"a subscription identifier in PUBLISH", publish({0x0B, 1}), Reason::protocol_error},
        {"PUBLISH without topic and alias", {0x30, 3, 0, 0, 0}, Reason::protocol_error},
        {"an alias that stands for nothing", packet(0x30, Body{0, 0}.list({0x23, 0, 1})),
         Reason::protocol_error},
        {"PUBACK with a code of others", {0x40, 3, 0, 1, 0x92}, Reason::protocol_error},
        {"PUBREC with a code of others", {0x50, 3, 0, 1, 0x92}, Reason::protocol_error},
        {"PUBREL with a code of others", {0x62, 3, 0, 1, 0x80}, Reason::protocol_error},
        {"PUBCOMP with a code of others", {0x70, 3, 0, 1, 0x80}, Reason::protocol_error},
        {"SUBSCRIBE without a filter", {0x82, 3, 0, 1, 0}, Reason::protocol_error},
        {"SUBSCRIBE with QoS 3", subscribe({}, "a", 3), Reason::protocol_error},
        {"SUBSCRIBE with Retain Handling 3", subscribe({}, "a", 0x30), Reason::protocol_error},
        {"SUBSCRIBE to an empty filter", subscribe({}, "", 0), Reason::protocol_error},
        {"No Local on a shared subscription", subscribe({}, "$share/g/a", 4),
         Reason::protocol_error},
        {"a subscription identifier of 0", subscribe({0x0B, 0}, "a", 0), Reason::protocol_error},
        {"two subscription identifiers", subscribe({0x0B, 1, 0x0B, 2}, "a", 0),
         Reason::protocol_error},
        {"UNSUBSCRIBE without a filter", {0xA2, 3, 0, 1, 0}, Reason::protocol_error},
        {"DISCONNECT with a code of others", {0xE0, 1, 0x91}, Reason::protocol_error},
        {"DISCONNECT that raises a Session Expiry Interval of 0",
         {0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9},
         Reason::protocol_error},

        {"PUBLISH to a topic with +", {0x30, 4, 0, 1, '+', 0}, Reason::topic_name_invalid},
        {"PUBLISH to a topic with #", {0x30, 4, 0, 1, '#', 0}, Reason::topic_name_invalid},
        {"alias 0", publish({0x23, 0, 0}), Reason::topic_alias_invalid},
        {"an alias above the maximum", publish({0x23, 0, 65}), Reason::topic_alias_invalid},
        {"a packet above the maximum",
         {0x30, 0x80, 0x80, 0x80, 0x01, 0, 1, 'a', 0},  // 2 MiB: refused before it has come
         Reason::packet_too_large},
    };
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace

TEST_CASE(
    "MQTT5-4.13.1-1, MQTT5-4.13.2-1, MQTT5-3.14.4-1, MQTT5-3.14.4-2, MQTT5-3.14.2-1, "
    "MQTT5-3.14.2-2: whatever rule a client breaks, DISCONNECT with its reason is the last word",
    "[core][disconnect]") {
    for (const Wrong& wrong : wrong_in_5()) {
        INFO(wrong.what);
        Scene scene(Version::v5, {}, Cast{2});
        scene.connect();
        scene.alice.subscribe("a", {.qos = 1});
        scene.alice.link().write(wrong.bytes);
        scene.alice.link().write(Body{0xC0, 0});  // a PINGREQ, which nobody reads any more
        scene.bob.publish("a", "for somebody who has gone", {.qos = 1});
        CHECK(scene.alice.was_closed());
        CHECK(scene.alice.disconnect_reason() == wrong.reason);
        CHECK(scene.alice.packets.back().type == PacketType::disconnect);
        CHECK_FALSE(scene.alice.packets.back().number(PropertyId::session_expiry_interval));
        CHECK(scene.alice.count_of(PacketType::pingresp) == 0);
        CHECK(scene.bob.ping());
    }
}

TEST_CASE("MQTT311-4.8.0-1: whatever rule a client breaks, its connection ends without a word",
          "[core][disconnect]") {
    const Version version = GENERATE(Version::v3_1, Version::v3_1_1);
    for (const Wrong& wrong : wrong_in_311()) {
        INFO(wrong.what);
        Scene scene(version, {}, Cast{2});
        scene.connect();
        scene.alice.link().write(wrong.bytes);
        scene.alice.link().write(Body{0xC0, 0});
        scene.pump.settle();
        CHECK(scene.alice.was_closed());
        CHECK(scene.alice.packets.size() == 1);  // CONNACK
        CHECK(scene.bob.ping());
    }
}

TEST_CASE("a packet that breaks no rule ends nothing", "[core][disconnect]") {
    const std::vector<Wrong> right{
        {"PUBLISH", publish({})},
        {"the highest alias", publish({0x23, 0, 64})},
        {"PUBACK for nothing", {0x40, 4, 0, 1, 0x10, 0}},
        {"PUBREC for nothing", {0x50, 2, 0, 1}},
        {"PUBREL for nothing", {0x62, 3, 0, 1, 0x92}},
        {"PUBCOMP for nothing", {0x70, 3, 0, 1, 0x92}},
        {"SUBSCRIBE with all options", subscribe({0x0B, 1}, "a", 0x2E)},
        {"SUBSCRIBE to what is no filter", subscribe({}, "a/#/b", 0)},
        {"UNSUBSCRIBE", packet(0xA2, Body{0, 1, 0}.text("a"))},
        {"PINGREQ", {0xC0, 0}},
    };
    for (const Wrong& packet : right) {
        INFO(packet.what);
        Scene scene(Version::v5, {}, Cast{2});
        scene.connect();
        scene.alice.send_bytes(packet.bytes);
        CHECK(scene.alice.is_connected());
        CHECK(scene.alice.ping());
    }
}

TEST_CASE("MQTT5-3.14.2-1: a bound that is exceeded is named", "[core][disconnect]") {
    core::Settings settings;
    settings.limits.max_inflight = 1;
    settings.limits.max_payload_bytes = 10;
    settings.limits.max_topic_levels = 2;
    settings.denied_publish = core::DeniedPublish::disconnect;
    Scene scene(Version::v5, settings);
    REQUIRE(scene.alice.connect({.identity = identity("alice", {.deny_publish = {"secret"}})}));
    scene.alice.acknowledges = false;
    SECTION("Receive Maximum") {
        scene.alice.publish("a", "1", {.qos = 2});
        CHECK(scene.alice.is_connected());
        scene.alice.publish("a", "2", {.qos = 2});
        CHECK(scene.alice.disconnect_reason() == Reason::receive_maximum_exceeded);
    }
    SECTION("payload") {
        scene.alice.publish("a", std::string(10, 'x'));
        CHECK(scene.alice.is_connected());
        scene.alice.publish("a", std::string(11, 'x'));
        CHECK(scene.alice.disconnect_reason() == Reason::packet_too_large);
    }
    SECTION("topic levels") {
        scene.alice.publish("a/b", "1");
        CHECK(scene.alice.is_connected());
        scene.alice.publish("a/b/c", "1");
        CHECK(scene.alice.disconnect_reason() == Reason::topic_name_invalid);
    }
    SECTION("rules") {
        scene.alice.publish("open", "1");
        CHECK(scene.alice.is_connected());
        scene.alice.publish("secret", "1");
        CHECK(scene.alice.disconnect_reason() == Reason::not_authorized);
    }
    CHECK(scene.alice.was_closed());
}

TEST_CASE("MQTT5-3.14.2-1: a client that breaks no rule is told as well why it has to go",
          "[core][disconnect]") {
    core::Settings settings;
    settings.duplicate_client_id = core::DuplicatePolicy::take_over;
    Scene scene(Version::v5, settings);
    REQUIRE(scene.bob.connect({.keep_alive_s = 10, .session_expiry_s = 60}));
    const unsigned home = scene.pump.broker().home_of(scene.bob.client_id());
    Reason expected{};
    SECTION("silence") {
        scene.pump.advance(seconds(15));
        expected = Reason::keep_alive_timeout;
    }
    SECTION("another connection with its id") {
        TestClient newcomer(scene.pump, scene.bob.client_id());
        REQUIRE(newcomer.connect({.clean_start = false, .session_expiry_s = 60}));
        CHECK(newcomer.connack().session_present);
        expected = Reason::session_taken_over;
    }
    SECTION("an administrator") {
        scene.pump.run_on(home, [&](core::Shard& shard) { shard.kick(scene.bob.client_id()); });
        expected = Reason::administrative_action;
    }
    SECTION("its key is revoked") {
        scene.pump.run_on(home, [&](core::Shard& shard) {
            shard.review_identities([](const std::string&, const core::IdentityPtr&) {
                return core::Shard::Verdict{core::Shard::Verdict::Kind::disconnect, {}};
            });
        });
        expected = Reason::not_authorized;
    }
    SECTION("the broker stops") {
        scene.pump.run_on(
            home, [](core::Shard& shard) { shard.disconnect_all(Reason::server_shutting_down); });
        expected = Reason::server_shutting_down;
    }
    CHECK(scene.bob.disconnect_reason() == expected);
    CHECK(scene.bob.was_closed());
    CHECK_FALSE(scene.bob.packets.back().number(PropertyId::session_expiry_interval));
}

TEST_CASE("MQTT5-3.14.0-1: who has not got a CONNACK gets no DISCONNECT", "[core][disconnect]") {
    Scene scene;
    REQUIRE(scene.bob.connect());
    TestClient newcomer(scene.pump, scene.bob.client_id());  // waits for the probe of bob's host
    scene.bob.link().host_is_up = GENERATE(true, false);
    newcomer.send_connect({});
    for (unsigned shard = 0; shard < scene.pump.broker().shards(); ++shard)
        scene.pump.run_on(
            shard, [](core::Shard& home) { home.disconnect_all(Reason::server_shutting_down); });
    CHECK(scene.bob.disconnect_reason() == Reason::server_shutting_down);
    scene.pump.advance(seconds(10));
    CHECK(newcomer.count_of(PacketType::connack) <= 1);
    if (newcomer.count_of(PacketType::connack) == 0 || is_failure(newcomer.connack().reason))
        CHECK(newcomer.disconnect_reason() == std::nullopt);
}

TEST_CASE("MQTT5-3.14.4-3, MQTT311-3.14.4-3: only DISCONNECT 0x00 drops the will",
          "[core][disconnect]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("status/bob");
    const Reason reason = GENERATE(Reason::success, Reason::disconnect_with_will,
                                   Reason::unspecified_error, Reason::administrative_action);
    REQUIRE(scene.bob.connect({.will = TestWill{"status/bob", "gone"}}));
    scene.bob.disconnect(reason);
    CHECK(scene.bob.was_closed());
    const bool normal = reason == Reason::success || scene.bob.version != Version::v5;
    CHECK(scene.alice.payloads() == (normal ? Texts{} : Texts{"gone"}));
}

// --- AUTH ----------------------------------------------------------------------------------------

TEST_CASE(
    "MQTT5-4.12.0-7, MQTT5-4.12.0-3, MQTT5-4.12.1-1, MQTT5-4.12.1-2: AUTH from a client that named "
    "no method ends its connection",
    "[core][auth]") {
    const std::string_view what =
        GENERATE("AUTH", "continues", "re-authenticates", "without method");
    Scene scene;
    scene.connect();
    CHECK(scene.alice.ping());
    if (what == "AUTH") scene.alice.send_bytes(Body{0xF0, 0});
    if (what == "continues") scene.alice.send_bytes(Body{0xF0, 6, 0x18, 4, 0x15, 0, 1, 'm'});
    if (what == "re-authenticates") scene.alice.send_bytes(Body{0xF0, 6, 0x19, 4, 0x15, 0, 1, 'm'});
    if (what == "without method") scene.alice.send_bytes(Body{0xF0, 2, 0x18, 0});
    CHECK(scene.alice.disconnect_reason() == Reason::protocol_error);
    CHECK(scene.alice.was_closed());
}

TEST_CASE("MQTT5-3.15.1-1: an AUTH with flags is malformed before it is out of place",
          "[core][auth]") {
    Scene scene;
    scene.connect();
    scene.alice.send_bytes(Body{0xF2, 6, 0x18, 4, 0x15, 0, 1, 'm'});
    CHECK(scene.alice.disconnect_reason() == Reason::malformed_packet);
}

// As every method is refused in CONNACK there is no AUTH that the broker could send: TestClient
// takes none.
TEST_CASE(
    "MQTT5-4.12.0-6, MQTT5-4.12.0-2, MQTT5-4.12.0-5, MQTT5-3.15.2-2, MQTT5-3.15.2-3: a client that "
    "named no method hears of none",
    "[core][auth]") {
    Scene scene;
    scene.connect();
    CHECK_FALSE(scene.bob.connack().properties().has(PropertyId::authentication_method));
    CHECK_FALSE(scene.bob.connack().properties().has(PropertyId::authentication_data));
    scene.bob.subscribe("a", {.qos = 2});
    scene.alice.publish("a", "1", {.qos = 2});
    CHECK(scene.bob.count_of(PacketType::auth) == 0);
    CHECK(scene.bob.payloads() == Texts{"1"});
}
