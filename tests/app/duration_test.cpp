// Durations as people write them. Method: text in, milliseconds out, and back.
#include "broker/app/duration.hpp"

#include <catch2/catch.hpp>

namespace drawbridge::app {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a duration is a whole number and one unit", "[app][duration]") {
    CHECK(parse_duration("250ms") == 250ms);
    CHECK(parse_duration("3s") == 3s);
    CHECK(parse_duration("5m") == 5min);
    CHECK(parse_duration("24h") == 24h);
    CHECK(parse_duration("90d") == 90 * 24h);
    CHECK(parse_duration("0s") == 0ms);
}

TEST_CASE("anything else is no duration", "[app][duration]") {
    for (const char* text :
         {"", "3", "s", "3 s", " 3s", "3s ", "-3s", "+3s", "1.5s", "3S", "3sec", "1h30m", "3us"}) {
        INFO(text);
        CHECK_FALSE(parse_duration(text).has_value());
    }
}

TEST_CASE("a duration too long to add to a time of today is refused", "[app][duration]") {
    CHECK(parse_duration("73200d") == duration_max);
    CHECK_FALSE(parse_duration("73201d").has_value());
    CHECK_FALSE(parse_duration("18446744073709551615ms").has_value());
    CHECK_FALSE(parse_duration("18446744073709551616d").has_value());
    CHECK_FALSE(parse_duration("99999999999999999999999s").has_value());
}

TEST_CASE("a duration is written in the largest unit that is exact", "[app][duration]") {
    CHECK(to_text(0ms) == "0s");
    CHECK(to_text(250ms) == "250ms");
    CHECK(to_text(1500ms) == "1500ms");
    CHECK(to_text(90s) == "90s");
    CHECK(to_text(24h) == "1d");
    CHECK(to_text(25h) == "25h");
}

TEST_CASE("a duration that is written reads back the same", "[app][duration]") {
    for (const milliseconds duration :
         {0ms, 1ms, 999ms, 1000ms, 60'000ms, 3'600'001ms, duration_max})
        CHECK(parse_duration(to_text(duration)) == duration);
}

}  // namespace
}  // namespace drawbridge::app
