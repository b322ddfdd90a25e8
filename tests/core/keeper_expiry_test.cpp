// Messages that expire in a queue on disk: they make room for others. MQTT 5.0, section 3.3.2.3.3.
#include "tests/core/kept_scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

std::optional<Reason> publish_to_expire(TestClient& client, const std::string& payload,
                                        std::optional<std::uint32_t> expiry_s,
                                        std::string_view topic = "a", bool retain = false) {
    wire::PropertyWriter properties;
    if (expiry_s) properties.number(PropertyId::message_expiry_interval, *expiry_s);
    return client.publish(topic, payload,
                          {.qos = 1, .retain = retain, .properties = properties.list()});
}

// Bob's session is away, and his queue has room for eight messages.
struct FullScene : KeptScene {
    explicit FullScene(core::QueueFull queue_full = core::QueueFull::drop)
        : KeptScene(Version::v5, settings_with(queue_full)) {
        REQUIRE(bob.connect(persistent));
        REQUIRE(bob.subscribe("a", qos_1));
        bob.drop();
        REQUIRE(alice.connect());
    }
    static core::Settings settings_with(core::QueueFull queue_full) {
        core::Settings settings;
        settings.limits.max_queued_messages = 8;
        settings.queue_full = queue_full;
        return settings;
    }
    std::optional<Reason> publish(const std::string& payload,
                                  std::optional<std::uint32_t> expiry_s = {}) {
        return publish_to_expire(alice, payload, expiry_s);
    }
    std::uint64_t expired() { return pump.count(&core::Stats::dropped_expired); }
    std::uint64_t refused() {
        return pump.count(&core::Stats::dropped_queue_full) +
               pump.count(&core::Stats::refused_queue_full);
    }
};

}  // namespace

TEST_CASE("what has expired on disk makes room before the queue of a client that is away is full",
          "[core][keeper][expiry]") {
    const bool dies = GENERATE(false, true);
    FullScene scene;
    for (const char* payload : {"1", "2", "3"}) scene.publish(payload, 5);
    scene.publish("stays");
    scene.publish("later", 100);
    if (dies) {
        scene.kill();
        REQUIRE(scene.alice.connect());
    }
    scene.pump.advance(seconds(6));
    CHECK(scene.journal.messages_on_disk() == 5);
    scene.publish("6");  // three quarters
    scene.pump.advance(seconds(1));
    CHECK(scene.expired() == 3);
    CHECK(scene.journal.messages_on_disk() == 3);
    for (const char* payload : {"7", "8", "9", "10", "11"}) scene.publish(payload);
    CHECK(scene.refused() == 0);
    scene.publish("too many");
    CHECK(scene.refused() == 1);
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{"stays", "later", "6", "7", "8", "9", "10", "11"});
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.messages_on_disk() == 0);
}

TEST_CASE("messages on disk that have not expired count, however full the queue is",
          "[core][keeper][expiry]") {
    FullScene scene;
    for (int i = 0; i < 8; ++i) scene.publish("x", 100);
    scene.pump.advance(seconds(99));
    scene.publish("too many");
    CHECK(scene.refused() == 1);
    CHECK(scene.expired() == 0);
    CHECK(scene.journal.messages_on_disk() == 8);
}

TEST_CASE("queue_full = refuse: when what has filled the queue expires, nobody is refused any more",
          "[core][keeper][expiry]") {
    FullScene scene(core::QueueFull::refuse);
    for (int i = 0; i < 6; ++i) scene.publish(std::to_string(i), 10);
    for (int i = 6; i < 8; ++i) scene.publish(std::to_string(i));
    scene.publish("dropped", 10);
    CHECK(scene.publish("refused") == Reason::quota_exceeded);
    scene.pump.advance(seconds(11));
    scene.pump.advance(seconds(1));
    CHECK(scene.expired() == 6);
    CHECK(scene.journal.messages_on_disk() == 2);
    CHECK(scene.publish("taken") == Reason::success);
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{"6", "7", "taken"});
}

TEST_CASE("queue_full = refuse: in memory, too, what expires makes room by itself",
          "[core][expiry]") {
    core::Settings settings = FullScene::settings_with(core::QueueFull::refuse);
    settings.limits.max_inflight = 1;
    Scene scene(Version::v5, settings);
    scene.connect();
    REQUIRE(scene.bob.subscribe("a", qos_1));
    scene.bob.acknowledges = false;
    for (int i = 0; i < 10; ++i) publish_to_expire(scene.alice, "x", 10);
    CHECK(scene.alice.publish("a", "x", {.qos = 1}) == Reason::quota_exceeded);
    scene.pump.advance(seconds(11));
    CHECK(scene.pump.count(&core::Stats::dropped_expired) == 8);
    CHECK(scene.alice.publish("a", "x", {.qos = 1}) == Reason::success);
}

TEST_CASE("a client that returns while what has expired is counted out gets the rest",
          "[core][keeper][expiry]") {
    FullScene scene;
    for (int i = 0; i < 8; ++i)
        scene.publish(std::to_string(i),
                      i % 2 == 0 ? std::optional<std::uint32_t>(5) : std::nullopt);
    scene.pump.pass(seconds(6));
    scene.alice.send_publish("a", "dropped", {.qos = 1});
    scene.bob.send_connect(persistent);
    scene.pump.advance(limits::journal_delay);
    scene.pump.advance(seconds(1));
    Texts payloads = scene.bob.payloads();
    std::erase(payloads, "dropped");  // or not: that is open
    CHECK(payloads == Texts{"1", "3", "5", "7"});
    CHECK(scene.expired() == 4);
    CHECK(scene.journal.messages_on_disk() == 0);
}

TEST_CASE("a retained message that expires leaves memory and disk, though nobody asks for it",
          "[core][keeper][expiry]") {
    const bool dies = GENERATE(false, true);
    KeptScene scene;
    REQUIRE(scene.alice.connect());
    for (int i = 0; i < 600; ++i)
        publish_to_expire(scene.alice, "x", 10, "a/" + std::to_string(i), true);
    publish_to_expire(scene.alice, "x", 20, "b", true);
    publish_to_expire(scene.alice, "x", std::nullopt, "c", true);
    if (dies) scene.kill();
    core::RetainedStore& store = scene.pump.broker().retained();
    scene.pump.advance(milliseconds(9'900));
    CHECK(store.messages() == 602);
    scene.pump.advance(milliseconds(200));
    CHECK(store.messages() == 602 - limits::retained_swept_max);
    for (int i = 0; i < 4; ++i) scene.pump.advance(milliseconds(2));
    CHECK(store.messages() == 2);
    scene.pump.advance(limits::journal_lazy_delay);
    CHECK(scene.journal.retained_on_disk() == 2);
    scene.pump.advance(seconds(10));
    scene.pump.advance(limits::journal_lazy_delay);
    CHECK(store.messages() == 1);
    CHECK(scene.journal.retained_on_disk() == 1);
}

TEST_CASE("what a newer retained message finds expired leaves the disk as well",
          "[core][keeper][expiry]") {
    KeptScene scene;
    REQUIRE(scene.alice.connect());
    publish_to_expire(scene.alice, "x", 10, "a", true);
    scene.pump.pass(seconds(11));
    publish_to_expire(scene.alice, "x", std::nullopt, "b", true);
    scene.pump.advance(seconds(2));
    scene.pump.advance(limits::journal_lazy_delay);
    CHECK(scene.journal.retained_on_disk() == 1);
}
