// What outlives the process, and what has to wait until it does. MQTT 5.0, section 4.1; the
// promises of docs/durability.md. Method: a journal whose disk is in memory and that is written
// when the test says so.
#include "broker/core/keeper.hpp"

#include "tests/core/kept_scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

TEST_CASE("MQTT5-4.1.0-1: a message that was acknowledged is there after the broker has died",
          "[core][keeper]") {
    const Version version = any_version();
    const std::uint8_t qos = GENERATE(std::uint8_t{1}, std::uint8_t{2});
    KeptScene scene(version);
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a/+", qos_2));
    scene.bob.drop();
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.alice.publish("a/1", "kept", {.qos = qos}) == Reason::success);
    REQUIRE(scene.alice.publish("a/2", "lost", {.qos = 0}) == std::nullopt);
    scene.kill();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present);
    CHECK(scene.bob.payloads() == Texts{"kept"});
    CHECK(scene.bob.last().qos == qos);
    REQUIRE(scene.alice.connect());
    CHECK(scene.alice.publish("a/3", "still subscribed", {.qos = qos}) == Reason::success);
    CHECK(scene.bob.payloads() == Texts{"kept", "still subscribed"});
}

TEST_CASE("a message that its receivers have acknowledged never touches the disk",
          "[core][keeper]") {
    KeptScene scene;
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a", qos_1));
    REQUIRE(scene.alice.connect());
    const std::size_t before = scene.journal.messages_written();
    for (int i = 0; i < 100; ++i)
        REQUIRE(scene.alice.publish("a", "x", {.qos = 1}) == Reason::success);
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.messages_written() == before);
    CHECK(scene.bob.messages.size() == 100);
}

TEST_CASE(
    "a message that a receiver does not acknowledge in time goes to the disk, and then the "
    "publisher is told",
    "[core][keeper]") {
    KeptScene scene;
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a", qos_1));
    scene.bob.acknowledges = false;
    REQUIRE(scene.alice.connect());
    CHECK(scene.alice.publish("a", "x", {.qos = 1}) == std::nullopt);
    CHECK(scene.journal.messages_on_disk() == 0);
    scene.pump.advance(limits::journal_delay);
    CHECK(scene.alice.count_of(PacketType::puback) == 1);
    CHECK(scene.journal.messages_on_disk() == 1);
    scene.kill();
    scene.bob.acknowledges = true;
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.payloads() == Texts{"x", "x"});
    CHECK(scene.bob.last().dup);
    scene.pump.advance(limits::journal_lazy_delay);
    CHECK(scene.journal.messages_on_disk() == 0);
}

TEST_CASE("an acknowledgement of what nobody keeps waits for nothing", "[core][keeper]") {
    KeptScene scene;
    scene.connect();
    REQUIRE(scene.bob.subscribe("a", qos_1));
    CHECK(scene.alice.publish("a", "x", {.qos = 1}) == Reason::success);
    CHECK(scene.alice.publish("a", "x", {.qos = 2}) == Reason::success);
    CHECK(scene.journal.commits() <= 1);  // that of the start
}

TEST_CASE("of a session that ends with its connection nothing is kept", "[core][keeper]") {
    KeptScene scene;
    REQUIRE(scene.bob.connect());
    REQUIRE(scene.bob.subscribe("a", qos_1));
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.sessions_on_disk() == 0);
    scene.kill();
    REQUIRE(scene.bob.connect({.clean_start = false}));
    CHECK_FALSE(scene.bob.connack().session_present);
}

TEST_CASE(
    "MQTT5-4.3.3-11: a QoS 2 message whose PUBREC was sent is not delivered twice, whenever "
    "the broker dies",
    "[core][keeper]") {
    KeptScene scene;
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a", qos_2));
    REQUIRE(scene.alice.connect(persistent));
    scene.alice.acknowledges = false;
    REQUIRE(scene.alice.publish("a", "once", {.qos = 2, .packet_id = 7}) == Reason::success);
    REQUIRE(scene.bob.payloads() == Texts{"once"});
    scene.kill();
    REQUIRE(scene.alice.connect(persistent));
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.alice.publish("a", "once", {.qos = 2, .dup = true, .packet_id = 7}) ==
            Reason::success);
    scene.alice.acknowledge(PacketType::pubrel, 7);
    CHECK(scene.alice.last_of(PacketType::pubcomp)->reason == Reason::success);
    CHECK(scene.bob.payloads() == Texts{"once"});
    scene.kill();
    REQUIRE(scene.alice.connect(persistent));
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.alice.publish("a", "another", {.qos = 2, .packet_id = 7}) == Reason::success);
    CHECK(scene.bob.payloads() == Texts{"once", "another"});
}

TEST_CASE("retained messages are there after the broker has died, and removed ones are not",
          "[core][keeper]") {
    KeptScene scene;
    REQUIRE(scene.alice.connect());
    for (const char* topic : {"a", "b", "c"})
        REQUIRE(scene.alice.publish(topic, topic, {.qos = 1, .retain = true}) == Reason::success);
    REQUIRE(scene.alice.publish("b", "", {.qos = 1, .retain = true}) == Reason::success);
    REQUIRE(scene.alice.publish("c", "newer", {.qos = 1, .retain = true}) == Reason::success);
    scene.kill();
    REQUIRE(scene.bob.connect());
    REQUIRE(scene.bob.subscribe("#", qos_1));
    auto payloads = scene.bob.payloads();
    std::ranges::sort(payloads);
    CHECK(payloads == Texts{"a", "newer"});
}

