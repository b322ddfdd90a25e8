// Messages of a share group that go from one session to another, and a broker that dies on the way:
// what was acknowledged to its publisher is on disk with one of them at any moment. MQTT 5.0,
// section 4.8.2. Method: the shards take turns one at a time, what they submit is committed at
// once, and the broker dies after so many turns. Bob and dave have their home on the same shard,
// carol on another one if there are several.
#include "tests/core/kept_scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

const ConnectOptions begins_anew{.clean_start = true, .session_expiry_s = 3'600};

struct HandingOnScene : KeptScene {
    HandingOnScene()
        : KeptScene(Version::v5, {}, GENERATE(Cast{1}, Cast{2}, Cast{4})),
          filter("$share/" + pump.id_at(GENERATE(0u, 1u), "group") + "/a"),
          carol(client(2, "carol")),
          dave(client(1, "dave")) {
        REQUIRE(alice.connect());
    }
    // receive_maximum: what is beyond it waits in the session.
    void join(TestClient& member, std::uint32_t receive_maximum) {
        ConnectOptions options = persistent;
        options.receive_maximum = receive_maximum;
        REQUIRE(member.connect(options));
        REQUIRE(member.subscribe(filter, qos_1) == Reason::granted_qos_1);
        member.acknowledges = false;
    }
    // All of them are acknowledged to alice, and on disk.
    void publish(int count) {
        for (int i = 0; i < count; ++i) {
            alice.publish("a", std::to_string(i), {.qos = 1});
            sent.insert(std::to_string(i));
        }
        pump.advance(seconds(1));
        REQUIRE(alice.count_of(PacketType::puback) == sent.size());
        REQUIRE(journal.messages_on_disk() == sent.size());
    }
    // Bob's and dave's home comes first.
    void die_after(unsigned turns) {
        const bool time_passes = GENERATE(false, true);
        const unsigned first = pump.broker().home_of(bob.client_id());
        for (unsigned i = 0; i < turns; ++i) {
            pump.turn((first + i) % shards);
            journal.commit();
            if (time_passes) pump.pass(limits::journal_delay);
        }
        kill();
    }
    // What the members get when they are back, be it more than once.
    std::set<std::string> got_by(std::initializer_list<TestClient*> members) {
        std::set<std::string> got;
        for (TestClient* const member : members) {
            member->forget();
            member->acknowledges = true;
            REQUIRE(member->connect(persistent));
            pump.advance(seconds(1));
        }
        for (TestClient* const member : members)
            for (const std::string& text : member->payloads()) got.insert(text);
        return got;
    }

    const std::string filter;
    TestClient carol;
    TestClient dave;
    std::set<std::string> sent;
};

}  // namespace

TEST_CASE("what a session that ends has just handed on is there after the broker has died",
          "[core][keeper][share]") {
    const unsigned turns = GENERATE(range(0u, 8u));
    const std::uint32_t receive_maximum = GENERATE(1u, 100u);
    HandingOnScene scene;
    scene.join(scene.bob, receive_maximum);
    scene.join(scene.carol, receive_maximum);
    scene.publish(6);
    // His connection ends, so what he has goes on to carol; and then his session.
    scene.bob.send_drop();
    scene.bob.send_connect(begins_anew);
    scene.die_after(turns);
    CHECK(scene.got_by({&scene.bob, &scene.carol}) == scene.sent);
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.messages_on_disk() == 0);
    CHECK(scene.journal.sessions_on_disk() == 2);
}

TEST_CASE("what a session has taken over and handed on at once is there after the broker has died",
          "[core][keeper][share]") {
    const unsigned turns = GENERATE(range(0u, 8u));
    const std::uint32_t receive_maximum = GENERATE(1u, 100u);
    const bool session_ends = GENERATE(false, true);
    HandingOnScene scene;
    scene.join(scene.bob, receive_maximum);
    scene.publish(6);
    scene.join(scene.dave, 100);
    scene.join(scene.carol, 100);
    scene.bob.send_drop();
    scene.dave.send_drop();
    if (session_ends) scene.dave.send_connect(begins_anew);
    scene.die_after(turns);
    CHECK(scene.got_by({&scene.bob, &scene.dave, &scene.carol}) == scene.sent);
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.messages_on_disk() == 0);
    CHECK(scene.journal.sessions_on_disk() == 3);
}
