// Retained messages: what is kept, who gets it, and when. MQTT 5.0, sections 3.3.1.3 and 3.8.3.1.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

using wire::RetainHandling;

std::string topic_of(int number) { return "t/" + std::to_string(1'000 + number); }

}  // namespace

TEST_CASE(
    "MQTT5-3.3.1-5, MQTT5-3.3.1.3, MQTT311-3.3.1-5, MQTT311-3.3.1-8: the last retained message "
    "comes with a "
    "new subscription, with RETAIN 1",
    "[core][retained]") {
    Scene scene(any_version());
    scene.connect();
    const std::uint8_t qos = any_qos();
    scene.alice.publish("a/b", "old", {.qos = 2, .retain = true});
    scene.alice.publish("a/b", "new", {.qos = qos, .retain = true});
    scene.bob.subscribe("a/b", {.qos = 1});
    REQUIRE(scene.bob.payloads() == Texts{"new"});
    CHECK(scene.bob.last().retain);
    CHECK(scene.bob.last().qos == std::min<std::uint8_t>(qos, 1));
    CHECK(scene.bob.last().topic == "a/b");
}

TEST_CASE(
    "MQTT5-3.3.1-6, MQTT5-3.3.1-7, MQTT311-3.3.1-10, MQTT311-3.3.1-11: an empty one removes, and "
    "is delivered",
    "[core][retained]") {
    Scene scene(any_version());
    scene.connect();
    TestClient late = scene.client(2, "late", scene.bob.version);
    REQUIRE(late.connect());
    scene.bob.subscribe("a/b");
    scene.alice.publish("a/b", "1", {.retain = true});
    scene.alice.publish("a/b", "", {.retain = true});
    CHECK(scene.bob.payloads() == Texts{"1", ""});
    late.subscribe("a/b");
    CHECK(late.messages.empty());
    CHECK(scene.pump.broker().retained().messages() == 0);
    CHECK(scene.pump.broker().retained().bytes() == 0);
}

TEST_CASE("MQTT5-3.3.1-8, MQTT311-3.3.1-12: RETAIN 0 leaves the retained message alone",
          "[core][retained]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.publish("a/b", "kept", {.retain = true});
    scene.alice.publish("a/b", "passing", {.retain = false});
    scene.alice.publish("a/b", "", {.retain = false});
    scene.bob.subscribe("a/b");
    CHECK(scene.bob.payloads() == Texts{"kept"});
}

TEST_CASE("MQTT311-3.1.2-7: retained messages stay when the session of their publisher ends",
          "[core][retained]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.publish("a/b", "kept", {.retain = true});
    scene.alice.disconnect();
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
    scene.bob.subscribe("a/b");
    CHECK(scene.bob.payloads() == Texts{"kept"});
}

TEST_CASE(
    "MQTT5-3.3.1-9, MQTT5-3.8.4-4, MQTT311-3.8.4-3: Retain Handling 0 sends them with every "
    "SUBSCRIBE",
    "[core][retained]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.publish("a/b", "kept", {.retain = true});
    scene.bob.subscribe("a/b");
    scene.bob.subscribe("a/b");
    CHECK(scene.bob.payloads() == Texts{"kept", "kept"});
}

TEST_CASE("MQTT5-3.3.1-10: Retain Handling 1 sends them only with a new subscription",
          "[core][retained]") {
    Scene scene;
    scene.connect();
    const wire::SubscriptionOptions if_new{.retain_handling = RetainHandling::send_if_new};
    scene.alice.publish("a/b", "kept", {.retain = true});
    scene.bob.subscribe("a/b", if_new);
    CHECK(scene.bob.payloads() == Texts{"kept"});
    scene.bob.subscribe("a/b", if_new);
    CHECK(scene.bob.payloads() == Texts{"kept"});
    scene.bob.unsubscribe("a/b");
    scene.bob.subscribe("a/b", if_new);
    CHECK(scene.bob.payloads() == Texts{"kept", "kept"});
}

TEST_CASE("MQTT5-3.3.1-11: Retain Handling 2 sends none", "[core][retained]") {
    Scene scene;
    scene.connect();
    scene.alice.publish("a/b", "kept", {.retain = true});
    scene.bob.subscribe("a/b", {.retain_handling = RetainHandling::do_not_send});
    CHECK(scene.bob.messages.empty());
    scene.alice.publish("a/b", "live", {.retain = true});
    CHECK(scene.bob.payloads() == Texts{"live"});
}

TEST_CASE("a filter with wildcards gets the retained messages of all topics that it matches",
          "[core][retained]") {
    Scene scene(any_version());
    scene.connect();
    for (const char* topic : {"a", "a/b", "a/b/c", "a/d", "ab", "b"})
        scene.alice.publish(topic, topic, {.retain = true});
    SECTION("a/#") {
        scene.bob.subscribe("a/#");
        CHECK(scene.bob.payloads() == Texts{"a", "a/b", "a/b/c", "a/d"});
    }
    SECTION("a/+") {
        scene.bob.subscribe("a/+");
        CHECK(scene.bob.payloads() == Texts{"a/b", "a/d"});
    }
    SECTION("+") {
        scene.bob.subscribe("+");
        CHECK(scene.bob.payloads() == Texts{"a", "ab", "b"});
    }
    SECTION("+/b/#") {
        scene.bob.subscribe("+/b/#");
        CHECK(scene.bob.payloads() == Texts{"a/b", "a/b/c"});
    }
}

TEST_CASE(
    "MQTT5-3.3.4-3: a retained message carries the identifier of the subscription it comes with",
    "[core][retained]") {
    Scene scene;
    scene.connect();
    scene.alice.publish("a/b", "kept", {.retain = true});
    scene.bob.subscribe("a/b", {}, 7);
    scene.bob.subscribe("a/+", {}, 8);
    REQUIRE(scene.bob.payloads() == Texts{"kept", "kept"});
    CHECK(scene.bob.messages[0].subscription_ids() == std::vector<std::uint32_t>{7});
    CHECK(scene.bob.messages[1].subscription_ids() == std::vector<std::uint32_t>{8});
}

TEST_CASE("MQTT5-3.3.2-5: a retained message expires", "[core][retained]") {
    Scene scene;
    scene.connect();
    const bool in_time = GENERATE(true, false);
    wire::PropertyWriter expiry;
    expiry.number(PropertyId::message_expiry_interval, 10);
    scene.alice.publish("a/b", "kept", {.retain = true, .properties = expiry.list()});
    scene.pump.advance(in_time ? milliseconds(4'000) : milliseconds(10'000));
    scene.bob.subscribe("a/b");
    CHECK(scene.bob.messages.size() == (in_time ? 1 : 0));
    if (in_time) CHECK(scene.bob.last().number(PropertyId::message_expiry_interval) == 6);
}

TEST_CASE("MQTT5-4.8.2: a shared subscription gets no retained messages", "[core][retained]") {
    Scene scene;
    scene.connect();
    scene.alice.publish("a/b", "kept", {.retain = true});
    scene.bob.subscribe("$share/g/a/b");
    CHECK(scene.bob.messages.empty());
    scene.bob.subscribe("a/b");
    CHECK(scene.bob.payloads() == Texts{"kept"});
}

TEST_CASE("beyond max_retained_messages a new topic is not kept, a known one is replaced",
          "[core][retained]") {
    core::Settings settings;
    settings.limits.max_retained_messages = 1;
    Scene scene(any_version(), settings);
    scene.connect();
    scene.alice.publish("a", "1", {.retain = true});
    scene.bob.subscribe("b");
    scene.alice.publish("b", "2", {.retain = true});
    CHECK(scene.bob.payloads() == Texts{"2"});  // QoS 0 cannot be refused
    CHECK(scene.pump.count(&core::Stats::retained_refused) == 1);
    scene.alice.publish("a", "3", {.retain = true});
    CHECK(scene.pump.count(&core::Stats::retained_refused) == 1);
    scene.bob.subscribe("#");
    CHECK(scene.bob.payloads() == Texts{"2", "3"});
    scene.alice.publish("a", "", {.retain = true});
    scene.alice.publish("b", "4", {.retain = true});
    CHECK(scene.pump.count(&core::Stats::retained_refused) == 1);
}

TEST_CASE("max_retained_bytes bounds what is kept", "[core][retained]") {
    core::Settings settings;
    settings.limits.max_retained_bytes = 10;
    Scene scene(Version::v5, settings);
    scene.connect();
    const std::string ten_with_topic(9, 'x');
    CHECK(scene.alice.publish("a", ten_with_topic, {.qos = 1, .retain = true}) == Reason::success);
    scene.alice.publish("a", ten_with_topic + "x", {.qos = 1, .retain = true});
    CHECK(scene.pump.count(&core::Stats::retained_refused) == 1);
    scene.bob.subscribe("#");
    CHECK(scene.bob.payloads() == Texts{ten_with_topic});
}

TEST_CASE("many retained messages reach a new subscriber once each, whatever its window",
          "[core][retained]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 3}));
    constexpr int topics = 1'500;
    Texts all;
    for (int i = 0; i < topics; ++i) {
        all.push_back(topic_of(i));
        scene.alice.send_publish(all.back(), all.back(), {.qos = 1, .retain = true});
    }
    scene.pump.settle();
    scene.bob.subscribe("t/+", {.qos = any_qos()});
    CHECK(scene.bob.payloads() == all);
}

TEST_CASE("a retained message that is published while older ones are still being sent comes once",
          "[core][retained]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 1}));
    scene.bob.acknowledges = false;
    scene.bob.subscribe("first", {.qos = 1});
    scene.alice.publish("first", "takes the window", {.qos = 1});
    scene.alice.publish("first", "waits", {.qos = 1});
    scene.alice.publish("t/1", "kept", {.qos = 1, .retain = true});
    scene.bob.subscribe("t/+", {.qos = 1});
    scene.alice.publish("t/2", "live", {.qos = 1, .retain = true});
    scene.bob.acknowledges = true;
    scene.bob.acknowledge(PacketType::puback, scene.bob.last().packet_id);
    Texts got = scene.bob.payloads();
    std::ranges::sort(got);
    CHECK(got == Texts{"kept", "live", "takes the window", "waits"});
}

TEST_CASE("a subscription that ends takes what was still to be sent for it with it",
          "[core][retained]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 1}));
    for (int i = 0; i < 3; ++i) scene.alice.publish(topic_of(i), "x", {.qos = 1, .retain = true});
    scene.alice.publish("other", "kept", {.qos = 1, .retain = true});
    scene.bob.acknowledges = false;
    scene.bob.subscribe("first", {.qos = 1});
    scene.alice.publish("first", "takes the window", {.qos = 1});
    scene.alice.publish("first", "waits", {.qos = 1});
    scene.bob.subscribe("t/+", {.qos = 1});
    scene.bob.subscribe("other", {.qos = 1});
    CHECK(scene.bob.unsubscribe("t/+") == Reason::success);
    scene.bob.acknowledges = true;
    scene.bob.acknowledge(PacketType::puback, scene.bob.last().packet_id);
    CHECK(scene.bob.payloads() == Texts{"takes the window", "waits", "kept"});
}
