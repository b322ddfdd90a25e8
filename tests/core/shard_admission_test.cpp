// What a shard makes of a CONNECT: CONNACK, the duplicate client id, the newcomer who waits while
// the first connection is probed. MQTT 5.0, sections 3.1.4 and 3.2.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

// bob is connected, and somebody else comes with his client id.
struct DuplicateScene : Scene {
    explicit DuplicateScene(Version version = Version::v5, const core::Settings& settings = {})
        : Scene(version, settings), newcomer(pump, bob.client_id(), version) {}

    bool newcomer_waits() const { return newcomer.packets.empty() && newcomer.is_connected(); }
    bool newcomer_is_refused() const {
        const Packet* const connack = newcomer.last_of(PacketType::connack);
        const Reason refused = newcomer.version == Version::v5 ? Reason::client_identifier_not_valid
                                                               : static_cast<Reason>(2);
        return connack != nullptr && connack->reason == refused && newcomer.was_closed();
    }

    TestClient newcomer;
};

core::Settings take_over() {
    core::Settings settings;
    settings.duplicate_client_id = core::DuplicatePolicy::take_over;
    return settings;
}

}  // namespace

// --- CONNACK -------------------------------------------------------------------------------------

TEST_CASE("MQTT5-3.1.4-5, MQTT311-3.1.4-4: an accepted CONNECT is answered with CONNACK 0",
          "[core][admission]") {
    Scene scene(any_version());
    CHECK(scene.bob.connect());
    CHECK(scene.bob.packets.size() == 1);
    CHECK(scene.pump.count(&core::Stats::connections) == 1);
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
}

