// Subscriptions: options, identifiers, overlapping ones, rules and bounds. MQTT 5.0, sections 3.8
// to 3.11 and 4.7.
#include "broker/wire/encode.hpp"
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

void send_subscribe(TestClient& client, std::uint16_t packet_id,
                    const std::vector<wire::SubscriptionRequest>& requests) {
    Buffer out;
    wire::encode_subscribe(packet_id, requests, {}, client.version, out);
    client.send_bytes(out.bytes());
}

std::vector<std::uint8_t> codes(std::initializer_list<Reason> reasons) {
    std::vector<std::uint8_t> codes;
    for (const Reason reason : reasons) codes.push_back(static_cast<std::uint8_t>(reason));
    return codes;
}

}  // namespace

TEST_CASE(
    "MQTT5-3.8.4-1, MQTT5-3.8.4-2, MQTT5-3.8.4-5, MQTT5-3.8.4-6, MQTT5-3.8.4-7, MQTT5-3.9.3-1, "
    "MQTT311-3.8.4-1, MQTT311-3.8.4-2, MQTT311-3.8.4-4, MQTT311-3.8.4-5, MQTT311-3.9.3-1: one "
    "SUBACK has a code for each filter, in order",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    const bool v5 = scene.bob.version == Version::v5;
    send_subscribe(scene.bob, 77, {{"a", {.qos = 2}}, {"b/#/c", {}}, {"c", {}}, {"d", {.qos = 1}}});
    const Packet* const suback = scene.bob.last_of(PacketType::suback);
    REQUIRE(suback != nullptr);
    CHECK(suback->packet_id == 77);
    CHECK(suback->codes == codes({Reason::granted_qos_2,
                                  v5 ? Reason::topic_filter_invalid : Reason::unspecified_error,
                                  Reason::success, Reason::granted_qos_1}));
    for (const char* topic : {"a", "c", "d", "b"}) scene.alice.publish(topic, topic);
    CHECK(scene.bob.payloads() == Texts{"a", "c", "d"});
}

TEST_CASE(
    "MQTT5-3.8.4-3, MQTT311-3.8.4-3: SUBSCRIBE with the same filter again replaces the "
    "subscription",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.bob.subscribe("a/b", {.qos = 0});
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.alice.publish("a/b", "once", {.qos = 2});
    REQUIRE(scene.bob.payloads() == Texts{"once"});
    CHECK(scene.bob.last().qos == 1);
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 1);
    scene.bob.unsubscribe("a/b");
    scene.alice.publish("a/b", "never", {.qos = 2});
    CHECK(scene.bob.payloads() == Texts{"once"});
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 0);
}

TEST_CASE(
    "MQTT5-3.10.4-1, MQTT5-3.10.4-2, MQTT5-3.10.4-4, MQTT5-3.10.4-5, MQTT311-3.10.4-1, "
    "MQTT311-3.10.4-2, MQTT311-3.10.4-4, MQTT311-3.10.4-5: UNSUBSCRIBE ends the equal filter, "
    "and is always answered",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    const bool v5 = scene.bob.version == Version::v5;
    scene.bob.subscribe("a/b");
    CHECK(scene.bob.unsubscribe("a/+") == (v5 ? Reason::no_subscription_existed : Reason::success));
    CHECK(scene.bob.unsubscribe("A/b") == (v5 ? Reason::no_subscription_existed : Reason::success));
    scene.alice.publish("a/b", "1");
    CHECK(scene.bob.unsubscribe("a/b") == Reason::success);
    scene.alice.publish("a/b", "2");
    CHECK(scene.bob.payloads() == Texts{"1"});
    CHECK(scene.bob.unsubscribe("a/b") == (v5 ? Reason::no_subscription_existed : Reason::success));
}

