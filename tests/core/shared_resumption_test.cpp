// What a member of a share group has not acknowledged when its connection is lost: another member
// that can take it gets it, otherwise it waits for the same client. MQTT 5.0, sections 4.4 and
// 4.8.2. alice publishes; bob and carol are members, with homes on different shards if there are
// several.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

using Ids = std::vector<std::uint16_t>;

struct GroupScene : Scene {
    explicit GroupScene(Version version = Version::v5)
        : Scene(version), carol(client(2, "carol", version)) {
        REQUIRE(alice.connect());
    }
    void join(TestClient& member, ConnectOptions options = persistent) {
        REQUIRE(member.connect(options));
        REQUIRE(member.subscribe("$share/g/a/#", {.qos = 2}) == Reason::granted_qos_2);
        member.acknowledges = false;
    }
    Texts publish(int count, std::uint8_t qos = 1) {
        Texts sent;
        for (int i = 0; i < count; ++i) {
            sent.push_back(std::to_string(++last_number_));
            alice.publish("a/b", sent.back(), {.qos = qos});
        }
        return sent;
    }

    TestClient carol;

private:
    int last_number_ = 100;
};

Ids packet_ids(const TestClient& client) {
    Ids ids;
    for (const Packet& message : client.messages) ids.push_back(message.packet_id);
    return ids;
}

}  // namespace

TEST_CASE(
    "MQTT5-4.4.0-1: the only member of a group gets again what it has not acknowledged, as before",
    "[core][share]") {
    GroupScene scene(any_version());
    const std::uint8_t qos = GENERATE(std::uint8_t{1}, std::uint8_t{2});
    scene.join(scene.bob);
    const Texts sent = scene.publish(3, qos);
    const Ids ids = packet_ids(scene.bob);
    scene.bob.drop();
    scene.bob.forget();
    Texts all = sent;
    for (const std::string& text : scene.publish(2, qos)) all.push_back(text);
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present);
    REQUIRE(scene.bob.payloads() == all);
    for (std::size_t i = 0; i < 5; ++i) CHECK(scene.bob.messages[i].dup == (i < 3));
    for (std::size_t i = 0; i < 3; ++i) CHECK(scene.bob.messages[i].packet_id == ids[i]);
}

TEST_CASE("what a member has acknowledged does not come again", "[core][share]") {
    GroupScene scene(any_version());
    scene.join(scene.bob);
    scene.publish(3);
    scene.bob.acknowledge(PacketType::puback, scene.bob.messages[1].packet_id);
    scene.bob.drop();
    scene.bob.forget();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{"101", "103"});
}

TEST_CASE("a member that can take them gets the messages that another one has left unacknowledged",
          "[core][share]") {
    GroupScene scene(any_version());
    scene.join(scene.bob);
    const Texts sent = scene.publish(3);
    scene.join(scene.carol);
    CHECK(scene.carol.messages.empty());
    scene.bob.drop();
    scene.bob.forget();
    CHECK(scene.carol.payloads() == sent);
    for (const Packet& message : scene.carol.messages) CHECK_FALSE(message.dup);
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.messages.empty());  // not both
}

TEST_CASE("a member that is away takes nothing over: it comes back to the same client",
          "[core][share]") {
    GroupScene scene(any_version());
    scene.join(scene.bob);
    scene.join(scene.carol);
    const Texts sent = scene.publish(4);
    const Texts of_bob = scene.bob.payloads();
    const Texts of_carol = scene.carol.payloads();
    REQUIRE(of_bob.size() + of_carol.size() == 4);
    scene.carol.drop();  // to bob, who is there
    const std::size_t with_bob = scene.bob.messages.size();
    CHECK(with_bob == 4);
    const Ids ids = packet_ids(scene.bob);
    scene.bob.drop();
    scene.bob.forget();
    scene.carol.forget();
    REQUIRE(scene.bob.connect(persistent));
    CHECK(packet_ids(scene.bob) == ids);
    for (const Packet& message : scene.bob.messages) CHECK(message.dup);
    REQUIRE(scene.carol.connect(persistent));
    CHECK(scene.carol.messages.empty());
}

TEST_CASE("MQTT5-4.8.2-4, MQTT5-4.8.2-5: what was begun at QoS 2 stays with its client",
          "[core][share]") {
    GroupScene scene(any_version());
    scene.join(scene.bob);
    scene.publish(2, 2);
    scene.bob.acknowledge(PacketType::pubrec, scene.bob.messages[0].packet_id);
    const Ids ids = packet_ids(scene.bob);
    scene.join(scene.carol);
    scene.bob.drop();
    scene.bob.forget();
    CHECK(scene.carol.messages.empty());
    SECTION("and is finished when it is back") {
        REQUIRE(scene.bob.connect(persistent));
        CHECK(packet_ids(scene.bob) == Ids{ids[1]});
        REQUIRE(scene.bob.count_of(PacketType::pubrel) == 1);
        CHECK(scene.bob.last_of(PacketType::pubrel)->packet_id == ids[0]);
    }
    SECTION("and ends with its session") {
        REQUIRE(scene.bob.connect());  // Clean Start
        CHECK(scene.bob.messages.empty());
    }
    CHECK(scene.carol.messages.empty());
}
