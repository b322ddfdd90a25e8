// How long a session and a connection last: Clean Start, Session Expiry Interval, keep-alive.
// MQTT 5.0, sections 3.1.2 and 4.1. Time is a variable.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

TEST_CASE(
    "MQTT5-3.1.2-5, MQTT5-3.1.2-6, MQTT5-3.2.2-3, MQTT311-3.1.2-4, MQTT311-3.2.2-2, "
    "MQTT311-3.2.2-3: without Clean Start a session goes on",
    "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    CHECK_FALSE(scene.bob.connack().session_present);  // there was none
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.disconnect();
    CHECK(scene.bob.was_closed());
    scene.alice.publish("a/b", "1", {.qos = 1});
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present);
    scene.alice.publish("a/b", "2", {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
    CHECK(scene.pump.count(&core::Stats::sessions) == 2);
    CHECK(scene.pump.count(&core::Stats::connections) == 2);
}

TEST_CASE(
    "MQTT5-3.1.2-4, MQTT5-3.1.4-4, MQTT5-3.2.2-2, MQTT311-3.1.2-6, MQTT311-3.1.4-3, "
    "MQTT311-3.2.2-1: Clean Start discards the session",
    "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.drop();
    scene.alice.publish("a/b", "1", {.qos = 1});
    REQUIRE(scene.bob.connect({.clean_start = true, .session_expiry_s = 3'600}));
    CHECK_FALSE(scene.bob.connack().session_present);
    scene.alice.publish("a/b", "2", {.qos = 1});
    CHECK(scene.bob.messages.empty());
    CHECK(scene.pump.count(&core::Stats::sessions) == 2);
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 0);
}

TEST_CASE(
    "MQTT311-3.1.2-6: a session with CleanSession 1 ends with its connection, its state is never "
    "used again",
    "[core][session]") {
    Scene scene(Version::v3_1_1);
    scene.connect();
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.drop();
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
    REQUIRE(scene.bob.connect(persistent));
    CHECK_FALSE(scene.bob.connack().session_present);
    scene.alice.publish("a/b", "1", {.qos = 1});
    CHECK(scene.bob.messages.empty());
}

TEST_CASE("MQTT5-3.1.2.11.2: without a Session Expiry Interval a session ends with its connection",
          "[core][session]") {
    Scene scene;
    REQUIRE(scene.bob.connect({.clean_start = false}));
    scene.bob.drop();
    REQUIRE(scene.bob.connect({.clean_start = false}));
    CHECK_FALSE(scene.bob.connack().session_present);
}

TEST_CASE(
    "MQTT5-3.1.2-23, MQTT5-4.1.0-2: a session lasts its Session Expiry Interval and no longer",
    "[core][session]") {
    Scene scene;
    const ConnectOptions ten_seconds{.clean_start = false, .session_expiry_s = 10};
    REQUIRE(scene.bob.connect(ten_seconds));
    scene.pump.advance(seconds(60));  // counts from the end of the connection
    scene.bob.drop();
    scene.pump.advance(milliseconds(9'999));
    REQUIRE(scene.bob.connect(ten_seconds));
    CHECK(scene.bob.connack().session_present);
    scene.bob.drop();
    scene.pump.advance(milliseconds(10'000));
    CHECK(scene.pump.count(&core::Stats::sessions) == 0);
    REQUIRE(scene.bob.connect(ten_seconds));
    CHECK_FALSE(scene.bob.connack().session_present);
}

TEST_CASE("max_session_expiry bounds the interval, and CONNACK says so", "[core][session]") {
    core::Settings settings;
    settings.limits.max_session_expiry = 10;
    Scene scene(Version::v5, settings);
    REQUIRE(scene.bob.connect({.session_expiry_s = 11}));
    CHECK(scene.bob.connack().number(PropertyId::session_expiry_interval) == 10);
    scene.bob.drop();
    scene.pump.advance(milliseconds(9'999));
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
    scene.pump.advance(milliseconds(1));
    CHECK(scene.pump.count(&core::Stats::sessions) == 0);

    REQUIRE(scene.bob.connect({.session_expiry_s = 10}));
    CHECK_FALSE(scene.bob.connack().number(PropertyId::session_expiry_interval).has_value());
}

TEST_CASE("a session of 3.1.1 lasts max_session_expiry", "[core][session]") {
    core::Settings settings;
    settings.limits.max_session_expiry = 10;
    Scene scene(Version::v3_1_1, settings);
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.drop();
    scene.pump.advance(milliseconds(9'999));
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
    scene.pump.advance(milliseconds(1));
    CHECK(scene.pump.count(&core::Stats::sessions) == 0);
}

TEST_CASE("MQTT5-3.1.2.11.2: 0xFFFFFFFF means that a session never expires", "[core][session]") {
    core::Settings settings;
    settings.limits.max_session_expiry = UINT32_MAX;
    Scene scene(Version::v5, settings);
    REQUIRE(scene.bob.connect({.session_expiry_s = UINT32_MAX}));
    scene.bob.drop();
    scene.pump.advance(std::chrono::hours(24 * 365 * 10));
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
}

TEST_CASE("MQTT5-3.14.2.2.2: DISCONNECT may change the Session Expiry Interval",
          "[core][session]") {
    Scene scene;
    const std::uint32_t expiry_s = GENERATE(0u, 5u);
    REQUIRE(scene.bob.connect({.session_expiry_s = 3'600}));
    scene.bob.disconnect(Reason::success, expiry_s);
    CHECK(scene.bob.disconnect_reason() == std::nullopt);
    CHECK(scene.pump.count(&core::Stats::sessions) == (expiry_s == 0 ? 0 : 1));
    scene.pump.advance(seconds(expiry_s));
    CHECK(scene.pump.count(&core::Stats::sessions) == 0);
}

TEST_CASE("MQTT5-3.14.2.2.2: DISCONNECT may not raise a Session Expiry Interval of 0",
          "[core][session]") {
    Scene scene;
    scene.connect();
    scene.bob.disconnect(Reason::success, 5);
    CHECK(scene.bob.disconnect_reason() == Reason::protocol_error);
    CHECK(scene.bob.was_closed());
    scene.alice.disconnect(Reason::success, 0);
    CHECK(scene.alice.disconnect_reason() == std::nullopt);
    CHECK(scene.pump.count(&core::Stats::sessions) == 0);
}

TEST_CASE("MQTT5-4.1: what a session keeps does not include QoS 0 or what was acknowledged",
          "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.alice.publish("a/b", "acknowledged", {.qos = 1});
    scene.bob.drop();
    scene.bob.forget();
    scene.alice.publish("a/b", "at QoS 0");
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.messages.empty());
    scene.alice.publish("a/b", "now");
    CHECK(scene.bob.payloads() == Texts{"now"});
}

// --- keep-alive ----------------------------------------------------------------------------------

TEST_CASE(
    "MQTT5-3.1.2-22, MQTT311-3.1.2-24: silence of one and a half times the keep-alive ends the "
    "connection, "
    "never earlier",
    "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.bob.connect({.keep_alive_s = 10}));
    scene.pump.advance(milliseconds(14'999));
    CHECK(scene.bob.ping());
    scene.pump.advance(milliseconds(14'999));
    CHECK(scene.bob.is_connected());
    scene.pump.advance(milliseconds(1));
    CHECK(scene.bob.was_closed());
    if (scene.bob.version == Version::v5)
        CHECK(scene.bob.disconnect_reason() == Reason::keep_alive_timeout);
    else
        CHECK(scene.bob.disconnect_reason() == std::nullopt);
}

TEST_CASE("MQTT5-3.1.2-22: any packet shows that the client is alive, a part of one does not",
          "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.bob.connect({.keep_alive_s = 10}));
    for (int i = 0; i < 5; ++i) {
        scene.pump.advance(seconds(14));
        scene.bob.publish("a", "b");
    }
    CHECK(scene.bob.is_connected());
    scene.pump.advance(seconds(14));
    const std::uint8_t part[] = {0x30, 100, 0};
    scene.bob.send_bytes(part);
    scene.pump.advance(seconds(1));
    CHECK(scene.bob.was_closed());
}

TEST_CASE("a keep-alive of 0 means none", "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.bob.connect({.keep_alive_s = 0}));
    scene.pump.advance(std::chrono::hours(1'000));
    CHECK(scene.bob.is_connected());
}

TEST_CASE("MQTT5-3.2.2-22: max_keep_alive is announced as Server Keep Alive and applied",
          "[core][session]") {
    core::Settings settings;
    settings.limits.max_keep_alive = 20;
    Scene scene(Version::v5, settings);
    const std::uint16_t asked = GENERATE(std::uint16_t{0}, std::uint16_t{21});
    REQUIRE(scene.alice.connect({.keep_alive_s = 20}));
    CHECK_FALSE(scene.alice.connack().number(PropertyId::server_keep_alive).has_value());
    REQUIRE(scene.bob.connect({.keep_alive_s = asked}));
    CHECK(scene.bob.connack().number(PropertyId::server_keep_alive) == 20);
    scene.pump.advance(milliseconds(29'999));
    CHECK(scene.bob.is_connected());
    scene.pump.advance(milliseconds(1));
    CHECK(scene.bob.was_closed());
}

TEST_CASE("MQTT5-3.12.4-1, MQTT311-3.12.4-1: PINGREQ is answered", "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    CHECK(scene.bob.ping());
    CHECK(scene.bob.ping());
}