TEST_CASE(
    "MQTT5-3.10.4-6, MQTT5-3.11.3-1, MQTT311-3.10.4-6: one UNSUBACK answers for each filter, in "
    "order",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    for (const char* filter : {"a", "b", "c"}) scene.bob.subscribe(filter);
    const std::string_view filters[] = {"b", "x", "a/#/b", "a", "b"};
    Buffer out;
    wire::encode_unsubscribe(78, filters, {}, scene.bob.version, out);
    scene.bob.send_bytes(out.bytes());
    REQUIRE(scene.bob.count_of(PacketType::unsuback) == 1);
    const Packet& unsuback = *scene.bob.last_of(PacketType::unsuback);
    CHECK(unsuback.packet_id == 78);
    if (scene.bob.version == Version::v5)
        CHECK(unsuback.codes ==
              codes({Reason::success, Reason::no_subscription_existed, Reason::topic_filter_invalid,
                     Reason::success, Reason::no_subscription_existed}));
    for (const char* topic : {"a", "b", "c"}) scene.alice.publish(topic, topic);
    CHECK(scene.bob.payloads() == Texts{"c"});
}

TEST_CASE("MQTT5-3.11.3-2: UNSUBACK says that a filter was not valid", "[core][session]") {
    Scene scene;
    scene.connect();
    CHECK(scene.bob.unsubscribe("a/#/b") == Reason::topic_filter_invalid);
    CHECK(scene.bob.unsubscribe("$share//b") == Reason::topic_filter_invalid);
}

TEST_CASE(
    "MQTT5-3.10.4-3, MQTT311-3.10.4-3: deliveries that have begun are finished after UNSUBSCRIBE",
    "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.acknowledges = false;
    scene.bob.subscribe("a/b", {.qos = 2});
    scene.alice.publish("a/b", "1", {.qos = 2});
    scene.bob.unsubscribe("a/b");
    scene.bob.drop();
    scene.bob.forget();
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.payloads() == Texts{"1"});
    scene.bob.acknowledge(PacketType::pubrec, scene.bob.last().packet_id);
    CHECK(scene.bob.count_of(PacketType::pubrel) == 1);
}

TEST_CASE(
    "MQTT5-3.3.4-2, MQTT311-3.3.5-1: overlapping subscriptions give one copy at the highest QoS",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    scene.bob.subscribe("a/#", {.qos = 0});
    scene.bob.subscribe("a/+", {.qos = 2});
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.alice.publish("a/b", "1", {.qos = 2});
    REQUIRE(scene.bob.payloads() == Texts{"1"});
    CHECK(scene.bob.last().qos == 2);
    scene.alice.publish("a/b/c", "2", {.qos = 2});
    REQUIRE(scene.bob.payloads() == Texts{"1", "2"});
    CHECK(scene.bob.last().qos == 0);
}

TEST_CASE(
    "MQTT5-3.3.4-3, MQTT5-3.3.4-4: a message carries the identifiers of all subscriptions that "
    "match",
    "[core][session]") {
    using Ids = std::vector<std::uint32_t>;
    Scene scene;
    scene.connect();
    scene.bob.subscribe("a/#", {.qos = 1}, 3);
    scene.bob.subscribe("a/b", {.qos = 1}, 268'435'455);
    scene.bob.subscribe("a/+", {.qos = 1});  // without one
    scene.bob.subscribe("other", {}, 9);
    const std::uint8_t qos = any_qos();
    scene.alice.publish("a/b", "1", {.qos = qos});
    CHECK(scene.bob.last().subscription_ids() == Ids{3, 268'435'455});
    scene.alice.publish("a/c", "2", {.qos = qos});
    CHECK(scene.bob.last().subscription_ids() == Ids{3});
    scene.bob.unsubscribe("a/#");
    scene.alice.publish("a/c", "3", {.qos = qos});
    CHECK(scene.bob.last().subscription_ids().empty());
    CHECK(scene.bob.payloads() == Texts{"1", "2", "3"});
}

TEST_CASE(
    "MQTT5-3.8.2.1.2: an identifier is replaced with its subscription, and survives with the "
    "session",
    "[core][session]") {
    using Ids = std::vector<std::uint32_t>;
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1}, 3);
    scene.bob.subscribe("a/b", {.qos = 1}, 4);
    scene.bob.drop();
    scene.alice.publish("a/b", "1", {.qos = 1});
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.bob.payloads() == Texts{"1"});
    CHECK(scene.bob.last().subscription_ids() == Ids{4});
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.alice.publish("a/b", "2", {.qos = 1});
    CHECK(scene.bob.last().subscription_ids().empty());
}

