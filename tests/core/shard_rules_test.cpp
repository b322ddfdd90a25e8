// Rules that change under a session: what waits for it, and what it is told.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

core::IdentityPtr only_open(const TestClient& client) {
    return identity(client.client_id(),
                    {.subscribe = {"open/#"}, .deny_subscribe = {"open/secret"}});
}

}  // namespace

TEST_CASE("what waits for a client that is away is dropped if new rules do not allow it",
          "[core][rules]") {
    Scene scene(any_version());
    const bool at_return = GENERATE(true, false);
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    for (const char* filter : {"closed", "open/#"}) scene.bob.subscribe(filter, {.qos = 1});
    scene.bob.drop();
    for (const char* topic : {"closed", "open/1", "open/secret", "open/2"})
        scene.alice.publish(topic, topic, {.qos = 1});
    ConnectOptions back = persistent;
    back.identity = only_open(scene.bob);
    if (!at_return) scene.give(scene.bob, back.identity);
    REQUIRE(scene.bob.connect(back));
    CHECK(scene.bob.connack().session_present);
    CHECK(scene.bob.payloads() == Texts{"open/1", "open/2"});
    CHECK(scene.pump.count(&core::Stats::dropped_denied) == 2);
}

TEST_CASE("what waits stays where new rules still allow it", "[core][rules]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("open/#", {.qos = 1});
    scene.bob.drop();
    scene.alice.publish("open/1", "1", {.qos = 1});
    scene.give(scene.bob, only_open(scene.bob));
    ConnectOptions back = persistent;
    back.identity = only_open(scene.bob);
    REQUIRE(scene.bob.connect(back));
    CHECK(scene.bob.payloads() == Texts{"1"});
    CHECK(scene.pump.count(&core::Stats::dropped_denied) == 0);
}

TEST_CASE("a client with a full window does not get what its new rules do not allow",
          "[core][rules]") {
    Scene scene(any_version());
    REQUIRE(scene.alice.connect());
    ConnectOptions narrow;
    if (scene.bob.version == Version::v5) narrow.receive_maximum = 1;
    REQUIRE(scene.bob.connect(narrow));
    if (scene.bob.version != Version::v5) return;  // its window cannot be this small
    for (const char* filter : {"closed", "open/#"}) scene.bob.subscribe(filter, {.qos = 1});
    scene.bob.acknowledges = false;
    for (const char* topic : {"open/1", "closed", "open/2"})
        scene.alice.publish(topic, topic, {.qos = 1});
    scene.give(scene.bob, only_open(scene.bob));
    CHECK(scene.bob.payloads() == Texts{"open/1"});
    scene.bob.acknowledge(PacketType::puback, scene.bob.last().packet_id);
    CHECK(scene.bob.payloads() == Texts{"open/1", "open/2"});
}

TEST_CASE("what was sent and not acknowledged is not sent again if new rules do not allow it",
          "[core][rules]") {
    Scene scene(any_version());
    const std::uint8_t qos = GENERATE(std::uint8_t{1}, std::uint8_t{2});
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    for (const char* filter : {"closed", "open/#"}) scene.bob.subscribe(filter, {.qos = qos});
    scene.bob.acknowledges = false;
    for (const char* topic : {"closed", "open/1"}) scene.alice.publish(topic, topic, {.qos = qos});
    CHECK(scene.bob.payloads() == Texts{"closed", "open/1"});
    const std::uint16_t denied_id = scene.bob.messages.front().packet_id;
    scene.bob.drop();
    scene.bob.forget();
    scene.give(scene.bob, only_open(scene.bob));
    ConnectOptions back = persistent;
    back.identity = only_open(scene.bob);
    REQUIRE(scene.bob.connect(back));
    CHECK(scene.bob.payloads() == Texts{"open/1"});
    CHECK(scene.bob.last().dup);
    // The identifier of QoS 2 is in use on the client's side until PUBREL has come.
    const Packet* const pubrel = scene.bob.last_of(PacketType::pubrel);
    REQUIRE((pubrel != nullptr) == (qos == 2));
    if (pubrel != nullptr) {
        CHECK(pubrel->packet_id == denied_id);
        scene.bob.acknowledge(PacketType::pubcomp, denied_id);
    }
    CHECK(scene.bob.is_connected());
    CHECK(scene.pump.count(&core::Stats::dropped_denied) == 1);
}