TEST_CASE(
    "MQTT5-3.1.3-9: the delayed will of a client that was connected when the broker died is "
    "published, unless it comes back in time",
    "[core][keeper]") {
    const bool comes_back = GENERATE(false, true);
    KeptScene scene;
    ConnectOptions options = persistent;
    options.will = TestWill{.topic = "will", .payload = "gone", .qos = 1, .delay_s = 5};
    REQUIRE(scene.alice.connect(options));
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("will", qos_1));
    scene.kill();
    REQUIRE(scene.bob.connect(persistent));
    if (comes_back) REQUIRE(scene.alice.connect(persistent));
    scene.pump.advance(milliseconds(4'900));
    CHECK(scene.bob.messages.empty());
    scene.pump.advance(milliseconds(200));
    CHECK(scene.bob.messages.size() == (comes_back ? 0u : 1u));
}

TEST_CASE("a session that is kept ends when its time is over, though the broker has died",
          "[core][keeper]") {
    const bool in_time = GENERATE(true, false);
    KeptScene scene;
    REQUIRE(scene.bob.connect({.clean_start = false, .session_expiry_s = 10}));
    scene.kill();
    scene.pump.advance(milliseconds(in_time ? 9'900 : 10'100));
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present == in_time);
}

TEST_CASE("MQTT5-3.1.2-4: a session that its client has ended does not come back",
          "[core][keeper]") {
    KeptScene scene;
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a", qos_1));
    scene.bob.drop();
    REQUIRE(scene.bob.connect({.clean_start = true}));
    scene.kill();
    REQUIRE(scene.bob.connect(persistent));
    CHECK_FALSE(scene.bob.connack().session_present);
}

TEST_CASE("a long queue is on disk alone, and comes in order", "[core][keeper]") {
    const bool dies = GENERATE(false, true);
    core::Settings settings;
    settings.limits.max_inflight = 16;
    KeptScene scene(Version::v5, settings);
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a", qos_1));
    scene.bob.drop();
    REQUIRE(scene.alice.connect());
    Texts sent;
    for (int i = 0; i < 1'000; ++i) {
        sent.push_back(std::to_string(i));
        scene.alice.send_publish("a", sent.back(), {.qos = 1});
        if (i % 100 == 0) scene.pump.settle();
    }
    scene.pump.settle();
    CHECK(scene.journal.messages_on_disk() == 1'000);
    if (dies) scene.kill();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == sent);
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.messages_on_disk() == 0);
}

TEST_CASE("a message that cannot be read back is left out, and the rest of the queue comes",
          "[core][keeper]") {
    const bool all = GENERATE(false, true);
    KeptScene scene;
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a", qos_1));
    scene.bob.drop();
    REQUIRE(scene.alice.connect());
    for (const char* payload : {"1", "2", "3"})
        REQUIRE(scene.alice.publish("a", all ? "2" : payload, {.qos = 1}) == Reason::success);
    scene.journal.damaged = "2";
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == (all ? Texts{} : Texts{"1", "3"}));
    CHECK(scene.pump.count(&core::Stats::dropped_damaged) == (all ? 3 : 1));
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.messages_on_disk() == 0);
    CHECK(scene.alice.publish("a", "4", {.qos = 1}) == Reason::success);
    CHECK(scene.bob.payloads().back() == "4");
}

TEST_CASE("while there is no space QoS 1 and 2 are refused, QoS 0 goes on", "[core][keeper]") {
    const Version version = any_version();
    KeptScene scene(version);
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a", qos_1));
    REQUIRE(scene.alice.connect());
    scene.journal.is = core::Journal::State::no_space;
    const auto answer = scene.alice.publish("a", "refused", {.qos = 1});
    if (version == Version::v5)
        CHECK(answer == Reason::quota_exceeded);
    else
        CHECK(answer == std::nullopt);
    scene.alice.publish("a", "goes on", {.qos = 0});
    CHECK(scene.bob.payloads() == Texts{"goes on"});
    scene.journal.is = core::Journal::State::good;
    CHECK(scene.alice.publish("a", "again", {.qos = 1}) == Reason::success);
    CHECK(scene.bob.payloads() == Texts{"goes on", "again"});
    CHECK(scene.alice.is_connected());
}

TEST_CASE("while the journal is full publishers of QoS 1 wait, and those of QoS 0 go on",
          "[core][keeper]") {
    KeptScene scene;
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.subscribe("a", qos_1));
    REQUIRE(scene.alice.connect());
    auto carol = scene.client(0, "carol");
    REQUIRE(carol.connect());
    scene.journal.is_full = true;
    CHECK(scene.alice.publish("a", "waits", {.qos = 1}) == std::nullopt);
    carol.publish("a", "goes on", {.qos = 0});
    CHECK(scene.bob.payloads() == Texts{"goes on"});
    scene.journal.is_full = false;
    scene.journal.commit();
    scene.pump.settle();
    CHECK(scene.bob.payloads() == Texts{"goes on", "waits"});
    CHECK(scene.alice.count_of(PacketType::puback) == 1);
}
