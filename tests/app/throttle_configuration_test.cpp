// Sections [throttle] and [audit] of the configuration.
#include <catch2/catch.hpp>

#include "broker/app/configuration.hpp"

namespace drawbridge::app {
namespace {

using namespace std::chrono_literals;

Configuration parse(std::string_view text) { return parse_configuration(text, "test.toml"); }

std::string mistake_in(std::string_view text) {
    try {
        parse(text);
    } catch (const ConfigurationError& error) {
        REQUIRE(error.mistakes().size() == 1);
        return error.mistakes().front();
    }
    return "";
}

TEST_CASE("the defaults of [throttle] and [audit] are the documented ones",
          "[app][configuration]") {
    const Configuration made = default_configuration();
    CHECK(made.throttle.max_failures == 10);
    CHECK(made.throttle.max_failures_per_address == 100);
    CHECK(made.throttle.max_failures_per_device == 100);
    CHECK(made.throttle.lockout == 5min);
    CHECK(made.throttle.max_lockout == 1h);
    CHECK(made.throttle.connects_per_second_per_address == 0);
    CHECK(made.throttle.flapping_connects == 300);
    CHECK(made.audit.max_rows == 100'000);
    CHECK(made.audit.max_age == 24h * 90);
}

TEST_CASE("every key of [throttle] and [audit] is read into its field, and written back",
          "[app][configuration]") {
    const Configuration read = parse(R"(
        [throttle]
        max_failures = 1
        max_failures_per_address = 2
        max_failures_per_device = 3
        lockout = "4s"
        max_lockout = "5s"
        connects_per_second_per_address = 6
        flapping_connects = 7
        [audit]
        max_rows = 8
        max_age = "9d"
    )");
    for (const Configuration& configuration : {read, parse(write_toml(read))}) {
        CHECK(configuration.throttle.max_failures == 1);
        CHECK(configuration.throttle.max_failures_per_address == 2);
        CHECK(configuration.throttle.max_failures_per_device == 3);
        CHECK(configuration.throttle.lockout == 4s);
        CHECK(configuration.throttle.max_lockout == 5s);
        CHECK(configuration.throttle.connects_per_second_per_address == 6);
        CHECK(configuration.throttle.flapping_connects == 7);
        CHECK(configuration.audit.max_rows == 8);
        CHECK(configuration.audit.max_age == 24h * 9);
    }
}

TEST_CASE("a longest lockout below the first one is refused, an equal one is not",
          "[app][configuration]") {
    CHECK(mistake_in("[throttle]\nlockout = \"2h\"") ==
          "test.toml:1: [throttle] has a max_lockout below the lockout: raise it, or lower the "
          "other");
    CHECK(mistake_in("[throttle]\nlockout = \"1h\"").empty());
    CHECK(mistake_in("[throttle]\nlockout = \"0s\"") ==
          "test.toml:2: [throttle] lockout must be a duration from \"100ms\" to \"1d\" (units: ms "
          "s m h d), not \"0s\"");
}

}  // namespace
}  // namespace drawbridge::app
