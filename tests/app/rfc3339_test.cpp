// Times as texts: there and back, and what is no time.
#include "broker/app/rfc3339.hpp"

#include <catch2/catch.hpp>

namespace drawbridge::app {
namespace {

TEST_CASE("a time is read as it was written", "[app][rfc3339]") {
    for (const char* text : {"1970-01-01T00:00:00.000Z", "2026-03-01T12:30:05.250Z",
                             "2028-02-29T23:59:59.999Z", "2199-12-31T00:00:00.001Z"}) {
        INFO(text);
        REQUIRE(parse_rfc3339(text));
        CHECK(to_rfc3339(*parse_rfc3339(text)) == text);
    }
}

TEST_CASE("a fraction of a second may be missing, short or long", "[app][rfc3339]") {
    const auto second = parse_rfc3339("2026-03-01T12:30:05Z");
    REQUIRE(second);
    CHECK(parse_rfc3339("2026-03-01T12:30:05.5Z") == *second + milliseconds(500));
    CHECK(parse_rfc3339("2026-03-01T12:30:05.123456789Z") == *second + milliseconds(123));
}

TEST_CASE("anything else is no time", "[app][rfc3339]") {
    for (const char* text : {"",
                             "2026",
                             "2026-03-01",
                             "2026-03-01T12:30Z",
                             "2026-03-01T12:30:05",
                             "2026-03-01T12:30:05.Z",
                             "2026-03-01T12:30:05+01:00",
                             "2026-03-01 12:30:05Z",
                             "2026-02-29T00:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2026-04-31T00:00:00Z",
                             "2026-03-01T24:00:00Z",
                             "2026-03-01T12:60:00Z",
                             "2026-03-01T12:00:60Z",
                             "1969-12-31T00:00:00Z",
                             "2200-01-01T00:00:00Z",
                             "2026-3-01T00:00:00Z",
                             "-026-03-01T00:00:00Z",
                             "2026-03-01T12:30:05ZZ"}) {
        INFO(text);
        CHECK_FALSE(parse_rfc3339(text));
    }
}

}  // namespace
}  // namespace drawbridge::app
