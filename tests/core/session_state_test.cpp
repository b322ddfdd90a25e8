// What a session holds, and for how long: MQTT 5.0 and 3.1.1, section 4.1. Time is a variable.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

TEST_CASE(
    "MQTT5-4.1, MQTT311-4.1.0-1: a session holds subscriptions, messages in both directions, and "
    "what is half done",
    "[core][session]") {
    Scene scene(any_version());
    const bool v5 = scene.bob.version == Version::v5;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.alice.subscribe("from/bob", {.qos = 2});
    scene.bob.subscribe("one", {.qos = 1}, v5 ? 1 : 0);
    scene.bob.subscribe("two", {.qos = 2, .retain_as_published = v5}, v5 ? 2 : 0);
    scene.alice.publish("two", "acknowledged", {.qos = 2});
    scene.bob.acknowledges = false;
    scene.alice.publish("one", "out at QoS 1", {.qos = 1});
    const std::uint16_t id_1 = scene.bob.last().packet_id;
    scene.alice.publish("two", "out at QoS 2", {.qos = 2});
    const std::uint16_t id_2 = scene.bob.last().packet_id;
    scene.alice.publish("two", "received", {.qos = 2});
    const std::uint16_t id_3 = scene.bob.last().packet_id;
    scene.bob.acknowledge(PacketType::pubrec, id_3);
    scene.bob.publish("from/bob", "half done", {.qos = 2, .packet_id = 77});

    scene.bob.drop();
    scene.bob.forget();
    scene.alice.publish("two", "waiting", {.qos = 2, .retain = true});
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present);
    REQUIRE(scene.bob.payloads() == Texts{"out at QoS 1", "out at QoS 2", "waiting"});
    CHECK(scene.bob.messages[0].packet_id == id_1);
    CHECK(scene.bob.messages[0].qos == 1);
    CHECK(scene.bob.messages[1].packet_id == id_2);
    CHECK(scene.bob.messages[1].qos == 2);
    REQUIRE(scene.bob.count_of(PacketType::pubrel) == 1);
    CHECK(scene.bob.last_of(PacketType::pubrel)->packet_id == id_3);

    scene.bob.publish("from/bob", "half done", {.qos = 2, .dup = true, .packet_id = 77});
    scene.bob.acknowledge(PacketType::pubrel, 77);
    CHECK(scene.bob.last_of(PacketType::pubcomp)->reason == Reason::success);
    CHECK(scene.alice.payloads() == Texts{"half done"});

    scene.alice.publish("two", "live", {.qos = 2, .retain = true});
    CHECK(scene.bob.last().payload == "live");
    CHECK(scene.bob.last().qos == 2);
    CHECK(scene.bob.last().retain == v5);
    if (v5) CHECK(scene.bob.last().subscription_ids() == std::vector<std::uint32_t>{2});
}

TEST_CASE("MQTT5-4.1: a session holds its will with its delay, and the time when it ends",
          "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("status/bob");
    REQUIRE(scene.bob.connect(
        {.clean_start = false,
         .session_expiry_s = 10,
         .will = TestWill{.topic = "status/bob", .payload = "gone", .delay_s = 4}}));
    scene.bob.drop();
    scene.pump.advance(milliseconds(3'999));
    CHECK(scene.alice.payloads() == Texts{});
    scene.pump.advance(milliseconds(1));
    CHECK(scene.alice.payloads() == Texts{"gone"});
    scene.pump.advance(milliseconds(5'999));
    CHECK(scene.pump.count(&core::Stats::sessions) == 2);
    scene.pump.advance(milliseconds(1));
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
}

TEST_CASE("MQTT5-4.1, MQTT311-4.1.0-1: retained messages do not belong to a session",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.publish("a", "kept", {.retain = true});
    scene.alice.disconnect();
    REQUIRE(scene.alice.connect());  // Clean Start
    CHECK(scene.alice.subscribe("a") == Reason::success);
    CHECK(scene.alice.payloads() == Texts{"kept"});
}

TEST_CASE(
    "MQTT5-4.1.0-1, MQTT311-4.1.0-1, MQTT311-4.1.0-2: a session stays for as long as its "
    "connection, whatever its expiry",
    "[core][session]") {
    Scene scene(any_version());
    const ConnectOptions options =
        GENERATE(ConnectOptions{}, ConnectOptions{.session_expiry_s = 1}, persistent);
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(options));
    scene.bob.subscribe("a", {.qos = 2});
    scene.bob.acknowledges = false;
    scene.alice.publish("a", "1", {.qos = 2});
    scene.pump.advance(std::chrono::hours(24 * 365));
    CHECK(scene.pump.count(&core::Stats::sessions) == 2);
    scene.bob.acknowledge(PacketType::pubrec, scene.bob.last().packet_id);
    REQUIRE(scene.bob.last_of(PacketType::pubrel) != nullptr);
    CHECK(scene.bob.last_of(PacketType::pubrel)->reason == Reason::success);
    scene.alice.publish("a", "2", {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
}

TEST_CASE("MQTT5-4.1.0-2: a session ends when its interval has passed, to the millisecond",
          "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    const ConnectOptions two_seconds{.clean_start = false, .session_expiry_s = 2};
    REQUIRE(scene.bob.connect(two_seconds));
    scene.bob.subscribe("a", {.qos = 1});
    scene.bob.drop();
    const bool in_time = GENERATE(true, false);
    scene.pump.advance(milliseconds(in_time ? 1'999 : 2'000));
    scene.alice.publish("a", "1", {.qos = 1});
    REQUIRE(scene.bob.connect(two_seconds));
    CHECK(scene.bob.connack().session_present == in_time);
    CHECK(scene.bob.payloads() == (in_time ? Texts{"1"} : Texts{}));
}

TEST_CASE("MQTT5-3.14.2.2.2, MQTT5-3.1.2-8: a DISCONNECT that ends the session ends a will's delay",
          "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("status/bob");
    ConnectOptions options = persistent;
    options.will = TestWill{.topic = "status/bob", .payload = "gone", .delay_s = 30};
    REQUIRE(scene.bob.connect(options));
    const std::uint32_t expiry_s = GENERATE(0u, 10u, 40u);
    scene.bob.disconnect(Reason::disconnect_with_will, expiry_s);
    const milliseconds due(std::min(expiry_s, 30u) * 1'000);
    if (due.count() > 0) scene.pump.advance(due - milliseconds(1));
    CHECK(scene.alice.payloads() == (due.count() > 0 ? Texts{} : Texts{"gone"}));
    scene.pump.advance(milliseconds(1));
    CHECK(scene.alice.payloads() == Texts{"gone"});
}

TEST_CASE(
    "MQTT5-3.14.2.2.2: what counts is the interval that CONNECT asked for, not the one it got",
    "[core][session]") {
    core::Settings settings;
    settings.limits.max_session_expiry = 0;
    Scene scene(Version::v5, settings);
    REQUIRE(scene.bob.connect({.session_expiry_s = 10}));
    CHECK(scene.bob.connack().number(PropertyId::session_expiry_interval) == 0);
    scene.bob.disconnect(Reason::success, 5);
    CHECK(scene.bob.disconnect_reason() == std::nullopt);
    CHECK(scene.pump.count(&core::Stats::sessions) == 0);
}
