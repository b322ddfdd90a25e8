// Result: a value, or the rule that the peer broke.
#include "broker/base/result.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace drawbridge;

namespace {

Result<int> half_of(int number) {
    if (number % 2 != 0) return Violation{Reason::protocol_error, "MQTT-0.0.0-1"};
    return number / 2;
}

}  // namespace

TEST_CASE("a Result is a value, or a violation with its reason and its rule", "[base][result]") {
    REQUIRE(half_of(4).has_value());
    CHECK(*half_of(4) == 2);
    REQUIRE(half_of(5).has_error());
    CHECK(half_of(5).error().reason == Reason::protocol_error);
    CHECK(half_of(5).error().rule == std::string("MQTT-0.0.0-1"));
}
