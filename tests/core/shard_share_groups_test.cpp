// Shared subscriptions: each message to one member of each group, wherever the members live. MQTT
// 5.0, section 4.8.2. alice publishes; bob and carol are members, with homes on different shards if
// there are several.
#include <algorithm>

#include "broker/wire/encode.hpp"
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

struct GroupScene : Scene {
    GroupScene() : carol(client(2, "carol")) { REQUIRE(alice.connect()); }

    // Both members, with sessions that outlive their connections.
    void join(std::uint8_t qos = 1, std::optional<std::uint32_t> receive_maximum = {}) {
        ConnectOptions options = persistent;
        options.receive_maximum = receive_maximum;
        for (TestClient* member : {&bob, &carol}) {
            REQUIRE(member->connect(options));
            REQUIRE(member->subscribe("$share/g/a/#", {.qos = qos}) == static_cast<Reason>(qos));
        }
    }
    Texts publish(int count, std::uint8_t qos = 1) {
        Texts sent;
        for (int i = 0; i < count; ++i) {
            sent.push_back(std::to_string(100 + i));
            alice.publish("a/b", sent.back(), {.qos = qos});
        }
        return sent;
    }
    // What the members have got, in the order of the texts.
    Texts got_by_both() const {
        Texts all = bob.payloads();
        const Texts others = carol.payloads();
        all.insert(all.end(), others.begin(), others.end());
        std::ranges::sort(all);
        return all;
    }

    TestClient carol;
};

}  // namespace

TEST_CASE("MQTT5-4.8.2: each message goes to one member, in turn", "[core][share]") {
    GroupScene scene;
    scene.join(2);
    const Texts sent = scene.publish(10, any_qos());
    CHECK(scene.got_by_both() == sent);
    CHECK(scene.bob.messages.size() == 5);
    CHECK(scene.carol.messages.size() == 5);
}

TEST_CASE("MQTT5-4.8.2: each group gets its own copy, and so does an ordinary subscription",
          "[core][share]") {
    GroupScene scene;
    scene.join();
    TestClient dora = scene.client(3, "dora");
    REQUIRE(dora.connect());
    dora.subscribe("$share/other/a/#", {.qos = 1});
    scene.bob.subscribe("a/b", {.qos = 1});  // beside its place in the group
    const Texts sent = scene.publish(4);
    CHECK(dora.payloads() == sent);
    CHECK(scene.bob.messages.size() + scene.carol.messages.size() == 8);
    CHECK(scene.carol.messages.size() == 2);
}

TEST_CASE("MQTT5-4.8.2: groups with the same name and different filters are different",
          "[core][share]") {
    GroupScene scene;
    REQUIRE(scene.bob.connect());
    REQUIRE(scene.carol.connect());
    scene.bob.subscribe("$share/g/a/b");
    scene.carol.subscribe("$share/g/a/+");
    const Texts sent = scene.publish(3);
    CHECK(scene.bob.payloads() == sent);
    CHECK(scene.carol.payloads() == sent);
}

TEST_CASE("MQTT5-4.8.2-3: each member gets what it was granted, with its own options",
          "[core][share]") {
    GroupScene scene;
    REQUIRE(scene.bob.connect());
    REQUIRE(scene.carol.connect());
    scene.bob.subscribe("$share/g/a/#", {.qos = 0, .retain_as_published = true}, 5);
    scene.carol.subscribe("$share/g/a/#", {.qos = 1}, 6);
    for (int i = 0; i < 4; ++i) scene.alice.publish("a/b", "x", {.qos = 2, .retain = true});
    REQUIRE(scene.bob.messages.size() == 2);
    REQUIRE(scene.carol.messages.size() == 2);
    CHECK(scene.bob.last().qos == 0);
    CHECK(scene.bob.last().retain);
    CHECK(scene.bob.last().subscription_ids() == std::vector<std::uint32_t>{5});
    CHECK(scene.carol.last().qos == 1);
    CHECK_FALSE(scene.carol.last().retain);
    CHECK(scene.carol.last().subscription_ids() == std::vector<std::uint32_t>{6});
}

TEST_CASE("subscribing again to a group replaces the options and does not add a member",
          "[core][share]") {
    GroupScene scene;
    scene.join();
    scene.bob.subscribe("$share/g/a/#", {.qos = 0}, 9);
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 2);
    const Texts sent = scene.publish(10);
    CHECK(scene.got_by_both() == sent);
    REQUIRE(scene.bob.messages.size() == 5);
    CHECK(scene.bob.last().qos == 0);
    CHECK(scene.bob.last().subscription_ids() == std::vector<std::uint32_t>{9});
}