TEST_CASE("MQTT5-3.3.2-3, MQTT311-3.3.2-3: a message comes with the topic that it was published to",
          "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    const std::uint8_t qos = any_qos();
    for (const char* filter : {"a/#", "+/b/+", "exact", "/"})
        scene.bob.subscribe(filter, {.qos = 2});
    Texts topics;
    for (const char* topic : {"a", "a/", "a/b/c", "x/b/", "x/b", "exact", "Exact", "/", "//"})
        scene.alice.publish(topic, "x", {.qos = qos});
    for (const Packet& message : scene.bob.messages) topics.push_back(message.topic);
    CHECK(topics == Texts{"a", "a/", "a/b/c", "x/b/", "exact", "/"});
}

TEST_CASE(
    "MQTT5-3.3.4-5: of two copies, one for a shared subscription, each carries its own identifier",
    "[core][session]") {
    Scene scene;
    scene.connect();
    scene.bob.subscribe("$share/g/a/+", {.qos = 1}, 1);
    scene.bob.subscribe("a/#", {.qos = 1}, 2);
    scene.bob.subscribe("a/b", {.qos = 1}, 3);
    scene.alice.publish("a/b", "x", {.qos = 1});
    REQUIRE(scene.bob.payloads() == Texts{"x", "x"});
    std::vector<std::vector<std::uint32_t>> ids;
    for (const Packet& message : scene.bob.messages) ids.push_back(message.subscription_ids());
    std::ranges::sort(ids);
    CHECK(ids == std::vector<std::vector<std::uint32_t>>{{1}, {2, 3}});
}

TEST_CASE(
    "MQTT5-3.2.2.3.11, MQTT311-3.8.3-2: filters with wildcards are served, and CONNACK agrees",
    "[core][session]") {
    Scene scene(any_version());
    scene.connect();
    if (scene.bob.version == Version::v5)
        CHECK(scene.bob.connack().number(PropertyId::wildcard_subscription_available).value_or(1) ==
              1);
    CHECK(scene.bob.subscribe("+/b/#") == Reason::success);
    scene.alice.publish("a/b/c", "1");
    CHECK(scene.bob.payloads() == Texts{"1"});
}

TEST_CASE(
    "MQTT5-3.8.4-4, MQTT311-3.8.4-3: nothing that waits is lost when a subscription is replaced",
    "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 1}));
    scene.bob.acknowledges = false;
    scene.bob.subscribe("a", {.qos = 1});
    Texts all;
    for (int i = 0; i < 10; ++i) {
        all.push_back(std::to_string(i));
        scene.alice.send_publish("a", all.back(), {.qos = 1});
        if (i % 3 == 0)
            scene.bob.send_subscribe("a", {.qos = static_cast<std::uint8_t>(1 + i % 2)});
    }
    scene.pump.settle();
    scene.bob.acknowledges = true;
    for (const Packet& message : std::vector<Packet>(scene.bob.messages))
        scene.bob.acknowledge(PacketType::puback, message.packet_id);
    CHECK(scene.bob.payloads() == all);
}

TEST_CASE("MQTT5-3.8.3-3: with No Local a client does not get its own messages",
          "[core][session]") {
    Scene scene;
    scene.connect();
    scene.bob.subscribe("a/+", {.no_local = true});
    scene.bob.publish("a/b", "own");
    scene.alice.publish("a/b", "of another");
    CHECK(scene.bob.payloads() == Texts{"of another"});

    scene.bob.subscribe("a/b", {.no_local = false});  // overlapping
    scene.bob.publish("a/b", "own");
    scene.bob.publish("a/c", "own, with No Local");
    CHECK(scene.bob.payloads() == Texts{"of another", "own"});
}

