// Topic aliases that the broker uses towards a client: as many as the client takes, for as long as
// its connection lasts. MQTT 5.0, sections 3.1.2.11.5 and 3.3.2.3.4. (TestClient looks up what an
// alias stands for, and refuses one that stands for nothing.)
#include <set>

#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

constexpr const char* topics[] = {"room/1/temperature", "room/2/temperature", "room/3/temperature",
                                  "room/4/temperature"};

// bob takes so many aliases, and subscribes to all rooms.
struct AliasScene : Scene {
    AliasScene(std::optional<std::uint32_t> maximum, const core::Settings& settings = {},
               ConnectOptions options = persistent)
        : Scene(Version::v5, settings) {
        REQUIRE(alice.connect());
        REQUIRE(connect_bob(maximum, options));
        REQUIRE(bob.subscribe("room/#", {.qos = 2}) == Reason::granted_qos_2);
    }
    bool connect_bob(std::optional<std::uint32_t> maximum, ConnectOptions options = persistent) {
        wire::PropertyWriter properties;
        if (maximum) properties.number(PropertyId::topic_alias_maximum, *maximum);
        options.properties = properties.list();
        return bob.connect(options);
    }
    void publish_to_all(std::uint8_t qos = 1) {
        for (const char* topic : topics) alice.publish(topic, topic, {.qos = qos});
    }
    std::set<std::uint32_t> aliases_of_bob() const {
        std::set<std::uint32_t> aliases;
        for (const Packet& message : bob.messages)
            if (const auto alias = message.number(PropertyId::topic_alias)) aliases.insert(*alias);
        return aliases;
    }
    std::size_t topics_left_out() const {
        return static_cast<std::size_t>(
            std::ranges::count(bob.messages, true, &Packet::topic_left_out));
    }
};

}  // namespace

