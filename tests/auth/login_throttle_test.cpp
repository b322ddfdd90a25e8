// LoginThrottle: every threshold with its neighbour. Time is a variable.
#include "auth/login_throttle.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace drawbridge::auth {
namespace {

using Kind = LoginThrottle::Lock::Kind;
using std::chrono::minutes;

// The documented defaults, and nothing about how fast or how often.
ThrottleSettings settings() {
    ThrottleSettings made;
    made.max_failures = 10;
    made.max_failures_per_address = 100;
    made.max_failures_per_device = 100;
    return made;
}

struct Fixture {
    LoginThrottle throttle{settings()};
    TimePoint now{std::chrono::hours(5)};

    static LoginAttempt from(std::uint64_t network, std::string_view name) {
        return {.network = network, .address = "192.0.2.7:1", .name = name, .client_id = name};
    }
    // "" if it may be verified, else the reason.
    std::string begin(std::uint64_t network, std::string_view name) {
        const auto refusal = throttle.begin(from(network, name), now);
        return refusal ? std::string(to_text(refusal->reason)) : "";
    }
    // Fails so many times, each as soon as it may.
    void fail(int times, std::uint64_t network, std::string_view name, bool known = true) {
        for (int i = 0; i < times; ++i) {
            if (const auto refusal = throttle.begin(from(network, name), now)) now = refusal->until;
            throttle.failed(from(network, name), known, now);
        }
    }
    void succeed(std::uint64_t network, std::string_view name) {
        REQUIRE(begin(network, name).empty());
        throttle.succeeded(from(network, name), now);
    }
};

TEST_CASE_METHOD(Fixture, "four failures cost nothing, the fifth a second, and so on",
                 "[auth][throttle]") {
    for (int failures = 1; failures <= 4; ++failures) {
        fail(1, 1, "pump");
        CHECK(begin(1, "pump").empty());
    }
    for (const int wait_s : {1, 2, 4, 8, 16}) {
        fail(1, 1, "pump");
        CHECK(begin(1, "pump") == "connection rate exceeded");
        now += seconds(wait_s) - milliseconds(1);
        CHECK(begin(1, "pump") == "connection rate exceeded");
        now += milliseconds(1);
        CHECK(begin(1, "pump").empty());
    }
}

TEST_CASE_METHOD(Fixture, "the tenth failure is a lockout, of five minutes first, then doubling",
                 "[auth][throttle]") {
    fail(9, 1, "pump");
    CHECK(throttle.locks(now).empty());
    now += minutes(1);
    fail(1, 1, "pump");
    for (const int length : {5, 10, 20, 40, 60, 60}) {
        CHECK(begin(1, "pump") == "banned");
        REQUIRE(throttle.locks(now).size() == 1);
        CHECK(throttle.locks(now).front().until == now + minutes(length));
        now += minutes(length) - milliseconds(1);
        CHECK(begin(1, "pump") == "banned");
        now += milliseconds(1);
        CHECK(begin(1, "pump").empty());
        CHECK(throttle.locks(now).empty());
        fail(5, 1, "pump");  // half as many as the first time
    }
}

TEST_CASE_METHOD(Fixture, "what is refused unverified is no failure", "[auth][throttle]") {
    fail(5, 1, "pump");
    for (int i = 0; i < 1'000; ++i) CHECK(begin(1, "pump") == "connection rate exceeded");
    now += seconds(1);
    CHECK(begin(1, "pump").empty());
    CHECK(throttle.pressure_on("pump", now).failures == 5);
}

TEST_CASE_METHOD(Fixture, "a success forgets the failures at its address", "[auth][throttle]") {
    fail(9, 1, "pump");
    now += minutes(1);
    succeed(1, "pump");
    fail(4, 1, "pump");
    CHECK(begin(1, "pump").empty());
}

TEST_CASE_METHOD(Fixture, "a mistake now and then never adds up", "[auth][throttle]") {
    for (int i = 0; i < 100; ++i) {
        fail(1, 1, "pump");
        CHECK(begin(1, "pump").empty());
        now += minutes(6);  // an hour for ten
    }
    for (int i = 0; i < 30; ++i) {
        fail(1, 1, "valve");
        now += minutes(5);
    }
    CHECK(throttle.pressure_on("valve", now).failures > 1);  // the neighbour does
}

TEST_CASE_METHOD(Fixture, "a stranger locks out nobody but himself", "[auth][throttle]") {
    fail(10, 1, "pump");
    CHECK(begin(1, "pump") == "banned");
    CHECK(begin(2, "pump").empty());
    CHECK(begin(1, "valve").empty());
}

TEST_CASE_METHOD(Fixture, "a name that no device has is treated alike", "[auth][throttle]") {
    fail(4, 1, "nobody", false);
    CHECK(begin(1, "nobody").empty());
    fail(1, 1, "nobody", false);
    CHECK(begin(1, "nobody") == "connection rate exceeded");
    fail(5, 1, "nobody", false);
    CHECK(begin(1, "nobody") == "banned");
}

TEST_CASE_METHOD(Fixture, "a hundred failures lock an address out, but not who was admitted there",
                 "[auth][throttle]") {
    succeed(1, "pump");
    for (int i = 0; i < 99; ++i) fail(1, 1, std::to_string(i), false);
    CHECK(begin(1, "valve").empty());
    CHECK_FALSE(throttle.turns_away(1, now));
    fail(1, 1, "valve", false);
    CHECK(begin(1, "valve") == "banned");
    CHECK(begin(1, "anybody") == "banned");
    CHECK(begin(1, "pump").empty());
    CHECK(begin(2, "valve").empty());
    now += minutes(5);
    CHECK(begin(1, "valve").empty());
}

TEST_CASE_METHOD(Fixture, "an address is only turned away unheard if nobody was admitted there",
                 "[auth][throttle]") {
    succeed(1, "pump");
    for (const std::uint64_t network : {1u, 2u})
        for (int i = 0; i < 100; ++i) fail(1, network, std::to_string(i), false);
    CHECK_FALSE(throttle.turns_away(1, now));
    CHECK(throttle.turns_away(2, now));
    CHECK_FALSE(throttle.turns_away(3, now));
    CHECK(throttle.last_address_lock_ends() == now + minutes(5));
    now += minutes(5);
    CHECK_FALSE(throttle.turns_away(2, now));
}

TEST_CASE_METHOD(Fixture, "who was admitted a day ago is known no more", "[auth][throttle]") {
    succeed(1, "pump");
    now += limits::throttle_admitted_lately + seconds(1);
    for (int i = 0; i < 100; ++i) fail(1, 1, std::to_string(i), false);
    CHECK(begin(1, "pump") == "banned");
    CHECK(throttle.turns_away(1, now));
}

TEST_CASE_METHOD(Fixture, "while a device is locked out everywhere, each address has one try",
                 "[auth][throttle]") {
    for (std::uint64_t network = 100; network < 199; ++network) fail(1, network, "pump");
    CHECK_FALSE(throttle.failed(from(199, "pump"), true, now).is_locked_everywhere);
    REQUIRE(throttle.locks(now).size() == 1);
    CHECK(throttle.locks(now).front().kind == Kind::device);

    CHECK(begin(1, "pump").empty());  // the right key would be accepted
    CHECK(throttle.failed(from(1, "pump"), true, now).is_locked_everywhere);
    CHECK(begin(1, "pump") == "banned");
    CHECK(begin(2, "pump").empty());
    succeed(2, "pump");
    CHECK(begin(1, "valve").empty());

    now += minutes(5);
    fail(1, 3, "pump");
    CHECK(begin(3, "pump").empty());
}

TEST_CASE_METHOD(Fixture, "a flood of made-up names pushes out nothing that is known of devices",
                 "[auth][throttle]") {
    succeed(1, "pump");
    fail(10, 2, "pump");
    for (std::size_t i = 0; i < 2 * limits::throttled_names_max; ++i)
        throttle.failed(from(3 + i % 64, std::to_string(i)), false, now);
    CHECK(begin(2, "pump") == "banned");
    for (std::size_t i = 0; i < 200; ++i) throttle.failed(from(1, std::to_string(i)), false, now);
    CHECK(begin(1, "pump").empty());
    CHECK(begin(1, "valve") == "banned");
    CHECK(throttle.locks(now).size() <= limits::locks_listed_max);
}

TEST_CASE("more CONNECTs a second than an address may have are refused", "[auth][throttle]") {
    ThrottleSettings settings;
    settings.connects_per_second_per_address = 10;
    LoginThrottle throttle(settings);
    TimePoint now{std::chrono::hours(5)};
    const auto admitted = [&](std::uint64_t network, int tries) {
        int count = 0;
        for (int i = 0; i < tries; ++i)
            count += !throttle.begin(
                {.network = network, .address = {}, .name = {}, .client_id = {}}, now);
        return count;
    };
    CHECK(admitted(1, 50) == 10);  // a second's worth at once
    CHECK(admitted(2, 50) == 10);
    now += milliseconds(99);
    CHECK(admitted(1, 1) == 0);
    now += milliseconds(1);
    CHECK(admitted(1, 50) == 1);
    now += seconds(10);
    CHECK(admitted(1, 50) == 10);
}

TEST_CASE("a client that flaps is banned, for longer each time, until it is calm",
          "[auth][throttle]") {
    ThrottleSettings settings;
    settings.flapping_connects = 3;
    LoginThrottle throttle(settings);
    TimePoint now{std::chrono::hours(5)};
    const auto connect = [&](std::uint64_t network, std::string_view client_id) {
        const auto refusal = throttle.begin(
            {.network = network, .address = "192.0.2.7:1", .name = "x", .client_id = client_id},
            now);
        return refusal ? std::string(to_text(refusal->reason)) : "";
    };
    for (int i = 0; i < 3; ++i) CHECK(connect(1, "pump").empty());
    SECTION("three in each minute are allowed") {
        for (int minute = 0; minute < 10; ++minute) {
            now += minutes(1);
            for (int i = 0; i < 3; ++i) CHECK(connect(1, "pump").empty());
        }
    }
    SECTION("connections that share a client id are not counted") {
        const LoginAttempt shared{.network = 1,
                                  .address = "192.0.2.7:1",
                                  .name = "x",
                                  .client_id = "pump",
                                  .shares_client_id = true};
        for (int i = 0; i < 10; ++i) CHECK_FALSE(throttle.begin(shared, now));
        CHECK(connect(1, "pump") == "banned");
    }
    SECTION("the fourth is not") {
        for (const int length : {1, 2, 4, 8, 16, 32, 60, 60}) {
            CHECK(connect(1, "pump") == "banned");
            CHECK(connect(2, "pump").empty());
            CHECK(connect(1, "valve-" + std::to_string(length)).empty());
            REQUIRE(throttle.locks(now).size() == 1);
            CHECK(throttle.locks(now).front().kind == Kind::flapping);
            CHECK(throttle.locks(now).front().until == now + minutes(length));
            now += minutes(length) - milliseconds(1);
            CHECK(connect(1, "pump") == "banned");
            now += milliseconds(1);
            for (int i = 0; i < 3; ++i) CHECK(connect(1, "pump").empty());
        }
        CHECK(connect(1, "pump") == "banned");
        now += minutes(60 + 10);  // calm
        for (int i = 0; i < 3; ++i) CHECK(connect(1, "pump").empty());
        CHECK(connect(1, "pump") == "banned");
        CHECK(throttle.locks(now).front().until == now + minutes(1));
    }
}

TEST_CASE_METHOD(Fixture, "an administrator lets in a device, an address, or everybody",
                 "[auth][throttle]") {
    fail(10, 1, "pump");
    fail(10, 2, "pump");
    fail(10, 1, "valve");
    now -= seconds(1);
    CHECK(throttle.locks(now).size() == 3);
    SECTION("a device") {
        CHECK(throttle.clear_name("pump", now) == 2);
        CHECK(begin(1, "pump").empty());
        CHECK(begin(1, "valve") == "banned");
        CHECK(throttle.pressure_on("pump", now).failures == 0);
        CHECK(throttle.pressure_on("valve", now).locks.size() == 1);
    }
    SECTION("an address") {
        CHECK(throttle.clear_address("192.0.2.7", now) == 3);
        CHECK(throttle.clear_address("192.0.2.8", now) == 0);
        CHECK(begin(1, "valve").empty());
    }
    SECTION("everybody") {
        CHECK(throttle.clear_all(now) == 3);
        CHECK(throttle.locks(now).empty());
    }
}

TEST_CASE("with all bounds at 0 nobody is ever refused", "[auth][throttle]") {
    LoginThrottle throttle{ThrottleSettings()};
    const TimePoint now{std::chrono::hours(5)};
    const LoginAttempt attempt{.network = 1, .address = {}, .name = "pump", .client_id = "pump"};
    for (int i = 0; i < 10'000; ++i) {
        REQUIRE_FALSE(throttle.begin(attempt, now));
        throttle.failed(attempt, true, now);
    }
    CHECK(throttle.locks(now).empty());
}

}  // namespace
}  // namespace drawbridge::auth
