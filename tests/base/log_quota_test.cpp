// Quota: twenty lines a second, however many are asked for.
#include "broker/base/log_quota.hpp"

#include <catch2/catch.hpp>

#include "broker/base/log.hpp"

using namespace drawbridge;

namespace {

constexpr int lines_per_second = 20;

int lines_allowed(log::Quota& quota, TimePoint now, int asked) {
    int allowed = 0;
    for (; asked > 0; --asked) allowed += quota.allows(now);
    return allowed;
}

}  // namespace

TEST_CASE("the log takes so many lines of strangers a second and no more", "[base][log]") {
    log::set_level(log::Level::error);  // the count of what was left out is not this test's output
    log::Quota quota;
    const TimePoint begin{seconds(1'000)};
    CHECK(lines_allowed(quota, begin, lines_per_second) == lines_per_second);
    CHECK_FALSE(quota.allows(begin));
    CHECK_FALSE(quota.allows(begin + milliseconds(999)));
    CHECK(lines_allowed(quota, begin + seconds(1), 1'000) == lines_per_second);
    CHECK(lines_allowed(quota, begin + seconds(60), 1'000) == lines_per_second);
    log::set_level(log::Level::info);
}

TEST_CASE("lines spread over time are all written", "[base][log]") {
    log::Quota quota;
    TimePoint now{seconds(1'000)};
    for (int line = 0; line < 200; ++line, now += milliseconds(60)) CHECK(quota.allows(now));
}

TEST_CASE("a quota that is asked at the beginning of time allows as much as later", "[base][log]") {
    log::Quota quota;
    CHECK(lines_allowed(quota, TimePoint{}, lines_per_second) == lines_per_second);
    CHECK_FALSE(quota.allows(TimePoint{}));
}