TEST_CASE("MQTT5-4.8.2-4: a QoS 2 exchange that has begun goes to no other member of the group",
          "[core][rules][share]") {
    Scene scene(any_version());
    const bool received = GENERATE(false, true);  // PUBREC had come
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("$share/g/open/#", {.qos = 2});
    scene.bob.acknowledges = false;
    scene.alice.publish("open/secret", "begun", {.qos = 2});
    REQUIRE(scene.bob.payloads() == Texts{"begun"});
    const std::uint16_t packet_id = scene.bob.last().packet_id;
    if (received) scene.bob.acknowledge(PacketType::pubrec, packet_id);
    scene.bob.drop();
    scene.alice.publish("open/secret", "waits", {.qos = 2});
    TestClient carol = scene.client(2, "carol");
    REQUIRE(carol.connect());
    carol.subscribe("$share/g/open/#", {.qos = 2});
    ConnectOptions back = persistent;
    back.identity = only_open(scene.bob);
    scene.give(scene.bob, back.identity);
    CHECK(carol.payloads() == Texts{"waits"});
    CHECK(scene.pump.count(&core::Stats::dropped_denied) == (received ? 0 : 1));
    REQUIRE(scene.bob.connect(back));
    CHECK(scene.bob.payloads() == Texts{"begun"});  // and not again
    REQUIRE(scene.bob.last_of(PacketType::pubrel) != nullptr);
    CHECK(scene.bob.last_of(PacketType::pubrel)->packet_id == packet_id);
}

TEST_CASE("what waits for a member of a group goes to another when its rules change",
          "[core][rules]") {
    Scene scene(Version::v5);
    REQUIRE(scene.alice.connect({.receive_maximum = 1}));
    TestClient carol = scene.client(2, "carol");
    TestClient dave = scene.client(3, "dave");
    REQUIRE(dave.connect());
    scene.alice.subscribe("$share/g/job", {.qos = 1});
    scene.alice.acknowledges = false;
    for (const char* text : {"1", "2", "3"}) dave.publish("job", text, {.qos = 1});
    CHECK(scene.alice.payloads() == Texts{"1"});
    REQUIRE(carol.connect());
    carol.subscribe("$share/g/job", {.qos = 1});
    scene.give(scene.alice, identity(scene.alice.client_id(), {.subscribe = {"other"}}));
    CHECK(carol.payloads() == Texts{"2", "3"});
}

TEST_CASE("retained messages that are still to come obey the new rules", "[core][rules]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.publish("closed", "1", {.retain = true});
    scene.alice.publish("open/secret", "2", {.retain = true});
    scene.alice.publish("open/1", "3", {.retain = true});
    scene.give(scene.bob, only_open(scene.bob));
    CHECK(is_failure(*scene.bob.subscribe("closed")));
    scene.bob.subscribe("open/#");
    CHECK(scene.bob.payloads() == Texts{"3"});
}