TEST_CASE("after UNSUBSCRIBE a member gets nothing more from its group", "[core][share]") {
    GroupScene scene;
    scene.join();
    CHECK(scene.bob.unsubscribe("$share/g/a/b") == Reason::no_subscription_existed);
    CHECK(scene.bob.unsubscribe("$share/g/a/#") == Reason::success);
    CHECK(scene.bob.unsubscribe("$share/g/a/#") == Reason::no_subscription_existed);
    const Texts sent = scene.publish(4);
    CHECK(scene.carol.payloads() == sent);
    CHECK(scene.bob.messages.empty());
    scene.carol.unsubscribe("$share/g/a/#");
    scene.publish(1);  // there is no group
    CHECK(scene.carol.messages.size() == 4);
    scene.bob.subscribe("$share/g/a/#");  // and a new one
    scene.publish(1);
    CHECK(scene.bob.messages.size() == 1);
}

TEST_CASE("a member that is away is passed over while another is there", "[core][share]") {
    GroupScene scene;
    scene.join();
    scene.bob.drop();
    const Texts sent = scene.publish(6);
    CHECK(scene.carol.payloads() == sent);
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.messages.empty());
    scene.publish(6);
    CHECK(scene.bob.messages.size() == 3);  // and is there again
}

TEST_CASE("messages for a group whose members are all away wait for one of them", "[core][share]") {
    GroupScene scene;
    scene.join();
    scene.bob.drop();
    scene.carol.drop();
    const Texts sent = scene.publish(6);
    REQUIRE(scene.bob.connect(persistent));
    REQUIRE(scene.carol.connect(persistent));
    CHECK(scene.got_by_both() == sent);
}

TEST_CASE("a member whose window is full is passed over", "[core][share]") {
    GroupScene scene;
    scene.join(1, 1);
    scene.bob.acknowledges = false;
    const Texts sent = scene.publish(10);
    CHECK(scene.bob.messages.size() == 1);
    CHECK(scene.carol.messages.size() == 9);
    scene.bob.acknowledges = true;
    scene.bob.acknowledge(PacketType::puback, scene.bob.last().packet_id);
    CHECK(scene.got_by_both() == sent);
    scene.publish(4);
    CHECK(scene.bob.messages.size() == 3);  // and has room again
}

TEST_CASE("what a member has not acknowledged goes to another when it leaves", "[core][share]") {
    GroupScene scene;
    scene.join(1, 1);
    scene.bob.acknowledges = false;
    const Texts sent = scene.publish(4);
    REQUIRE(scene.bob.messages.size() == 1);
    SECTION("because its connection is lost") { scene.bob.drop(); }
    SECTION("because its session ends") { scene.bob.disconnect(Reason::success, 0); }
    SECTION("because a new session begins") {
        scene.bob.drop();
        REQUIRE(scene.bob.connect());
    }
    const Texts got = scene.carol.payloads();
    CHECK(got.size() == 4);
    CHECK(std::ranges::is_permutation(got, sent));
}

TEST_CASE(
    "what waits for a member that was alone goes to one that joins when the first one's session "
    "ends",
    "[core][share]") {
    GroupScene scene;
    REQUIRE(scene.bob.connect({.session_expiry_s = 10}));
    scene.bob.subscribe("$share/g/a/#", {.qos = 1});
    scene.bob.drop();
    const Texts sent = scene.publish(3);
    REQUIRE(scene.carol.connect());
    scene.carol.subscribe("$share/g/a/#", {.qos = 1});
    CHECK(scene.carol.messages.empty());
    scene.pump.advance(seconds(10));
    CHECK(scene.carol.payloads() == sent);
}

TEST_CASE("MQTT5-4.8.2-4: a QoS 2 delivery that has begun is finished with the same client",
          "[core][share]") {
    GroupScene scene;
    scene.join(2, 10);
    for (TestClient* member : {&scene.bob, &scene.carol}) member->acknowledges = false;
    scene.publish(2, 2);
    REQUIRE(scene.bob.messages.size() == 1);
    const std::string first = scene.bob.last().payload;
    scene.bob.drop();
    scene.bob.forget();
    CHECK(scene.carol.messages.size() == 1);
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{first});
    CHECK(scene.bob.last().dup);
}

