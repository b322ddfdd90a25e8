// The Authenticator with its throttle and its audit: what is refused unverified, and what is told.
#include "auth/login_guard.hpp"

#include <catch2/catch.hpp>
#include <future>

#include "auth/authenticator.hpp"
#include "broker/base/log.hpp"
#include "tests/auth/registry.hpp"
#include "tests/core/fake_audit.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

class Fixture : public Registry {
public:
    const std::string key = add("pump");
    const std::string wrong = make_api_key();
    test::FakeAudit audit;  // told by the worker only, while nobody looks
    ThrottleSettings throttle;

    Fixture() { log::set_level(log::Level::error); }

    std::unique_ptr<Authenticator> start(bool allow_anonymous = false) {
        AuthenticatorOptions options;
        options.database = file;
        options.allow_anonymous = allow_anonymous;
        options.throttle = throttle;
        options.audit = &audit;
        return std::make_unique<Authenticator>(
            options, secret, Profiles::built_in(), [](const DeviceChange&) {},
            [] { return today; });
    }
    static core::AuthAnswer ask(Authenticator& authenticator, core::Credentials shown) {
        std::promise<core::AuthAnswer> given;
        authenticator.authenticate(
            std::move(shown), [&](core::AuthAnswer answer) { given.set_value(std::move(answer)); });
        return given.get_future().get();
    }
    core::Credentials from(std::uint64_t network, const std::string& password) const {
        core::Credentials shown = credentials("pump", password);
        shown.network = network;
        return shown;
    }
    // Until the worker has done all that was asked of it.
    static void settle(Authenticator& authenticator) {
        std::promise<void> acted;
        authenticator.poke([&] { acted.set_value(); });
        acted.get_future().wait();
    }
};

TEST_CASE_METHOD(Fixture, "after too many wrong keys even the right one is refused, there",
                 "[auth][throttle]") {
    throttle.max_failures = 1;
    const auto authenticator = start();
    CHECK(ask(*authenticator, from(1, wrong)).refusal == Reason::bad_user_name_or_password);
    const core::AuthAnswer locked = ask(*authenticator, from(1, key));
    CHECK(locked.refusal == Reason::banned);
    CHECK_FALSE(locked.identity);
    CHECK_THAT(locked.why, StartsWith("locked out at this address, for too many failures, until"));
    CHECK(ask(*authenticator, from(2, key)).identity);

    LoginGuard& guard = authenticator->guard();
    REQUIRE(guard.locks().size() == 1);
    CHECK(guard.locks().front().name == "pump");
    CHECK(guard.locks().front().address == "192.0.2.7");
    CHECK(guard.locks().front().until > WallClock::now() + std::chrono::minutes(4));
    CHECK(guard.locks().front().until <= WallClock::now() + std::chrono::minutes(5));
    CHECK(guard.pressure_on("pump").locks.size() == 1);
    CHECK(guard.clear_name("pump") == 1);
    CHECK(ask(*authenticator, from(1, key)).identity);
}

TEST_CASE_METHOD(Fixture,
                 "a device that shows its key's id as the user name is locked out as itself",
                 "[auth][throttle]") {
    throttle.max_failures = 1;
    const std::string meter_key = add("meter", "losant");
    const auto authenticator = start();
    LoginGuard& guard = authenticator->guard();
    core::Credentials by_id = credentials("meter", meter_key);
    by_id.network = 1;
    core::Credentials by_key_id = by_id;
    by_key_id.username = std::string(*key_id_of(meter_key));
    by_key_id.password = wrong;
    ask(*authenticator, by_key_id);
    REQUIRE(guard.pressure_on("meter").locks.size() == 1);
    by_key_id.password = meter_key;
    CHECK(ask(*authenticator, by_key_id).refusal == Reason::banned);
    CHECK(ask(*authenticator, by_id).refusal == Reason::banned);  // one device, by either name
    settle(*authenticator);
    REQUIRE(audit.events.size() == 4);
    for (const core::AuditEvent& event : audit.events) CHECK(event.identity == "meter");
    CHECK(guard.clear_name("meter") == 1);
    CHECK(ask(*authenticator, by_key_id).identity);

    by_key_id.username = "AbCd1234";  // of no key
    ask(*authenticator, by_key_id);
    CHECK(guard.pressure_on("meter").locks.empty());
    CHECK(guard.pressure_on("AbCd1234").locks.size() == 1);
}

