// Wills: when they are published, and when not. MQTT 5.0, section 3.1.2.5; MQTT 3.1.1, section
// 3.1.2.5. alice watches, bob leaves.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

struct WillScene : Scene {
    explicit WillScene(Version version = Version::v5, const core::Settings& settings = {})
        : Scene(version, settings) {
        REQUIRE(alice.connect());
        REQUIRE(alice.subscribe("status/#",
                                {.qos = 2, .retain_as_published = version == Version::v5}) ==
                Reason::granted_qos_2);
    }
    Texts published() const { return alice.payloads(); }
};

ConnectOptions with_will(ConnectOptions options = {}, std::uint32_t delay_s = 0) {
    options.will = TestWill{.topic = "status/bob", .payload = "gone", .qos = 1, .delay_s = delay_s};
    return options;
}

const Texts none;
const Texts once{"gone"};

}  // namespace

TEST_CASE("MQTT5-3.1.2-8, MQTT311-3.1.2-8: the will is published when the connection is lost",
          "[core][session][will]") {
    WillScene scene(any_version());
    const std::uint8_t qos = any_qos();
    REQUIRE(scene.bob.connect({.will = TestWill{"status/bob", "gone", qos}}));
    CHECK(scene.published() == none);
    scene.bob.drop();
    REQUIRE(scene.published() == once);
    CHECK(scene.alice.last().topic == "status/bob");
    CHECK(scene.alice.last().qos == qos);
}

TEST_CASE("MQTT311-3.1.2-12: without a will none is published", "[core][session][will]") {
    WillScene scene(any_version());
    REQUIRE(scene.bob.connect());
    scene.bob.drop();
    CHECK(scene.published() == none);
}

TEST_CASE(
    "MQTT5-3.14.4-3, MQTT5-3.1.2-10, MQTT311-3.14.4-3, MQTT311-3.1.2-10: after DISCONNECT 0x00 "
    "there is no will",
    "[core][session][will]") {
    WillScene scene(any_version());
    REQUIRE(scene.bob.connect(with_will(persistent)));
    scene.bob.disconnect();
    scene.pump.advance(std::chrono::hours(2));
    CHECK(scene.published() == none);
}

TEST_CASE("MQTT5-3.14.4-3: DISCONNECT 0x04 asks for the will", "[core][session][will]") {
    WillScene scene;
    REQUIRE(scene.bob.connect(with_will()));
    scene.bob.disconnect(Reason::disconnect_with_will);
    CHECK(scene.published() == once);
}