TEST_CASE(
    "MQTT5-3.3.2-11, MQTT5-3.1.2-26: no alias is above the client's Topic Alias Maximum, and each "
    "message has its topic",
    "[core][alias]") {
    const std::uint32_t maximum = GENERATE(1u, 2u, 3u, 65'535u);
    AliasScene scene(maximum);
    const std::uint8_t qos = any_qos();
    for (int round = 0; round < 3; ++round) scene.publish_to_all(qos);
    REQUIRE(scene.bob.messages.size() == 12);
    for (const Packet& message : scene.bob.messages) CHECK(message.topic == message.payload);
    const std::set<std::uint32_t> aliases = scene.aliases_of_bob();
    REQUIRE_FALSE(aliases.empty());
    CHECK(*aliases.begin() >= 1);
    CHECK(*aliases.rbegin() <= std::min(maximum, 4u));
    CHECK(scene.topics_left_out() == 2 * aliases.size());
}

TEST_CASE("MQTT5-3.1.2-27: a client that does not say how many aliases it takes gets none",
          "[core][alias]") {
    const std::optional<std::uint32_t> maximum = GENERATE(std::optional<std::uint32_t>(), 0u);
    AliasScene scene(maximum);
    for (int round = 0; round < 3; ++round) scene.publish_to_all();
    CHECK(scene.bob.messages.size() == 12);
    CHECK(scene.aliases_of_bob().empty());
    CHECK(scene.topics_left_out() == 0);
}

TEST_CASE("max_topic_alias bounds the aliases towards a client as well", "[core][alias]") {
    core::Settings settings;
    settings.limits.max_topic_alias = GENERATE(std::uint16_t{0}, std::uint16_t{2});
    AliasScene scene(10, settings);
    for (int round = 0; round < 3; ++round) scene.publish_to_all();
    CHECK(scene.bob.messages.size() == 12);
    CHECK(scene.aliases_of_bob().size() <= settings.limits.max_topic_alias);
}

TEST_CASE("MQTT5-3.3.2-7: a new connection begins without aliases, for what comes again as well",
          "[core][alias]") {
    AliasScene scene(10);
    scene.bob.acknowledges = false;
    scene.publish_to_all();
    scene.publish_to_all();
    CHECK(scene.topics_left_out() > 0);
    scene.bob.drop();
    scene.bob.forget();
    scene.publish_to_all();
    const std::optional<std::uint32_t> maximum = GENERATE(std::optional<std::uint32_t>(), 1u, 10u);
    REQUIRE(scene.connect_bob(maximum));
    REQUIRE(scene.bob.messages.size() == 12);
    for (const Packet& message : scene.bob.messages) CHECK(message.topic == message.payload);
    for (const std::uint32_t alias : scene.aliases_of_bob()) CHECK(alias <= maximum.value_or(0));
}

TEST_CASE("an alias comes to stand for a topic only with a message that is sent", "[core][alias]") {
    ConnectOptions small = persistent;
    small.maximum_packet_size = 60;
    AliasScene scene(10, {}, small);
    const std::uint8_t qos = any_qos();
    const std::string large(60, 'x');
    scene.alice.publish(topics[0], large, {.qos = qos});
    scene.alice.publish(topics[0], "1", {.qos = qos});
    scene.alice.publish(topics[1], "2", {.qos = qos});
    scene.alice.publish(topics[0], "3", {.qos = qos});
    CHECK(scene.bob.payloads() == Texts{"1", "2", "3"});
    Texts got;
    for (const Packet& message : scene.bob.messages) got.push_back(message.topic);
    CHECK(got == Texts{topics[0], topics[1], topics[0]});
}

TEST_CASE("MQTT5-3.1.2-24: with an alias a message may fit that does not fit without",
          "[core][alias]") {
    ConnectOptions small = persistent;
    small.maximum_packet_size = 60;
    AliasScene scene(10, {}, small);
    const std::string topic = "room/" + std::string(30, 't');
    const std::size_t without_alias = 2 + 2 + topic.size() + 1;
    const std::size_t with_alias = 2 + 2 + 1 + 3;
    scene.alice.publish(topic, "makes it known");
    scene.alice.publish(topic, std::string(60 - with_alias, 'x'));
    scene.alice.publish(topic, std::string(60 - with_alias + 1, 'x'));
    CHECK(60 - with_alias > 60 - without_alias);
    REQUIRE(scene.bob.messages.size() == 2);
    CHECK(scene.bob.last().bytes == 60);
    CHECK(scene.pump.count(&core::Stats::dropped_too_large) == 1);
}

TEST_CASE("MQTT5-3.1.2-24: a message that fits only without a new alias is sent without one",
          "[core][alias]") {
    ConnectOptions small = persistent;
    small.maximum_packet_size = 60;
    AliasScene scene(10, {}, small);
    const std::string topic = "room/" + std::string(30, 't');
    const std::size_t without_alias = 2 + 2 + topic.size() + 1;
    const std::uint8_t qos = GENERATE(std::uint8_t{0}, std::uint8_t{1});
    const std::size_t packet_id = qos > 0 ? 2 : 0;
    scene.alice.publish(topic, std::string(60 - without_alias - packet_id, 'x'), {.qos = qos});
    REQUIRE(scene.bob.messages.size() == 1);
    CHECK(scene.bob.last().bytes == 60);
    CHECK_FALSE(scene.bob.last().number(PropertyId::topic_alias));
    scene.alice.publish(topic, "x", {.qos = qos});
    CHECK(scene.bob.last().number(PropertyId::topic_alias) == 1);
    CHECK(scene.pump.count(&core::Stats::dropped_too_large) == 0);
}

TEST_CASE("aliases, subscription identifiers and other properties stand side by side",
          "[core][alias]") {
    AliasScene scene(10);
    scene.bob.subscribe("room/+/temperature", {.qos = 1}, 7);
    wire::PropertyWriter properties;
    properties.user("b", "1").number(PropertyId::message_expiry_interval, 9).user("a", "2");
    for (int i = 0; i < 2; ++i)
        scene.alice.publish(topics[0], "x", {.qos = 1, .properties = properties.list()});
    REQUIRE(scene.bob.messages.size() == 2);
    for (const Packet& message : scene.bob.messages) {
        CHECK(message.topic == topics[0]);
        CHECK(message.subscription_ids() == std::vector<std::uint32_t>{7});
        CHECK(message.number(PropertyId::message_expiry_interval) == 9);
        CHECK(message.number(PropertyId::topic_alias) == 1);
        Texts names;
        for (const wire::Property& property : message.properties())
            if (property.id == PropertyId::user_property) names.emplace_back(property.text);
        CHECK(names == Texts{"b", "a"});
    }
    CHECK_FALSE(scene.bob.messages[0].topic_left_out);
    CHECK(scene.bob.messages[1].topic_left_out);
}

TEST_CASE("each of several receivers has aliases of its own", "[core][alias]") {
    AliasScene scene(1);
    TestClient without = scene.client(1, "without");
    TestClient old = scene.client(1, "old", Version::v3_1_1);
    TestClient carol = scene.client(1, "carol");
    wire::PropertyWriter properties;
    properties.number(PropertyId::topic_alias_maximum, 3);
    REQUIRE(without.connect());
    REQUIRE(old.connect());
    REQUIRE(carol.connect({.properties = properties.list()}));
    carol.subscribe("room/4/#");  // so its first alias is for another topic than bob's
    scene.alice.publish(topics[3], topics[3]);
    for (TestClient* client : {&without, &old, &carol}) client->subscribe("room/#", {.qos = 1});
    scene.publish_to_all();
    scene.publish_to_all();
    for (const TestClient* client : {&scene.bob, &without, &old, &carol}) {
        CHECK(client->messages.size() >= 8);
        for (const Packet& message : client->messages) CHECK(message.topic == message.payload);
    }
    CHECK(scene.aliases_of_bob() == std::set<std::uint32_t>{1});
}