TEST_CASE("MQTT5-3.8.3-3: with No Local a session does not get its own will", "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("status/#", {.qos = 1});
    const bool no_local = GENERATE(true, false);
    ConnectOptions with_will = persistent;
    with_will.will = TestWill{"status/bob", "gone", 1};
    REQUIRE(scene.bob.connect(with_will));
    scene.bob.subscribe("status/#", {.qos = 1, .no_local = no_local});
    scene.bob.drop();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.alice.payloads() == Texts{"gone"});
    CHECK(scene.bob.payloads() == (no_local ? Texts{} : Texts{"gone"}));
}

TEST_CASE("MQTT5-3.8.3-4: No Local on a shared subscription is a protocol error",
          "[core][session]") {
    Scene scene;
    scene.connect();
    CHECK(scene.alice.subscribe("$share/g/a/b") == Reason::success);
    CHECK(scene.bob.subscribe("$share/g/a/b", {.no_local = true}) == std::nullopt);
    CHECK(scene.bob.disconnect_reason() == Reason::protocol_error);
    CHECK(scene.bob.was_closed());
}

TEST_CASE("MQTT5-3.3.1-12, MQTT5-3.3.1-13: RETAIN is kept only with Retain As Published",
          "[core][session]") {
    Scene scene;
    scene.connect();
    const bool as_published = GENERATE(true, false);
    scene.bob.subscribe("a/b", {.qos = 1, .retain_as_published = as_published});
    scene.alice.publish("a/b", "1", {.qos = 1, .retain = true});
    CHECK(scene.bob.last().retain == as_published);
    scene.alice.publish("a/b", "2", {.qos = 1, .retain = false});
    CHECK_FALSE(scene.bob.last().retain);
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
}

TEST_CASE("MQTT311-3.3.1-9: an established subscription of 3.1.1 gets RETAIN 0",
          "[core][session]") {
    Scene scene(Version::v3_1_1);
    scene.connect();
    scene.bob.subscribe("a/b");
    scene.alice.publish("a/b", "1", {.retain = true});
    REQUIRE(scene.bob.payloads() == Texts{"1"});
    CHECK_FALSE(scene.bob.last().retain);
}

TEST_CASE("MQTT5-4.7.2-1: a filter that begins with a wildcard does not match topics with $",
          "[core][session]") {
    Scene scene(any_version());
    const core::IdentityPtr all =
        identity("all", {.publish = {"#", "$data/#"}, .subscribe = {"#", "$data/#"}});
    REQUIRE(scene.alice.connect({.identity = all}));
    REQUIRE(scene.bob.connect({.identity = all}));
    scene.bob.subscribe("#");
    scene.bob.subscribe("+/b");
    scene.alice.publish("$data/b", "hidden");
    scene.alice.publish("data/b", "seen");
    scene.bob.subscribe("$data/#");
    scene.alice.publish("$data/b", "asked for");
    CHECK(scene.bob.payloads() == Texts{"seen", "asked for"});
}

// --- rules ---------------------------------------------------------------------------------------

TEST_CASE(
    "MQTT5-3.9.3-2, MQTT311-3.9.3-2: a filter that the rules do not grant is refused in SUBACK",
    "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(
        {.identity = identity("bob", {.subscribe = {"a/#"}, .deny_subscribe = {"a/secret"}})}));
    const Reason refused =
        scene.bob.version == Version::v5 ? Reason::not_authorized : Reason::unspecified_error;
    CHECK(scene.bob.subscribe("a/b") == Reason::success);
    CHECK(scene.bob.subscribe("b") == refused);
    CHECK(scene.bob.subscribe("#") == refused);
    CHECK(scene.bob.subscribe("a/secret") == refused);
    scene.alice.publish("b", "1");
    scene.alice.publish("a/secret", "2");
    scene.alice.publish("a/b", "3");
    CHECK(scene.bob.payloads() == Texts{"3"});
}

TEST_CASE("the rules hold for the filter of a shared subscription", "[core][session]") {
    Scene scene;
    REQUIRE(scene.bob.connect({.identity = identity("bob", {.subscribe = {"a/#"}})}));
    CHECK(scene.bob.subscribe("$share/g/a/+") == Reason::success);
    CHECK(scene.bob.subscribe("$share/g/b") == Reason::not_authorized);
}