TEST_CASE("MQTT5-3.1.2-8: the will is published when the broker ends the connection",
          "[core][session][will]") {
    WillScene scene(any_version());
    SECTION("because of a broken rule") {
        REQUIRE(scene.bob.connect(with_will()));
        const std::uint8_t second_connack[] = {0x20, 2, 0, 0};
        scene.bob.send_bytes(second_connack);
    }
    SECTION("because it was silent") {
        ConnectOptions options = with_will();
        options.keep_alive_s = 10;
        REQUIRE(scene.bob.connect(options));
        scene.pump.advance(milliseconds(14'999));
        CHECK(scene.published() == none);
        scene.pump.advance(milliseconds(1));
    }
    CHECK(scene.bob.was_closed());
    CHECK(scene.published() == once);
}

TEST_CASE("MQTT5-3.1.2-7, MQTT5-3.1.2-8: the will is kept with the session until its delay is over",
          "[core][session][will]") {
    WillScene scene;
    REQUIRE(scene.bob.connect(with_will(persistent, 5)));
    scene.bob.drop();
    scene.pump.advance(milliseconds(4'999));
    CHECK(scene.published() == none);
    scene.pump.advance(milliseconds(1));
    CHECK(scene.published() == once);
    scene.pump.advance(std::chrono::hours(2));
    CHECK(scene.published() == once);
}

TEST_CASE("MQTT5-3.1.2-8: the will does not wait longer than the session lasts",
          "[core][session][will]") {
    WillScene scene;
    const std::uint32_t expiry_s = GENERATE(0u, 3u);
    REQUIRE(scene.bob.connect(with_will({.session_expiry_s = expiry_s}, 5)));
    scene.bob.drop();
    if (expiry_s > 0) {
        scene.pump.advance(milliseconds(2'999));
        CHECK(scene.published() == none);
        scene.pump.advance(milliseconds(1));
    }
    CHECK(scene.published() == once);
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
}

TEST_CASE("MQTT5-3.1.3-9: no will if the client is back in time, on the same session",
          "[core][session][will]") {
    WillScene scene;
    REQUIRE(scene.bob.connect(with_will(persistent, 5)));
    scene.bob.drop();
    scene.pump.advance(milliseconds(4'999));
    SECTION("on the same session") {
        REQUIRE(scene.bob.connect(persistent));
        scene.pump.advance(seconds(10));
        scene.bob.drop();  // and this connection had none
        scene.pump.advance(seconds(10));
        CHECK(scene.published() == none);
    }
    SECTION("but Clean Start ends the session, so it is published") {
        REQUIRE(scene.bob.connect());
        CHECK(scene.published() == once);
    }
    SECTION("too late") {
        scene.pump.advance(milliseconds(1));
        REQUIRE(scene.bob.connect(persistent));
        CHECK(scene.published() == once);
    }
}

TEST_CASE("MQTT5-3.1.2-10, MQTT311-3.1.2-10: a will is published once", "[core][session][will]") {
    WillScene scene(any_version());
    REQUIRE(scene.bob.connect(with_will(persistent)));
    scene.bob.drop();
    CHECK(scene.published() == once);
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.drop();
    scene.pump.advance(std::chrono::hours(2));
    CHECK(scene.published() == once);
}

TEST_CASE(
    "MQTT311-3.1.2-8: take-over by the same client id publishes the will, unless it has a delay",
    "[core][session][will]") {
    core::Settings settings;
    settings.duplicate_client_id = core::DuplicatePolicy::take_over;
    WillScene scene(any_version(), settings);
    TestClient newcomer(scene.pump, scene.bob.client_id(), scene.bob.version);
    SECTION("at once") {
        REQUIRE(scene.bob.connect(with_will(persistent)));
        REQUIRE(newcomer.connect(persistent));
        CHECK(scene.published() == once);
    }
    SECTION("MQTT5-3.1.3-9: with a delay the newcomer is back in time") {
        REQUIRE(scene.bob.connect(with_will(persistent, 5)));
        REQUIRE(newcomer.connect(persistent));
        scene.pump.advance(seconds(10));
        CHECK(scene.published() == (scene.bob.version == Version::v5 ? none : once));
    }
    CHECK(scene.bob.was_closed());
}

TEST_CASE(
    "MQTT5-3.1.2-14, MQTT5-3.1.2-15, MQTT311-3.1.2-16, MQTT311-3.1.2-17: Will Retain decides "
    "whether it stays",
    "[core][session][will]") {
    WillScene scene(any_version());
    const bool retain = GENERATE(true, false);
    REQUIRE(scene.bob.connect({.will = TestWill{"status/bob", "gone", 1, retain}}));
    scene.bob.drop();
    REQUIRE(scene.published() == once);
    TestClient late = scene.client(2, "late", scene.bob.version);
    REQUIRE(late.connect());
    late.subscribe("status/+");
    CHECK(late.payloads() == (retain ? once : none));
}

TEST_CASE("a will's Message Expiry Interval counts from its publication", "[core][session][will]") {
    WillScene scene;
    ConnectOptions options = persistent;
    options.will = TestWill{"status/bob", "gone", 1, false, 60, 10};
    REQUIRE(scene.bob.connect(options));
    scene.bob.drop();
    scene.pump.advance(seconds(60));
    REQUIRE(scene.published() == once);
    CHECK(scene.alice.last().number(PropertyId::message_expiry_interval) == 10);
    CHECK_FALSE(scene.alice.last().number(PropertyId::will_delay_interval).has_value());
}

TEST_CASE("MQTT5-3.1.3-10: a will's User Properties keep their order", "[core][session][will]") {
    WillScene scene;
    wire::PropertyWriter properties;
    properties.user("b", "1").text(PropertyId::content_type, "text/plain").user("a", "2");
    properties.user("b", "0").user("", "").user("a", "2");
    ConnectOptions options = with_will(persistent, 5);
    options.will->properties = properties.list();
    REQUIRE(scene.bob.connect(options));
    scene.bob.drop();
    scene.pump.advance(seconds(5));
    REQUIRE(scene.published() == once);
    Texts users;
    for (const wire::Property& property : scene.alice.last().properties())
        if (property.id == PropertyId::user_property)
            users.push_back(std::string(property.text) + "=" + std::string(property.value));
    CHECK(users == Texts{"b=1", "a=2", "b=0", "=", "a=2"});
    CHECK(scene.alice.last().properties().text(PropertyId::content_type) == "text/plain");
}

TEST_CASE("a will that the rules do not allow is not published, and counted",
          "[core][session][will]") {
    WillScene scene(any_version());
    const bool allowed = GENERATE(true, false);
    ConnectOptions options = with_will();
    options.identity = identity("bob", {.deny_publish = {allowed ? "other" : "status/#"}});
    REQUIRE(scene.bob.connect(options));
    scene.bob.drop();
    CHECK(scene.published() == (allowed ? once : none));
    CHECK(scene.pump.count(&core::Stats::publishes_denied) == (allowed ? 0 : 1));
}
