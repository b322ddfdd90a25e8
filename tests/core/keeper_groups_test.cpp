// Share groups whose members' sessions outlive the broker, or were about to end when it died. MQTT
// 5.0, section 4.8.2. Bob and carol are members, with homes on different shards if there are
// several.
#include "tests/core/kept_scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

struct GroupScene : KeptScene {
    GroupScene() : carol(client(2, "carol")) {
        REQUIRE(alice.connect());
        for (TestClient* member : {&bob, &carol}) {
            REQUIRE(member->connect(persistent));
            REQUIRE(member->subscribe("$share/g/a", qos_2) == Reason::granted_qos_2);
            member->acknowledges = false;
        }
    }
    Texts payloads_of_both() {
        Texts all = bob.payloads();
        for (std::string& text : carol.payloads()) all.push_back(std::move(text));
        std::ranges::sort(all);
        return all;
    }
    TestClient carol;
};

}  // namespace

TEST_CASE(
    "MQTT5-3.1.2-4: a session that its client has ended does not come back, though its share "
    "group's messages have just gone on to others",
    "[core][keeper][share]") {
    const bool on_disk = GENERATE(false, true);
    const bool ends_by_expiry = GENERATE(false, true);
    GroupScene scene;
    scene.carol.drop();
    for (int i = 0; i < 4; ++i) scene.alice.publish("a", std::to_string(i), {.qos = 1});
    if (on_disk) {
        scene.bob.drop();
        scene.pump.advance(seconds(1));
    }
    if (ends_by_expiry) {
        if (on_disk) REQUIRE(scene.bob.connect(persistent));
        scene.bob.disconnect(Reason::success, 0);
        scene.pump.advance(seconds(1));
    } else {
        if (!on_disk) scene.bob.drop();
        REQUIRE(scene.bob.connect({.clean_start = true}));
    }
    scene.kill();
    REQUIRE(scene.bob.connect({.clean_start = false}));
    CHECK_FALSE(scene.bob.connack().session_present);
    scene.bob.forget();
    scene.carol.acknowledges = true;
    REQUIRE(scene.carol.connect(persistent));
    scene.pump.advance(seconds(1));
    const Texts payloads = scene.carol.payloads();
    // At QoS 1 some may come twice, later.
    CHECK(std::set(payloads.begin(), payloads.end()) == std::set<std::string>{"0", "1", "2", "3"});
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.sessions_on_disk() == 1);
}

TEST_CASE("what a session without an owner had of a share group goes to the other members",
          "[core][keeper][share]") {
    const bool was_sent = GENERATE(true, false);
    GroupScene scene;
    scene.carol.drop();
    if (!was_sent) scene.bob.drop();
    for (int i = 0; i < 3; ++i) scene.alice.publish("a", std::to_string(i), {.qos = 1});
    scene.alice.publish("a", "2nd", {.qos = 2});
    scene.pump.advance(seconds(1));
    scene.carol.forget();
    scene.pump.owners_gone = {scene.bob.client_id()};
    scene.kill();
    scene.carol.acknowledges = true;
    REQUIRE(scene.carol.connect(persistent));
    scene.pump.advance(seconds(1));
    Texts payloads = scene.carol.payloads();
    std::ranges::sort(payloads);
    if (was_sent)
        CHECK(payloads == Texts{"0", "1", "2"});  // MQTT-4.8.2-5
    else
        CHECK(payloads == Texts{"0", "1", "2", "2nd"});
    scene.pump.advance(seconds(1));
    CHECK(scene.journal.sessions_on_disk() == 1);
    CHECK(scene.journal.messages_on_disk() == 0);
}
