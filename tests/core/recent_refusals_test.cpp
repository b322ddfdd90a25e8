// RecentRefusals: what is told, and what has been told lately. Time is a variable.
#include "broker/core/recent_refusals.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace drawbridge::core {
namespace {

using Operation = RecentRefusals::Operation;

constexpr TimePoint start{std::chrono::hours(1)};

TEST_CASE("a refusal is told once a minute", "[core][audit]") {
    RecentRefusals refusals;
    CHECK(refusals.is_news("pump", Operation::publish, "a", start));
    CHECK_FALSE(refusals.is_news("pump", Operation::publish, "a", start));
    CHECK_FALSE(refusals.is_news("pump", Operation::publish, "a", start + milliseconds(59'999)));
    CHECK(refusals.is_news("pump", Operation::publish, "a", start + seconds(60)));
    CHECK_FALSE(refusals.is_news("pump", Operation::publish, "a", start + seconds(61)));
}

TEST_CASE("another topic, another operation and another device are told on their own",
          "[core][audit]") {
    RecentRefusals refusals;
    CHECK(refusals.is_news("pump", Operation::publish, "a", start));
    CHECK(refusals.is_news("pump", Operation::publish, "b", start));
    CHECK(refusals.is_news("pump", Operation::subscribe, "a", start));
    CHECK(refusals.is_news("valve", Operation::publish, "a", start));
    CHECK_FALSE(refusals.is_news("pump", Operation::publish, "a", start));
}

TEST_CASE("one device is told of on so many topics in a minute, and no more", "[core][audit]") {
    RecentRefusals refusals;
    std::size_t told = 0;
    for (int i = 0; i < 1'000; ++i)
        told += refusals.is_news("pump", Operation::publish, std::to_string(i), start);
    CHECK(told == RecentRefusals::topics_per_identity);
    CHECK(refusals.is_news("valve", Operation::publish, "a", start));
    CHECK(refusals.is_news("pump", Operation::publish, "1000", start + seconds(60)));
}

TEST_CASE("a flood of identities does not make the memory of refusals grow", "[core][audit]") {
    RecentRefusals refusals;
    for (std::size_t i = 0; i < 3 * RecentRefusals::identities_max; ++i)
        CHECK(refusals.is_news(std::to_string(i), Operation::publish, "a", start));
    CHECK(refusals.size() <= RecentRefusals::identities_max);
}

TEST_CASE("those who have been silent for a minute make room for others", "[core][audit]") {
    RecentRefusals refusals;
    for (std::size_t i = 0; i + 1 < RecentRefusals::identities_max; ++i)
        refusals.is_news(std::to_string(i), Operation::publish, "a", start);
    refusals.is_news("pump", Operation::publish, "a", start + seconds(59));
    CHECK(refusals.is_news("valve", Operation::publish, "a", start + seconds(60)));
    CHECK_FALSE(refusals.is_news("pump", Operation::publish, "a", start + seconds(60)));
    CHECK(refusals.size() == 2);
}

}  // namespace
}  // namespace drawbridge::core