TEST_CASE("a topic that is denied inside a granted shared wildcard is not delivered",
          "[core][session]") {
    Scene scene;
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.identity = identity("bob", {.deny_subscribe = {"a/secret"}})}));
    CHECK(scene.bob.subscribe("$share/g/a/+", {.qos = 1}) == Reason::granted_qos_1);
    scene.alice.publish("a/secret", "1", {.qos = 1});
    scene.alice.publish("a/open", "2", {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"2"});
}

TEST_CASE("a topic that is denied inside a granted wildcard is not delivered", "[core][session]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.identity = identity("bob", {.deny_subscribe = {"a/secret"}})}));
    scene.alice.publish("a/secret", "kept", {.retain = true});
    scene.alice.publish("a/open", "kept", {.retain = true});
    CHECK(scene.bob.subscribe("a/+", {.qos = 1}) == Reason::granted_qos_1);
    scene.alice.publish("a/secret", "live", {.qos = 1});
    scene.alice.publish("a/open", "live", {.qos = 1});
    REQUIRE(scene.bob.payloads() == Texts{"kept", "live"});
    for (const Packet& message : scene.bob.messages) CHECK(message.topic == "a/open");
}

// --- bounds --------------------------------------------------------------------------------------

TEST_CASE("a client may have max_subscriptions_per_client, shared ones included",
          "[core][session]") {
    core::Settings settings;
    settings.limits.max_subscriptions_per_client = 2;
    Scene scene(any_version(), settings);
    scene.connect();
    const Reason refused =
        scene.bob.version == Version::v5 ? Reason::quota_exceeded : Reason::unspecified_error;
    CHECK(scene.bob.subscribe("a") == Reason::success);
    CHECK(scene.bob.subscribe("$share/g/b") == Reason::success);
    CHECK(scene.bob.subscribe("c") == refused);
    CHECK(scene.bob.subscribe("$share/g/c") == refused);
    CHECK(scene.bob.subscribe("a", {.qos = 1}) == Reason::granted_qos_1);  // not one more
    CHECK(scene.bob.subscribe("$share/g/b", {.qos = 1}) == Reason::granted_qos_1);
    scene.bob.unsubscribe("$share/g/b");
    CHECK(scene.bob.subscribe("c") == Reason::success);
}

TEST_CASE("a filter may have max_topic_levels, those of $share not counted", "[core][session]") {
    core::Settings settings;
    settings.limits.max_topic_levels = 3;
    Scene scene(any_version(), settings);
    scene.connect();
    const Reason refused =
        scene.bob.version == Version::v5 ? Reason::topic_filter_invalid : Reason::unspecified_error;
    CHECK(scene.bob.subscribe("a/b/c") == Reason::success);
    CHECK(scene.bob.subscribe("a/b/c/d") == refused);
    CHECK(scene.bob.subscribe("$share/g/a/b/c") == Reason::success);
    CHECK(scene.bob.subscribe("$share/g/a/b/c/d") == refused);
}

TEST_CASE("MQTT5-3.8.3-3: No Local keeps from a client the retained messages that are its own",
          "[core][session][v5]") {
    Scene scene;
    scene.connect();
    scene.alice.publish("a/alice", "hers", {.retain = true});
    scene.bob.publish("a/bob", "his", {.retain = true});
    scene.alice.subscribe("a/+", {.no_local = true});
    CHECK(scene.alice.payloads() == Texts{"his"});
    scene.alice.forget();
    scene.alice.subscribe("a/+");
    CHECK(scene.alice.payloads() == Texts{"hers", "his"});
}

TEST_CASE("MQTT5-4.8.2-1, MQTT5-4.8.2-2: a malformed shared filter is refused", "[core][session]") {
    Scene scene;
    scene.connect();
    CHECK(scene.bob.subscribe("$share/g/a") == Reason::success);
    for (const char* filter : {"$share/g", "$share/g/", "$share//a", "$share/g+/a", "$share/#/a"})
        CHECK(scene.bob.subscribe(filter) == Reason::topic_filter_invalid);
}