TEST_CASE("a client loses its connection with its subscription where that is configured",
          "[core][rules]") {
    core::Settings settings;
    settings.revoked_subscription =
        GENERATE(core::RevokedSubscription::disconnect, core::RevokedSubscription::end);
    const bool ends = settings.revoked_subscription == core::RevokedSubscription::disconnect;
    Scene scene(any_version(), settings);
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("open/#");
    scene.give(scene.bob, identity(scene.bob.client_id(), {.subscribe = {"open/#", "more"}}));
    CHECK(scene.bob.is_connected());  // nothing that it has was taken away
    scene.bob.subscribe("more");
    scene.give(scene.bob, only_open(scene.bob));
    CHECK(scene.bob.was_closed() == ends);
    if (ends && scene.bob.version == Version::v5) {
        const Packet* const told = scene.bob.last_of(PacketType::disconnect);
        REQUIRE(told != nullptr);
        CHECK(told->reason == Reason::not_authorized);
        CHECK(told->properties().text(PropertyId::reason_string) ==
              "its rules do not allow the subscription to more any more");
    }
    if (!ends) return;
    // Back again it finds what it may have, and is not disconnected for what has ended.
    ConnectOptions back = persistent;
    back.identity = only_open(scene.bob);
    REQUIRE(scene.bob.connect(back));
    CHECK(scene.bob.connack().session_present);
    scene.alice.publish("more", "1");
    scene.alice.publish("open/1", "2");
    CHECK(scene.bob.payloads() == Texts{"2"});
}

TEST_CASE("a client that was away is let in when its subscription was revoked meanwhile",
          "[core][rules]") {
    core::Settings settings;
    settings.revoked_subscription = core::RevokedSubscription::disconnect;
    Scene scene(any_version(), settings);
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("closed");
    scene.bob.drop();
    ConnectOptions back = persistent;
    back.identity = only_open(scene.bob);
    REQUIRE(scene.bob.connect(back));
    CHECK(scene.bob.ping());
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 0);
}

TEST_CASE("the same rules again change nothing", "[core][rules]") {
    Scene scene;
    scene.connect();
    scene.bob.subscribe("a");
    scene.give(scene.bob, identity(scene.bob.client_id()));
    scene.alice.publish("a", "1");
    CHECK(scene.bob.payloads() == Texts{"1"});
}

TEST_CASE("an identity's own limits hold in place of the broker's, and change under it",
          "[core][rules]") {
    core::Settings settings;
    settings.limits.max_subscriptions_per_client = 2;
    Scene scene(any_version(), settings);
    Limits more = settings.limits;
    more.max_subscriptions_per_client = 3;
    more.max_queued_messages = 1;
    REQUIRE(scene.alice.connect());
    ConnectOptions options = persistent;
    options.identity = identity(scene.bob.client_id(), {.limits = more});
    REQUIRE(scene.bob.connect(options));
    for (const char* filter : {"a", "b", "c"})
        CHECK(scene.bob.subscribe(filter, {.qos = 1}) == Reason::granted_qos_1);
    CHECK(is_failure(*scene.bob.subscribe("d")));
    for (const char* filter : {"a", "b"}) scene.alice.subscribe(filter);
    CHECK(is_failure(*scene.alice.subscribe("c")));
    scene.bob.drop();
    for (const char* text : {"1", "2"}) scene.alice.publish("a", text, {.qos = 1});
    options.identity = identity(scene.bob.client_id());
    REQUIRE(scene.bob.connect(options));
    CHECK(scene.bob.payloads() == Texts{"1"});
    CHECK(is_failure(*scene.bob.subscribe("d")));
}

TEST_CASE("a rate that is limited anew holds at once, and one that is not lets go at once",
          "[core][rules]") {
    Scene scene(any_version());
    scene.connect();
    scene.alice.subscribe("a", {.qos = 0});
    Limits slow;
    slow.messages_per_second = 1;
    scene.give(scene.bob, identity(scene.bob.client_id(), {.limits = slow}));
    for (int i = 0; i < 5; ++i) scene.bob.send_publish("a", std::to_string(i), {.qos = 0});
    scene.pump.settle();
    CHECK(scene.alice.payloads() == Texts{"0"});
    scene.give(scene.bob, identity(scene.bob.client_id()));
    CHECK(scene.alice.payloads() == Texts{"0", "1", "2", "3", "4"});
}