TEST_CASE("MQTT5-4.8.2-5: a QoS 2 message whose client's session ends goes to no other",
          "[core][share]") {
    GroupScene scene;
    scene.join(2, 10);
    for (TestClient* member : {&scene.bob, &scene.carol}) member->acknowledges = false;
    scene.publish(2, 2);
    REQUIRE(scene.bob.messages.size() == 1);
    scene.bob.disconnect(Reason::success, 0);
    CHECK(scene.carol.messages.size() == 1);
}

TEST_CASE("MQTT5-4.8.2-6: a message that its member refuses is offered to no other",
          "[core][share]") {
    GroupScene scene;
    scene.join(2);
    for (TestClient* member : {&scene.bob, &scene.carol}) member->acknowledges = false;
    scene.publish(2, 1);
    scene.publish(2, 2);
    for (const Packet& message : scene.bob.messages)
        scene.bob.acknowledge(message.qos == 1 ? PacketType::puback : PacketType::pubrec,
                              message.packet_id, Reason::unspecified_error);
    scene.bob.disconnect(Reason::success, 0);
    CHECK(scene.carol.messages.size() == 2);
}

TEST_CASE("MQTT5-4.4.0-1: a member that is alone gets again what it has not acknowledged, as such",
          "[core][share]") {
    GroupScene scene;
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("$share/g/a/#", {.qos = 1});
    const bool other_is_away = GENERATE(true, false);
    if (other_is_away) {
        REQUIRE(scene.carol.connect(persistent));
        scene.carol.subscribe("$share/g/a/#", {.qos = 1});
        scene.carol.drop();
    }
    scene.bob.acknowledges = false;
    const Texts sent = scene.publish(2);
    REQUIRE(scene.bob.messages.size() == 2);
    const std::uint16_t first_id = scene.bob.messages[0].packet_id;
    scene.bob.drop();
    scene.bob.forget();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == sent);
    CHECK(scene.bob.messages[0].packet_id == first_id);
    CHECK(scene.bob.messages[0].dup);
    CHECK(scene.bob.messages[1].dup);
    if (other_is_away) REQUIRE(scene.carol.connect(persistent));
    CHECK(scene.carol.messages.empty());
}

TEST_CASE("a message that its member may not receive goes to one that may", "[core][share]") {
    GroupScene scene;
    for (int i = 0; i < 4; ++i) {  // more than one, so that the next one asked may be denied, too
        TestClient denied_one =
            scene.client(static_cast<unsigned>(i), "denied" + std::to_string(i));
        ConnectOptions options = persistent;
        options.identity = identity(denied_one.client_id(), {.deny_subscribe = {"a/secret"}});
        REQUIRE(denied_one.connect(options));
        REQUIRE(denied_one.subscribe("$share/g/a/#", {.qos = 1}) == Reason::granted_qos_1);
        if (i % 2 == 0) denied_one.drop();
    }
    scene.alice.publish("a/secret", "for nobody", {.qos = 1});
    CHECK(scene.pump.count(&core::Stats::dropped_no_member) == 1);
    REQUIRE(scene.carol.connect());
    scene.carol.subscribe("$share/g/a/#", {.qos = 1});
    for (const char* text : {"1", "2", "3"}) scene.alice.publish("a/secret", text, {.qos = 1});
    CHECK(scene.carol.payloads() == Texts{"1", "2", "3"});
    CHECK(scene.pump.count(&core::Stats::dropped_no_member) == 1);
}

TEST_CASE("a client of 3.1.1 may be a member", "[core][share]") {
    GroupScene scene;
    scene.join();
    TestClient old = scene.client(3, "old", Version::v3_1_1);
    REQUIRE(old.connect());
    CHECK(old.subscribe("$share/g/a/#", {.qos = 1}) == Reason::granted_qos_1);
    scene.publish(6);
    CHECK(old.messages.size() == 2);
    CHECK(scene.got_by_both().size() == 4);
}