TEST_CASE("CONNACK of 5.0 tells the limits, and nothing that was not asked or changed",
          "[core][admission]") {
    core::Settings settings;
    settings.limits.max_inflight = 33;
    settings.limits.max_packet_bytes = 5'000;
    settings.limits.max_topic_alias = 7;
    Scene scene(Version::v5, settings);
    REQUIRE(scene.bob.connect({.keep_alive_s = 10, .session_expiry_s = 60}));
    const Packet& connack = scene.bob.connack();
    CHECK(connack.number(PropertyId::receive_maximum) == 33);
    CHECK(connack.number(PropertyId::maximum_packet_size) == 5'000);
    CHECK(connack.number(PropertyId::topic_alias_maximum) == 7);
    for (const PropertyId absent :
         {PropertyId::session_expiry_interval, PropertyId::assigned_client_identifier,
          PropertyId::server_keep_alive, PropertyId::maximum_qos, PropertyId::retain_available,
          PropertyId::response_information,
          PropertyId::authentication_method})  // MQTT5-3.1.2-28, -4.12.0-6
        CHECK_FALSE(connack.properties().has(absent));
}

TEST_CASE(
    "MQTT5-3.1.3-6, MQTT5-3.1.3-7, MQTT5-3.2.2-16: a client without an id gets one of its own",
    "[core][admission]") {
    Scene scene;
    TestClient first(scene.pump, "");
    TestClient second(scene.pump, "");
    REQUIRE(first.connect({.session_expiry_s = 60}));
    REQUIRE(second.connect({.session_expiry_s = 60}));
    const auto id = [](const TestClient& client) {
        return std::string(client.connack()
                               .properties()
                               .text(PropertyId::assigned_client_identifier)
                               .value_or(""));
    };
    CHECK_FALSE(id(first).empty());
    CHECK(id(first) != id(second));
    TestClient again(scene.pump, id(first));
    first.drop();
    REQUIRE(again.connect(
        {.clean_start = false, .session_expiry_s = 60, .identity = identity(first.client_id())}));
    CHECK(again.connack().session_present);
    CHECK_FALSE(again.connack().properties().has(PropertyId::assigned_client_identifier));
}

TEST_CASE("MQTT311-3.1.3-6: a client of 3.1.1 with CleanSession 1 needs no id",
          "[core][admission]") {
    Scene scene(Version::v3_1_1);
    TestClient first(scene.pump, "", Version::v3_1_1);
    TestClient second(scene.pump, "", Version::v3_1_1);
    CHECK(first.connect());
    CHECK(second.connect());
    CHECK(first.is_connected());
    CHECK(scene.pump.count(&core::Stats::sessions) == 2);
}

TEST_CASE("packets that come right behind CONNECT are answered after CONNACK",
          "[core][admission]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    scene.bob.send_connect({});
    scene.bob.send_subscribe("a/b", {.qos = 1});
    scene.bob.send_publish("a/b", "own", {.qos = 1});
    scene.pump.settle();
    CHECK(scene.bob.count_of(PacketType::suback) == 1);
    CHECK(scene.bob.count_of(PacketType::puback) == 1);
    CHECK(scene.bob.payloads() == Texts{"own"});
}

// --- the first stays, if it is alive -------------------------------------------------------------

TEST_CASE(
    "MQTT5-3.1.3-8, MQTT311-3.1.3-9: a newcomer is refused if the first connection answers the "
    "probe",
    "[core][admission]") {
    DuplicateScene scene(any_version());
    REQUIRE(scene.bob.connect());
    scene.bob.subscribe("a/b");
    scene.newcomer.connect();
    CHECK(scene.bob.link().probed);
    CHECK(scene.newcomer_waits());
    scene.pump.advance(milliseconds(25));
    CHECK(scene.newcomer_is_refused());
    CHECK(scene.bob.ping());
    CHECK(scene.pump.count(&core::Stats::connects_refused) == 1);
    CHECK(scene.pump.count(&core::Stats::connections) == 1);
}

TEST_CASE(
    "a newcomer gets the place if the first connection does not answer within duplicate_probe",
    "[core][admission]") {
    core::Settings settings;
    settings.duplicate_probe = milliseconds(1'000);
    DuplicateScene scene(any_version(), settings);
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.link().host_is_up = false;
    scene.newcomer.connect(persistent);
    for (int ms = 0; ms < 975; ms += 25) scene.pump.advance(milliseconds(25));
    scene.pump.advance(milliseconds(24));
    CHECK(scene.newcomer_waits());
    CHECK(scene.bob.is_connected());

    scene.pump.advance(milliseconds(1));
    CHECK(scene.bob.was_closed());
    REQUIRE(scene.newcomer.is_connected());
    CHECK(scene.newcomer.connack().session_present);
    REQUIRE(scene.alice.connect());
    scene.alice.publish("a/b", "1", {.qos = 1});
    CHECK(scene.newcomer.payloads() == Texts{"1"});
    CHECK(scene.bob.messages.empty());
}

TEST_CASE("a host that answers late, but in time, keeps its place", "[core][admission]") {
    DuplicateScene scene(any_version());
    REQUIRE(scene.bob.connect());
    scene.bob.link().host_is_up = false;
    scene.newcomer.connect();
    scene.pump.advance(milliseconds(2'900));
    CHECK(scene.newcomer_waits());
    scene.bob.link().host_is_up = true;
    scene.pump.advance(milliseconds(25));
    CHECK(scene.newcomer_is_refused());
    CHECK(scene.bob.ping());
}

TEST_CASE("with duplicate_probe 0 a newcomer is refused at once", "[core][admission]") {
    core::Settings settings;
    settings.duplicate_probe = milliseconds(0);
    DuplicateScene scene(any_version(), settings);
    REQUIRE(scene.bob.connect());
    scene.bob.link().host_is_up = false;
    CHECK_FALSE(scene.newcomer.connect());
    CHECK(scene.newcomer_is_refused());
    CHECK_FALSE(scene.bob.link().probed);
}

TEST_CASE("a second newcomer is refused while the first one waits", "[core][admission]") {
    DuplicateScene scene(any_version());
    REQUIRE(scene.bob.connect());
    scene.bob.link().host_is_up = false;
    scene.newcomer.connect();
    CHECK(scene.newcomer_waits());
    TestClient second(scene.pump, scene.bob.client_id(), scene.bob.version);
    CHECK_FALSE(second.connect());
    CHECK(second.was_closed());
    scene.pump.advance(milliseconds(3'000));
    CHECK(scene.newcomer.is_connected());
    CHECK(scene.newcomer.ping());
}

TEST_CASE("a newcomer that leaves while it waits changes nothing", "[core][admission]") {
    DuplicateScene scene(any_version());
    REQUIRE(scene.bob.connect());
    scene.bob.link().host_is_up = false;
    scene.newcomer.connect();
    scene.newcomer.drop();
    scene.pump.advance(milliseconds(10'000));
    CHECK(scene.bob.ping());
    scene.bob.link().host_is_up = true;
    scene.newcomer.connect();
    scene.pump.advance(milliseconds(25));
    CHECK(scene.newcomer_is_refused());  // the next one gets its own probe
}

TEST_CASE("a newcomer gets the place as soon as the first connection ends", "[core][admission]") {
    DuplicateScene scene(any_version());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.link().host_is_up = false;
    scene.newcomer.connect(persistent);
    SECTION("lost") {
        scene.bob.drop();
        CHECK(scene.newcomer.is_connected());
    }
    SECTION("with DISCONNECT") { scene.bob.disconnect(); }
    SECTION("because an administrator says so") {
        scene.pump.run_on(scene.bob.link().home->index(),
                          [&](core::Shard& shard) { CHECK(shard.kick(scene.bob.client_id())); });
    }
    scene.pump.advance(milliseconds(25));
    CHECK(scene.newcomer.connack().session_present);
    CHECK(scene.newcomer.ping());
}

TEST_CASE("a newcomer that waits comes before one that comes later", "[core][admission]") {
    DuplicateScene scene(any_version());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.link().host_is_up = false;
    scene.newcomer.connect(persistent);
    scene.bob.disconnect();
    TestClient later(scene.pump, scene.bob.client_id(), scene.bob.version);
    later.connect(persistent);
    CHECK(scene.newcomer.ping());
    scene.pump.advance(milliseconds(3'000));
    CHECK(scene.newcomer.ping());
    CHECK(later.was_closed());
}

TEST_CASE("what a newcomer sends while it waits is read once it is in, and not before",
          "[core][admission]") {
    DuplicateScene scene(any_version());
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("a/b");
    REQUIRE(scene.bob.connect());
    scene.bob.link().host_is_up = false;
    scene.newcomer.send_connect({});
    scene.newcomer.send_publish("a/b", "1", {.qos = 1});
    scene.pump.settle();
    CHECK(scene.alice.messages.empty());
    scene.pump.advance(milliseconds(3'000));
    CHECK(scene.alice.payloads() == Texts{"1"});
    CHECK(scene.newcomer.count_of(PacketType::puback) == 1);
}

// --- who else may not come in --------------------------------------------------------------------

TEST_CASE("another identity gets neither the place nor the session of a client id",
          "[core][admission]") {
    DuplicateScene scene(any_version(), GENERATE(core::Settings{}, take_over()));
    const ConnectOptions other{.clean_start = true, .identity = identity("mallory")};
    REQUIRE(scene.bob.connect(persistent));
    CHECK_FALSE(scene.newcomer.connect(other));
    CHECK(scene.newcomer_is_refused());
    CHECK_FALSE(scene.bob.link().probed);
    CHECK(scene.bob.ping());
    scene.bob.drop();
    CHECK_FALSE(scene.newcomer.connect(other));
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present);
}

TEST_CASE(
    "MQTT5-3.1.4-3, MQTT311-3.1.4-2: with take_over the newcomer gets the place, the first "
    "DISCONNECT 0x8E",
    "[core][admission]") {
    DuplicateScene scene(any_version(), take_over());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    REQUIRE(scene.newcomer.connect(persistent));
    CHECK(scene.newcomer.connack().session_present);
    CHECK(scene.bob.was_closed());
    if (scene.bob.version == Version::v5)
        CHECK(scene.bob.disconnect_reason() == Reason::session_taken_over);
    scene.alice.publish("a/b", "1", {.qos = 1});
    CHECK(scene.newcomer.payloads() == Texts{"1"});
    CHECK(scene.bob.messages.empty());
    CHECK(scene.pump.count(&core::Stats::connections) == 2);
}

TEST_CASE("MQTT5-3.1.2-4: a take-over with Clean Start begins a new session", "[core][admission]") {
    DuplicateScene scene(any_version(), take_over());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    REQUIRE(scene.newcomer.connect());
    CHECK_FALSE(scene.newcomer.connack().session_present);
    scene.alice.publish("a/b", "1", {.qos = 1});
    CHECK(scene.newcomer.messages.empty());
    CHECK(scene.pump.count(&core::Stats::sessions) == 2);
}

TEST_CASE(
    "with denied_publish = disconnect a will that the rules do not allow is refused in CONNACK",
    "[core][admission]") {
    core::Settings settings = take_over();
    settings.denied_publish = core::DeniedPublish::disconnect;
    DuplicateScene scene(any_version(), settings);
    ConnectOptions options = persistent;
    options.identity = identity("bob", {.publish = {"status/bob"}});
    options.will = TestWill{"status/bob", "gone"};
    REQUIRE(scene.bob.connect(options));
    options.will->topic = "status/alice";
    CHECK_FALSE(scene.newcomer.connect(options));
    CHECK(scene.newcomer.connack().reason ==
          (scene.bob.version == Version::v5 ? Reason::not_authorized : static_cast<Reason>(5)));
    CHECK(scene.newcomer.was_closed());
    CHECK(scene.bob.ping());  // who is refused takes nobody's place
}
