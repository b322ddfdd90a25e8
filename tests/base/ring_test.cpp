// Ring: a queue with access by position.
// Method: seeded random operations, compared with std::deque after each.
#include "broker/base/ring.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <random>
#include <string>

using namespace drawbridge;

namespace {

bool same(const Ring<std::string>& ring, const std::deque<std::string>& expected) {
    if (ring.size() != expected.size() || ring.empty() != expected.empty()) return false;
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (ring[i] != expected[i]) return false;
    return true;
}

}  // namespace

TEST_CASE("a Ring is a queue, whatever is done to it in whatever order", "[base][ring]") {
    const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Ring<std::string> ring;
    std::deque<std::string> expected;
    bool right = true;
    for (int step = 0; step < 20'000 && right; ++step) {
        // Long phases of growing and of shrinking, so that it becomes large and empty again and
        // again.
        const bool growing = step / 500 % 2 == 0;
        const auto what = random() % 100;
        if (what == 0 && random() % 20 == 0) {
            ring.clear();
            expected.clear();
        } else if (what < 15 && !expected.empty()) {
            const std::size_t position = random() % expected.size();
            ring.erase(position);
            expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(position));
        } else if (what < (growing ? 80u : 35u)) {
            const std::string item = "item number " + std::to_string(step);
            ring.push_back(item);
            expected.push_back(item);
        } else if (!expected.empty()) {
            right &= ring.front() == expected.front() && ring.back() == expected.back();
            right &= ring.pop_front() == expected.front();
            expected.pop_front();
        }
        right &= same(ring, expected);
    }
    CHECK(right);
}

TEST_CASE("a Ring that has gone round keeps its order when it grows", "[base][ring]") {
    Ring<int> ring;
    for (int i = 0; i < 4; ++i) ring.push_back(i);
    for (int i = 0; i < 3; ++i) CHECK(ring.pop_front() == i);
    for (int i = 4; i < 10; ++i) ring.push_back(i);
    REQUIRE(ring.size() == 7);
    for (int i = 3; i < 10; ++i) CHECK(ring.pop_front() == i);
    CHECK(ring.empty());
}

TEST_CASE("what leaves a Ring is let go at once", "[base][ring]") {
    const auto item = std::make_shared<int>(1);
    Ring<std::shared_ptr<int>> ring;
    for (int i = 0; i < 5; ++i) ring.push_back(item);
    CHECK(item.use_count() == 6);
    ring.pop_front();
    CHECK(item.use_count() == 5);
    ring.erase(2);
    CHECK(item.use_count() == 4);
    ring.erase(0);
    CHECK(item.use_count() == 3);
    ring.clear();
    CHECK(item.use_count() == 1);
    CHECK(ring.empty());
}

TEST_CASE("a Ring holds what can only be moved", "[base][ring]") {
    Ring<std::unique_ptr<int>> ring;
    for (int i = 0; i < 100; ++i) ring.push_back(std::make_unique<int>(i));
    ring.erase(50);
    Ring<std::unique_ptr<int>> other(std::move(ring));
    REQUIRE(other.size() == 99);
    CHECK(*other[49] == 49);
    CHECK(*other[50] == 51);
    CHECK(*other.pop_front() == 0);
    CHECK(*other.front() == 1);
    CHECK(*other.back() == 99);
}
