// A change of identities that concerns very many sessions: what becomes of them takes several
// turns, and others are served meanwhile.
#include <deque>

#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

using Verdict = core::Shard::Verdict;

struct ReviewScene : Scene {
    ReviewScene() : Scene(Version::v5, {}, Cast{1}) {
        for (int i = 0; i < crowd_size; ++i) {
            crowd.emplace_back(pump, "crowd-" + std::to_string(i));
            REQUIRE(crowd.back().connect());
        }
    }
    core::Shard& shard() { return pump.broker().shard(0); }
    std::uint64_t sessions() { return pump.count(&core::Stats::sessions); }
    // All of the crowd ends, all others stay.
    void review() {
        shard().review_identities(
            [&](const std::string& client_id, const core::IdentityPtr&) {
                ++judged[client_id];
                return client_id.starts_with("crowd") ? Verdict{Verdict::Kind::discard, nullptr}
                                                      : Verdict{};
            },
            [&] { ++done; });
    }

    static constexpr int crowd_size = 600;
    std::deque<TestClient> crowd;
    std::map<std::string, int> judged;
    int done = 0;
};

}  // namespace

TEST_CASE("while a verdict is carried out on very many sessions others are served",
          "[core][administration]") {
    ReviewScene scene;
    scene.connect();
    scene.bob.subscribe("a");
    scene.review();
    CHECK(scene.judged.empty());
    scene.alice.send_publish("a", "meanwhile", {});
    REQUIRE(scene.pump.turn(0));
    CHECK(!scene.judged.empty());
    CHECK(scene.judged.size() < ReviewScene::crowd_size / 2);
    CHECK(scene.done == 0);
    REQUIRE(scene.shard().has_work());
    scene.pump.settle();
    CHECK(scene.bob.payloads() == Texts{"meanwhile"});
    CHECK(scene.sessions() == 2);
    CHECK(scene.done == 1);
    CHECK(scene.judged.size() == ReviewScene::crowd_size + 2);
    for (const auto& [id, times] : scene.judged) CHECK(times == 1);
    CHECK_FALSE(scene.shard().has_work());
}

TEST_CASE("of those who go during a review none is judged, and those who come are",
          "[core][administration]") {
    ReviewScene scene;
    scene.review();
    // All whose turn it has not been when the first piece is done, the next one among them.
    for (TestClient& client : scene.crowd) client.send_disconnect(Reason::success);
    scene.alice.send_connect({});
    REQUIRE(scene.pump.turn(0));
    const std::size_t in_the_first_piece = scene.judged.size();
    CHECK(in_the_first_piece < ReviewScene::crowd_size / 2);
    scene.pump.settle();
    CHECK(scene.judged.size() == in_the_first_piece + 1);
    CHECK(scene.judged.contains(scene.alice.client_id()));
    CHECK(scene.sessions() == 1);
    CHECK(scene.done == 1);
}

TEST_CASE("a second review begins when the first one is done", "[core][administration]") {
    ReviewScene scene;
    std::vector<int> order;
    for (const int number : {1, 2})
        scene.shard().review_identities(
            [&order, number](const std::string&, const core::IdentityPtr&) {
                order.push_back(number);
                return Verdict{};
            },
            [&order, number] { order.push_back(-number); });
    scene.pump.settle();
    std::vector<int> expected(ReviewScene::crowd_size, 1);
    expected.push_back(-1);
    expected.insert(expected.end(), ReviewScene::crowd_size, 2);
    expected.push_back(-2);
    CHECK(order == expected);
}