TEST_CASE_METHOD(Fixture, "a device that may come again is not locked out for having tried",
                 "[auth][throttle]") {
    throttle.max_failures = 1;
    throttle.max_failures_per_device = 2;
    add("other");
    const auto authenticator = start();
    const auto is_locked = [&] {
        settle(*authenticator);
        return !authenticator->guard().pressure_on("pump").locks.empty();
    };
    const auto lock_out = [&](const std::string& password) {
        ask(*authenticator, from(1, password));
        ask(*authenticator, from(2, password));
        REQUIRE(is_locked());
    };
    store.set_enabled("pump", false);
    lock_out(key);
    add_key("pump");
    add_key("other");
    CHECK(is_locked());
    store.set_enabled("pump", true);
    CHECK_FALSE(is_locked());
    CHECK(ask(*authenticator, from(1, key)).identity);

    lock_out(wrong);  // somebody guesses
    store.add_rule("pump", {0, Effect::allow, Operation::publish, "logs"});
    CHECK(is_locked());
    const std::string second = add_key("pump");
    CHECK_FALSE(is_locked());

    lock_out(wrong);
    store.revoke_key("pump", *key_id_of(second));
    CHECK(is_locked());
    const std::string psk(64, 'a');
    set_psk("pump", psk);
    CHECK_FALSE(is_locked());
    CHECK(ask(*authenticator, from(2, psk)).identity);
}

TEST_CASE_METHOD(Fixture, "every refusal of a CONNECT is told, and when a lockout begins",
                 "[auth][throttle][audit]") {
    throttle.max_failures = 2;
    auto authenticator = start();
    ask(*authenticator, from(1, key));
    ask(*authenticator, from(1, wrong));
    ask(*authenticator, from(1, wrong));  // too early
    ask(*authenticator, credentials("nobody", key));
    authenticator.reset();
    const auto lines = audit.take();
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "connect_refused pump: the API key is not one of this device's");
    CHECK(lines[1] == "connect_refused pump: it has failed lately, and must wait");
    CHECK(lines[2] == "connect_refused nobody: there is no device nobody");
}

TEST_CASE_METHOD(Fixture, "a lockout is told with its cause and its end",
                 "[auth][throttle][audit]") {
    throttle.max_failures = 1;
    auto authenticator = start();
    ask(*authenticator, from(1, wrong));
    authenticator.reset();
    REQUIRE(audit.events.size() == 2);
    CHECK(audit.events[0].kind == core::AuditEvent::Kind::locked_out);
    CHECK(audit.events[0].identity == "pump");
    CHECK_THAT(audit.events[0].why, Contains("max_failures = 1") && Contains(", until 2"));
    CHECK(audit.events[1].kind == core::AuditEvent::Kind::connect_refused);
}

TEST_CASE_METHOD(Fixture, "a failed TLS handshake counts like a wrong key",
                 "[auth][throttle][audit]") {
    throttle.max_failures = 1;
    const auto authenticator = start();
    core::Credentials shown;
    shown.client_id = "";
    shown.address = "192.0.2.7:1";
    shown.network = 1;
    shown.proof = core::Credentials::Proof::psk;
    shown.proven = "pump";
    authenticator->note_failed_handshake(shown, "wrong PSK");
    settle(*authenticator);
    CHECK(ask(*authenticator, from(1, key)).refusal == Reason::banned);
    CHECK(ask(*authenticator, from(2, key)).identity);
    CHECK(audit.events[1].why == "wrong PSK");
    CHECK(audit.events[1].identity == "pump");
}

TEST_CASE_METHOD(Fixture, "anonymous clients that flap are banned", "[auth][throttle]") {
    throttle.flapping_connects = 2;
    const auto authenticator = start(true);
    core::Credentials nobody;
    nobody.client_id = "panel";
    CHECK(ask(*authenticator, nobody).identity);
    CHECK(ask(*authenticator, nobody).identity);
    CHECK(ask(*authenticator, nobody).refusal == Reason::banned);
    nobody.client_id = "other";
    CHECK(ask(*authenticator, nobody).identity);
    CHECK(audit.events[0].kind == core::AuditEvent::Kind::banned);
}

TEST_CASE_METHOD(Fixture, "an address is turned away once it is locked out", "[auth][throttle]") {
    throttle.max_failures_per_address = 2;
    const auto authenticator = start();
    ask(*authenticator, from(1, wrong));
    CHECK_FALSE(authenticator->turns_away(1));
    core::Credentials nobody = credentials("nobody", key);
    nobody.network = 1;
    ask(*authenticator, nobody);
    CHECK(authenticator->turns_away(1));
    CHECK_FALSE(authenticator->turns_away(2));
    CHECK(authenticator->guard().clear_all() == 1);
    CHECK_FALSE(authenticator->turns_away(1));
}

}  // namespace
}  // namespace drawbridge::auth