TEST_CASE("a member that had much to write is given messages again once it is written",
          "[core][share]") {
    Scene scene(Version::v5, [] {
        core::Settings settings;
        settings.limits.max_output_bytes = 1'000;
        return settings;
    }());
    TestClient carol = scene.client(2, "carol");
    REQUIRE(scene.alice.connect());
    for (TestClient* member : {&scene.bob, &carol}) {
        REQUIRE(member->connect());
        REQUIRE(member->subscribe("$share/g/a") == Reason::success);
    }
    REQUIRE(scene.bob.subscribe("b") == Reason::success);
    SECTION("by the group") {
        scene.alice.publish("a", std::string(1'001, 'x'));
        if (scene.bob.messages.empty()) scene.alice.publish("a", "the one after carol");
    }
    SECTION("by another subscription") {
        scene.alice.send_publish("b", std::string(1'001, 'x'), {});
        for (int i = 0; i < 2; ++i) scene.alice.send_publish("a", "finds it busy", {});
        scene.pump.settle();
    }
    scene.bob.forget();
    carol.forget();
    for (int i = 0; i < 10; ++i) scene.alice.publish("a", "x");
    CHECK(scene.bob.messages.size() == 5);
    CHECK(carol.messages.size() == 5);
}

TEST_CASE("the will of a session that ends goes to a member that stays", "[core][share]") {
    GroupScene scene;
    const bool at_once = GENERATE(true, false);
    ConnectOptions with_will{.clean_start = false, .session_expiry_s = at_once ? 0 : 10};
    with_will.will = TestWill{.topic = "a/b", .payload = "will", .qos = 1, .delay_s = 20};
    REQUIRE(scene.bob.connect(with_will));
    REQUIRE(scene.carol.connect(persistent));
    for (TestClient* member : {&scene.bob, &scene.carol})
        REQUIRE(member->subscribe("$share/g/a/#", {.qos = 1}) == Reason::granted_qos_1);
    scene.carol.drop();
    scene.bob.drop();
    if (!at_once) REQUIRE(scene.bob.connect());  // Clean Start
    REQUIRE(scene.carol.connect(persistent));
    CHECK(scene.carol.payloads() == Texts{"will"});
}

TEST_CASE("a member that goes in the middle of its SUBSCRIBE is known to be away",
          "[core][share]") {
    Scene scene(Version::v5, {}, Cast{1});
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("$share/g/a", {.qos = 1});
    scene.bob.drop();
    // While it was away its rules have changed, and the subscription has ended.
    ConnectOptions narrowed = persistent;
    narrowed.identity = identity(scene.bob.client_id(), {.subscribe = {"b/#"}});
    REQUIRE(scene.bob.connect(narrowed));
    std::vector<std::string> filters{"$share/g/b/c"};
    for (std::size_t i = 0; i < limits::work_per_client_max; ++i)
        filters.push_back("b/" + std::to_string(i));
    std::vector<wire::SubscriptionRequest> requests;
    for (const std::string& filter : filters) requests.push_back({filter, {.qos = 1}});
    Buffer out;
    wire::encode_subscribe(7, requests, {}, Version::v5, out);
    core::Shard& shard = scene.pump.broker().shard(0);
    shard.begin_turn(scene.pump.now());
    CHECK(shard.receive(scene.bob.link(), out.bytes()) == 0);
    shard.end_turn();
    scene.bob.drop();
    scene.alice.publish("b/c", "waits", {.qos = 1});
    REQUIRE(scene.bob.connect(narrowed));
    CHECK(scene.bob.payloads() == Texts{"waits"});
}

TEST_CASE("news for many groups count as work of the client that causes them", "[core][share]") {
    Scene scene(Version::v5, {}, Cast{1});
    REQUIRE(scene.bob.connect({.receive_maximum = 1}));
    for (int i = 0; i < 1'000; ++i)
        scene.bob.send_subscribe("$share/g/" + std::to_string(i), {.qos = 1});
    scene.pump.settle();
    scene.bob.acknowledges = false;
    // Busy with each message, available with each acknowledgement.
    std::string flood;
    for (std::uint16_t id = 1; id <= 100; ++id) {
        Buffer out;
        wire::PublishView publish;
        publish.topic = "1";
        publish.qos = 1;
        publish.packet_id = id;
        wire::encode(publish, Version::v5, out);
        wire::encode_ack(PacketType::puback, {id, Reason::success, {}}, Version::v5, out);
        flood += as_text(out.bytes());
    }
    core::Shard& shard = scene.pump.broker().shard(0);
    shard.begin_turn(scene.pump.now());
    const std::size_t used = shard.receive(scene.bob.link(), as_bytes(flood));
    shard.end_turn();
    CHECK(used < flood.size() / 10);
    CHECK(scene.bob.link().pause == core::Link::Pause::this_turn);
}
