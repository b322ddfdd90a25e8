// Deadlines: what must happen at a time, soonest first.
// Method: seeded random set, move, cancel and expire against a plain list of times.
#include "broker/core/deadlines.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <random>
#include <vector>

using namespace drawbridge;
using namespace drawbridge::core;

namespace {

class Alarm final : public Deadline {
public:
    std::function<void(Alarm&, TimePoint)> then = [](Alarm&, TimePoint) {};
    int fired = 0;

private:
    void expired(TimePoint now) override {
        ++fired;
        then(*this, now);
    }
};

TimePoint at(int second) { return TimePoint(seconds(second)); }

}  // namespace

TEST_CASE("without deadlines the next one is never", "[core][deadlines]") {
    Deadlines deadlines;
    Alarm alarm;
    CHECK(deadlines.next() == TimePoint::max());
    CHECK_FALSE(alarm.is_set());
    deadlines.cancel(alarm);  // which is not set: nothing happens
    deadlines.expire(at(1'000));
    CHECK(alarm.fired == 0);
}

TEST_CASE("a deadline fires once, when its time has come and not before", "[core][deadlines]") {
    Deadlines deadlines;
    Alarm alarm;
    deadlines.set(alarm, at(10));
    CHECK(alarm.is_set());
    CHECK(alarm.at() == at(10));
    CHECK(deadlines.next() == at(10));
    deadlines.expire(at(10) - Duration(1));
    CHECK(alarm.fired == 0);
    deadlines.expire(at(10));
    CHECK(alarm.fired == 1);
    CHECK_FALSE(alarm.is_set());
    deadlines.expire(at(11));
    CHECK(alarm.fired == 1);
}

TEST_CASE("set again, a deadline moves: later or sooner", "[core][deadlines]") {
    Deadlines deadlines;
    Alarm alarm;
    deadlines.set(alarm, at(10));
    deadlines.set(alarm, at(20));
    deadlines.expire(at(15));
    CHECK(alarm.fired == 0);
    deadlines.set(alarm, at(16));
    CHECK(deadlines.next() == at(16));
    deadlines.expire(at(17));
    CHECK(alarm.fired == 1);
    CHECK(deadlines.next() == TimePoint::max());
}

TEST_CASE("deadlines do what a plain list of times does, in order of time", "[core][deadlines]") {
    const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    constexpr std::size_t count = 60;
    Deadlines deadlines;
    std::vector<std::unique_ptr<Alarm>> alarms;
    std::vector<TimePoint> expected(count, TimePoint::max());  // max: not set
    std::vector<std::size_t> fired;
    for (std::size_t i = 0; i < count; ++i) {
        alarms.push_back(std::make_unique<Alarm>());
        alarms[i]->then = [&fired, i](Alarm&, TimePoint) { fired.push_back(i); };
    }
    int now = 0;
    bool right = true;
    for (int step = 0; step < 20'000 && right; ++step) {
        const std::size_t i = random() % count;
        const auto what = random() % 10;
        if (what < 6) {
            expected[i] = at(now + static_cast<int>(random() % 50));
            deadlines.set(*alarms[i], expected[i]);
        } else if (what < 8) {
            expected[i] = TimePoint::max();
            deadlines.cancel(*alarms[i]);
        } else {
            now += static_cast<int>(random() % 8);
            fired.clear();
            deadlines.expire(at(now));
            right &= std::ranges::is_sorted(fired, {}, [&](std::size_t f) { return expected[f]; });
            for (const std::size_t f : fired) {
                right &= expected[f] <= at(now);
                expected[f] = TimePoint::max();
            }
            right &= std::ranges::all_of(expected, [&](TimePoint t) { return t > at(now); });
        }
        right &= deadlines.next() == *std::ranges::min_element(expected);
        for (std::size_t k = 0; k < count; ++k)
            right &= alarms[k]->is_set() == (expected[k] != TimePoint::max());
    }
    CHECK(right);
}

TEST_CASE("a deadline that fires may set itself again", "[core][deadlines]") {
    Deadlines deadlines;
    Alarm alarm;
    alarm.then = [&](Alarm& self, TimePoint now) {
        CHECK_FALSE(self.is_set());
        deadlines.set(self, now + seconds(10));
    };
    deadlines.set(alarm, at(10));
    deadlines.expire(at(10));
    CHECK(alarm.fired == 1);
    CHECK(deadlines.next() == at(20));
    deadlines.expire(at(19));
    CHECK(alarm.fired == 1);
    deadlines.expire(at(25));
    CHECK(alarm.fired == 2);
    CHECK(deadlines.next() == at(35));
}

TEST_CASE(
    "a deadline that fires may set and cancel others, and what is due then fires in the same go",
    "[core][deadlines]") {
    Deadlines deadlines;
    Alarm first, second, third, fourth;
    first.then = [&](Alarm&, TimePoint now) {
        deadlines.cancel(second);
        deadlines.set(third, now - seconds(1));
        deadlines.set(fourth, now + seconds(1));
    };
    deadlines.set(first, at(1));
    deadlines.set(second, at(2));
    deadlines.expire(at(5));
    CHECK(first.fired == 1);
    CHECK(second.fired == 0);
    CHECK(third.fired == 1);
    CHECK(fourth.fired == 0);
    CHECK(deadlines.next() == at(6));
}

TEST_CASE("a deadline that fires may end itself and another that is due", "[core][deadlines]") {
    Deadlines deadlines;
    auto doomed = std::make_unique<Alarm>();
    auto other = std::make_unique<Alarm>();
    bool gone = false;
    doomed->then = [&](Alarm&, TimePoint) {
        deadlines.cancel(*other);
        other.reset();
        gone = true;
    };
    deadlines.set(*doomed, at(1));
    deadlines.set(*other, at(2));
    deadlines.expire(at(3));
    CHECK(gone);
    CHECK(deadlines.next() == TimePoint::max());
}
