// Authenticator: its worker, its queue, and its watch on the database. Nothing here sleeps; what
// comes from the worker is waited for, and `patience` is only reached by a failure.
#include "auth/authenticator.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <set>

#include "auth/limits.hpp"
#include "auth/refused_change.hpp"
#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;

constexpr seconds patience{30};

// What the authenticator has told, in order.
template <class Change>
class Told {
public:
    void add(const Change& change) {
        const std::lock_guard lock(mutex_);
        changes_.push_back(change);
        arrived_.notify_one();
    }

    Change next() {
        std::unique_lock lock(mutex_);
        if (!arrived_.wait_for(lock, patience, [this] { return !changes_.empty(); })) {
            FAIL("no change was told");
        }
        const Change change = changes_.front();
        changes_.pop_front();
        return change;
    }

    bool empty() {
        const std::lock_guard lock(mutex_);
        return changes_.empty();
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Change> changes_;
};

class Fixture : public Registry {
public:
    const std::string key = add("pump-17");
    std::atomic<WallTime> now = today;
    Told<DeviceChange> told;
    Told<ProfileChange> told_profiles;

    std::unique_ptr<Authenticator> start(bool allow_anonymous = false,
                                         const char* anonymous_profile = "open") {
        const AuthenticatorOptions options{
            .database = file,
            .allow_anonymous = allow_anonymous,
            .anonymous_profile = anonymous_profile,
            .on_profile_change = [this](const ProfileChange& change) {
                told_profiles.add(change);
            }};
        return std::make_unique<Authenticator>(
            options, secret, Profiles::built_in(),
            [this](const DeviceChange& change) { told.add(change); },
            [this] { return now.load(); });
    }

    static core::AuthAnswer ask(Authenticator& authenticator, core::Credentials shown) {
        auto promise = std::make_shared<std::promise<core::AuthAnswer>>();
        auto answer = promise->get_future();
        authenticator.authenticate(std::move(shown), [promise](core::AuthAnswer given) {
            promise->set_value(std::move(given));
        });
        if (answer.wait_for(patience) != std::future_status::ready) FAIL("no answer");
        return answer.get();
    }

    // Returns when the authenticator has acted on everything that is in the database.
    static void look(Authenticator& authenticator) {
        std::promise<void> acted;
        authenticator.poke([&] { acted.set_value(); });
        acted.get_future().wait();
    }
};

TEST_CASE_METHOD(Fixture, "the right key is admitted, a wrong one is not",
                 "[auth][authenticator]") {
    const auto authenticator = start();
    CHECK(ask(*authenticator, credentials("pump-17", key)).identity);
    const core::AuthAnswer refused = ask(*authenticator, credentials("pump-17", make_api_key()));
    CHECK_FALSE(refused.identity);
    CHECK(refused.refusal == Reason::bad_user_name_or_password);
}

TEST_CASE_METHOD(Fixture, "a change that was committed before CONNECT is respected by its answer",
                 "[auth][authenticator]") {
    const auto authenticator = start();
    CHECK(ask(*authenticator, credentials("pump-17", key)).identity);
    store.set_enabled("pump-17", false);
    CHECK_FALSE(ask(*authenticator, credentials("pump-17", key)).identity);
    store.set_enabled("pump-17", true);
    CHECK(ask(*authenticator, credentials("pump-17", key)).identity);
    CHECK_FALSE(ask(*authenticator, credentials("valve", key)).identity);
    const std::string valve_key = add("valve");
    CHECK(ask(*authenticator, credentials("valve", valve_key)).identity);
}

TEST_CASE_METHOD(Fixture, "revoking a key ends the session that used it, and no other",
                 "[auth][authenticator]") {
    const std::string second = add_key("pump-17");
    const auto authenticator = start();
    const auto by_first = ask(*authenticator, credentials("pump-17", key)).identity;
    const auto by_second = ask(*authenticator, credentials("pump-17", second)).identity;
    store.revoke_key("pump-17", *key_id_of(key));

    const DeviceChange change = told.next();  // without a poke: the watch has seen it
    CHECK(change.device_id == "pump-17");
    CHECK(change.key_ids == std::vector<std::string>{std::string(*key_id_of(second))});
    CHECK(change.renew("pump-17", by_first) == nullptr);
    CHECK(change.renew("pump-17", by_second) != nullptr);
}

TEST_CASE_METHOD(Fixture, "a disabled or a removed device may not stay", "[auth][authenticator]") {
    const auto authenticator = start();
    const auto identity = ask(*authenticator, credentials("pump-17", key)).identity;
    store.set_enabled("pump-17", false);
    CHECK(told.next().renew("pump-17", identity) == nullptr);
    store.set_enabled("pump-17", true);
    CHECK(told.next().renew("pump-17", identity) != nullptr);
    store.remove("pump-17");
    CHECK(told.next().renew("pump-17", identity) == nullptr);
}

TEST_CASE_METHOD(Fixture, "new rules reach a live session", "[auth][authenticator]") {
    const auto authenticator = start();
    const auto before = ask(*authenticator, credentials("pump-17", key)).identity;
    CHECK_FALSE(before->may_publish("logs"));
    store.add_rule("pump-17", {0, Effect::allow, Operation::publish, "logs"});
    const auto after = told.next().renew("pump-17", before);
    REQUIRE(after);
    CHECK(after->may_publish("logs"));
}

TEST_CASE_METHOD(Fixture, "a session ends when the key that it used expires",
                 "[auth][authenticator]") {
    const std::string expiring = add_key("pump-17", today + seconds(10));
    const auto authenticator = start();
    const auto lasting = ask(*authenticator, credentials("pump-17", key)).identity;
    const auto passing = ask(*authenticator, credentials("pump-17", expiring)).identity;
    now = today + milliseconds(9'999);
    look(*authenticator);
    CHECK(told.empty());
    now = today + seconds(10);
    look(*authenticator);
    const DeviceChange change = told.next();
    CHECK(change.renew("pump-17", passing) == nullptr);
    CHECK(change.renew("pump-17", lasting) != nullptr);
    look(*authenticator);
    CHECK(told.empty());  // said once
}

TEST_CASE_METHOD(Fixture, "a session ends when its client id is not allowed any more",
                 "[auth][authenticator]") {
    const DeviceChange change{.device_id = "pump-17",
                              .device = std::make_shared<const Device>(
                                  Device{"pump-17", "", Profiles::built_in().get("core"), {}}),
                              .key_ids = {"AbCd1234"}};
    const auto held =
        std::make_shared<const DeviceIdentity>(change.device, ProvedBy::key, "AbCd1234");
    CHECK(change.renew("pump-17", held) != nullptr);
    CHECK(change.renew("pump-17-b", held) == nullptr);
}

TEST_CASE_METHOD(Fixture, "a changed or removed PSK ends the session that used it, and no other",
                 "[auth][authenticator][psk]") {
    const std::string psk(64, 'a');
    set_psk("pump-17", psk);
    const auto authenticator = start();
    const auto by_psk = ask(*authenticator, credentials("pump-17", psk)).identity;
    const auto by_key = ask(*authenticator, credentials("pump-17", key)).identity;
    REQUIRE(by_psk);
    set_psk("pump-17", psk);  // the same digits; but somebody had a reason
    const DeviceChange changed = told.next();
    CHECK(changed.renew("pump-17", by_psk) == nullptr);
    CHECK(changed.renew("pump-17", by_key) != nullptr);
    const auto again = ask(*authenticator, credentials("pump-17", psk)).identity;
    CHECK(changed.renew("pump-17", again) != nullptr);
    PskStore(store.database()).remove("pump-17");
    CHECK(told.next().renew("pump-17", again) == nullptr);
    CHECK_FALSE(ask(*authenticator, credentials("pump-17", psk)).identity);
}

TEST_CASE_METHOD(Fixture, "a session by certificate lives until its device may not come any more",
                 "[auth][authenticator][certificate]") {
    const auto authenticator = start(true);
    core::Credentials shown{.client_id = "pump-17"};
    shown.proof = core::Credentials::Proof::certificate;
    shown.proven = "pump-17";
    const auto identity = ask(*authenticator, shown).identity;
    REQUIRE(identity);
    CHECK(identity->profile() == "core");  // not an anonymous one
    store.revoke_key("pump-17", *key_id_of(key));
    CHECK(told.next().renew("pump-17", identity) != nullptr);
    store.set_enabled("pump-17", false);
    CHECK(told.next().renew("pump-17", identity) == nullptr);
    store.set_enabled("pump-17", true);
    CHECK(told.next().renew("pump-17", identity) != nullptr);
    store.remove("pump-17");
    CHECK(told.next().renew("pump-17", identity) == nullptr);
}

TEST_CASE_METHOD(Fixture, "a failed TLS handshake is a refusal of the device that it named",
                 "[auth][authenticator][psk]") {
    {
        const auto authenticator = start();
        now = today + seconds(3);
        core::Credentials claimed{.client_id = "", .address = "192.0.2.7:50123"};
        claimed.proof = core::Credentials::Proof::psk;
        claimed.proven = "nobody";
        authenticator->note_failed_handshake(claimed, "wrong PSK");
        claimed.proven = "pump-17";
        authenticator->note_failed_handshake(claimed, "wrong PSK");
        look(*authenticator);
    }
    const StoredDevice device = store.get("pump-17");
    CHECK(device.last_refusal_at == today + seconds(3));
    CHECK(device.last_refusal == "TLS handshake: wrong PSK, from 192.0.2.7:50123");
    CHECK_FALSE(device.last_seen);
}

TEST_CASE_METHOD(Fixture, "when a PSK was used last is written", "[auth][authenticator][psk]") {
    set_psk("pump-17", std::string(64, 'a'));
    {
        const auto authenticator = start();
        now = today + seconds(1);
        ask(*authenticator, credentials("pump-17", std::string(64, 'a')));
    }
    CHECK(PskStore(store.database()).get("pump-17").last_used_at == today + seconds(1));
    CHECK_FALSE(store.keys("pump-17").front().last_used_at);
}

TEST_CASE_METHOD(Fixture, "a poke is answered after all changes have been told",
                 "[auth][authenticator]") {
    const auto authenticator = start();
    add("a");
    add("b");
    look(*authenticator);
    CHECK(told.next().device_id == "b");  // what changed last comes first
    CHECK(told.next().device_id == "a");
    CHECK(told.empty());
}

TEST_CASE_METHOD(Fixture, "changes of many devices are all told, and then the poke is answered",
                 "[auth][authenticator]") {
    const auto authenticator = start();
    constexpr std::size_t count = 2 * limits::changes_told_at_once + 1;
    {
        SQLite::Transaction all = store.begin();
        for (std::size_t i = 0; i < count; ++i)
            store.add({"d" + std::to_string(i), "", "core", ""}, today);
        all.commit();
    }
    look(*authenticator);
    std::set<std::string> told_of;
    for (std::size_t i = 0; i < count; ++i) told_of.insert(told.next().device_id);
    CHECK(told_of.size() == count);
    CHECK(told.empty());
    CHECK(ask(*authenticator, credentials("pump-17", key)).identity);
}

TEST_CASE_METHOD(Fixture, "who was disabled or removed does not stay while others are told",
                 "[auth][authenticator]") {
    add("disabled");
    add("removed");
    const auto authenticator = start();
    {
        SQLite::Transaction all = store.begin();
        const auto import = [&](const std::string& prefix) {
            for (std::size_t i = 0; i < limits::changes_asked_at_once; ++i)
                store.add({prefix + std::to_string(i), "", "core", ""}, today);
        };
        import("before-");
        store.remove("removed");
        store.set_enabled("disabled", false);
        import("after-");
        all.commit();
    }
    look(*authenticator);
    const DeviceChange first = told.next();
    CHECK(first.device_id == "removed");
    CHECK(first.removed);
    CHECK(first.device == nullptr);
    const DeviceChange second = told.next();
    CHECK(second.device_id == "disabled");
    CHECK_FALSE(second.removed);
    CHECK(second.device == nullptr);
    CHECK(told.next().device != nullptr);
}

TEST_CASE_METHOD(Fixture, "anonymous clients are refused unless they are allowed",
                 "[auth][authenticator]") {
    const core::Credentials nobody{
        .client_id = "", .username = {}, .password = {}, .address = "192.0.2.7:1"};
    CHECK_FALSE(ask(*start(), nobody).identity);

    const auto authenticator = start(true);
    const core::AuthAnswer answer = ask(*authenticator, nobody);
    REQUIRE(answer.identity);
    CHECK(answer.identity->profile() == "open");
    core::Credentials named = nobody;
    named.client_id = "any/id at all";
    CHECK(ask(*authenticator, named).identity->id() == "any/id at all");
    named.client_id = std::string(129, 'x');
    CHECK(ask(*authenticator, named).refusal == Reason::client_identifier_not_valid);
}

TEST_CASE_METHOD(Fixture, "credentials must be right also where anonymous clients are allowed",
                 "[auth][authenticator]") {
    const auto authenticator = start(true);
    CHECK(ask(*authenticator, credentials("pump-17", key)).identity->profile() == "core");
    CHECK_FALSE(ask(*authenticator, credentials("pump-17", make_api_key())).identity);
    CHECK_FALSE(ask(*authenticator, credentials("valve", key)).identity);
    core::Credentials shown = credentials("pump-17", key);
    shown.password.reset();
    CHECK_FALSE(ask(*authenticator, shown).identity);
    shown = credentials("pump-17", key);
    shown.username.reset();
    CHECK_FALSE(ask(*authenticator, shown).identity);
}

TEST_CASE_METHOD(Fixture, "an anonymous client does not get a device's name, nor its session",
                 "[auth][authenticator]") {
    const auto authenticator = start(true);
    core::Credentials nobody{.client_id = "pump-17", .username = {}, .password = {}};
    CHECK(ask(*authenticator, nobody).refusal == Reason::client_identifier_not_valid);
    nobody.client_id = "pump-18";
    const auto anonymous = ask(*authenticator, nobody).identity;
    REQUIRE(anonymous);
    add("pump-18");
    const DeviceChange change = told.next();
    CHECK(change.claims_name_of("pump-18", anonymous));
    CHECK_FALSE(change.claims_name_of("pump-19", anonymous));
    const auto device = ask(*authenticator, credentials("pump-18", add_key("pump-18"))).identity;
    CHECK_FALSE(change.claims_name_of("pump-18", device));
}

TEST_CASE_METHOD(Fixture, "who was let in after a change is not refused because of the one before",
                 "[auth][authenticator]") {
    const auto authenticator = start(true);
    store.set_enabled("pump-17", false);
    add("valve");
    look(*authenticator);
    const DeviceChange first = told.next();
    const DeviceChange second = told.next();
    const DeviceChange& disabled = first.device_id == "pump-17" ? first : second;
    const DeviceChange& added = first.device_id == "valve" ? first : second;
    REQUIRE(disabled.device == nullptr);

    store.set_enabled("pump-17", true);
    store.remove("valve");
    const auto pump = ask(*authenticator, credentials("pump-17", key)).identity;
    const auto anyone = ask(*authenticator, {.client_id = "valve"}).identity;
    REQUIRE(pump);
    REQUIRE(anyone);
    CHECK(disabled.renew("pump-17", pump) == pump);
    CHECK_FALSE(added.claims_name_of("valve", anyone));

    look(*authenticator);
    while (!told.empty()) told.next();
    store.set_enabled("pump-17", false);
    add("valve");
    look(*authenticator);
    while (!told.empty()) {
        const DeviceChange change = told.next();
        if (change.device_id == "pump-17") CHECK(change.renew("pump-17", pump) == nullptr);
        if (change.device_id == "valve") CHECK(change.claims_name_of("valve", anyone));
    }
}

TEST_CASE_METHOD(Fixture, "a device claims its name from whoever had it as a client id before",
                 "[auth][authenticator]") {
    const auto authenticator = start();
    core::Credentials agent = credentials("edge", add("edge", "connhex"));
    CHECK(told.next().device_id == "edge");
    agent.client_id = "agent-edge";
    const auto held = ask(*authenticator, agent).identity;
    REQUIRE(held);
    add("agent-edge");
    look(*authenticator);
    DeviceChange change = told.next();
    CHECK(change.claims_name_of("agent-edge", held));
    CHECK_FALSE(change.claims_name_of("edge", held));
    CHECK_FALSE(ask(*authenticator, agent).identity);
    store.remove("agent-edge");
    look(*authenticator);
    CHECK_FALSE(told.next().claims_name_of("agent-edge", held));
    CHECK(ask(*authenticator, agent).identity);
}

TEST_CASE_METHOD(Fixture, "an anonymous client's id is one of its profile's",
                 "[auth][authenticator]") {
    ProfileStore(store.database()).put("kiosk", "client_ids = ['kiosk-*']", today);
    const auto authenticator = start(true, "kiosk");
    core::Credentials nobody{.client_id = "kiosk-1", .username = {}, .password = {}};
    CHECK(ask(*authenticator, nobody).identity->profile() == "kiosk");
    nobody.client_id = "desk-1";
    CHECK(ask(*authenticator, nobody).refusal == Reason::client_identifier_not_valid);
}

TEST_CASE_METHOD(Fixture, "a profile that changes reaches live sessions without a look at devices",
                 "[auth][authenticator]") {
    ProfileStore profiles(store.database());
    profiles.put("meters", "client_ids = ['{device_id}']\npublish = ['a']", today);
    const std::string meter_key = add("meter", "meters");
    const auto authenticator = start();
    const auto before = ask(*authenticator, credentials("meter", meter_key)).identity;
    REQUIRE(before);
    const auto other = ask(*authenticator, credentials("pump-17", key)).identity;
    CHECK(before->may_publish("a"));

    profiles.put("meters", "client_ids = ['{device_id}']\npublish = ['b']", today);
    look(*authenticator);
    const ProfileChange change = told_profiles.next();
    CHECK(told.empty());
    CHECK(change.name == "meters");
    CHECK(change.renew("pump-17", other) == other);
    const auto after = change.renew("meter", before);
    REQUIRE(after);
    CHECK_FALSE(after->may_publish("a"));
    CHECK(after->may_publish("b"));
    CHECK(change.renew("meter", after) == after);
    CHECK(ask(*authenticator, credentials("meter", meter_key)).identity->may_publish("b"));
    CHECK(change.renew("another", before) == nullptr);  // its client id is not allowed
}

TEST_CASE_METHOD(Fixture, "a profile that was spoilt by hand leaves the one in force",
                 "[auth][authenticator]") {
    ProfileStore profiles(store.database());
    profiles.put("meters", "client_ids = ['{device_id}']\npublish = ['a']", today);
    const std::string meter_key = add("meter", "meters");
    const auto authenticator = start();
    store.database().exec("UPDATE profiles SET text = 'publish = 7'");
    look(*authenticator);
    CHECK(told_profiles.empty());
    CHECK(ask(*authenticator, credentials("meter", meter_key)).identity->may_publish("a"));
    store.database().exec("DELETE FROM profiles");
    look(*authenticator);
    const ProfileChange gone = told_profiles.next();
    CHECK(gone.profile == nullptr);
    const core::AuthAnswer answer = ask(*authenticator, credentials("meter", meter_key));
    CHECK_THAT(answer.why, Contains("a profile that is not known"));
}

TEST_CASE_METHOD(Fixture, "an anonymous profile that does not exist is refused at start",
                 "[auth][authenticator]") {
    const AuthenticatorOptions options{
        .database = file, .allow_anonymous = true, .anonymous_profile = "opne"};
    CHECK_THROWS_WITH(
        Authenticator(options, secret, Profiles::built_in(), [](const DeviceChange&) {}),
        Contains("there is no profile opne"));
}

TEST_CASE_METHOD(Fixture, "when too many wait, the next is told so at once",
                 "[auth][authenticator]") {
    std::promise<void> begun;
    std::promise<void> go_on;
    const auto authenticator = start();
    authenticator->poke([&] {
        begun.set_value();
        go_on.get_future().wait();
    });
    begun.get_future().wait();  // the worker takes nothing until go_on

    std::atomic<std::size_t> admitted = 0;
    for (std::size_t i = 0; i < limits::authentications_waiting_max; ++i)
        authenticator->authenticate(credentials("pump-17", key),
                                    [&](const core::AuthAnswer& answer) {
                                        if (answer.identity) ++admitted;
                                    });
    CHECK(ask(*authenticator, credentials("pump-17", key)).refusal == Reason::server_busy);
    go_on.set_value();
    look(*authenticator);
    look(*authenticator);  // the first may have been taken together with the last request
    CHECK(admitted == limits::authentications_waiting_max);
}

TEST_CASE_METHOD(Fixture, "who waits when the broker stops is told so", "[auth][authenticator]") {
    std::promise<void> begun;
    std::promise<void> go_on;
    auto authenticator = start();
    authenticator->poke([&] {
        begun.set_value();
        go_on.get_future().wait();
    });
    begun.get_future().wait();
    std::promise<core::AuthAnswer> given;
    authenticator->authenticate(credentials("pump-17", key), [&](core::AuthAnswer answer) {
        given.set_value(std::move(answer));
    });
    auto stopped = std::async(std::launch::async, [&] { authenticator.reset(); });
    go_on.set_value();
    stopped.wait();
    const core::AuthAnswer answer = given.get_future().get();
    CHECK((answer.identity != nullptr || answer.refusal == Reason::server_unavailable));
}

TEST_CASE_METHOD(Fixture, "who was seen and refused is written by the time the broker has stopped",
                 "[auth][authenticator]") {
    {
        const auto authenticator = start();
        now = today + seconds(1);
        ask(*authenticator, credentials("pump-17", key));
        now = today + seconds(2);
        ask(*authenticator, credentials("pump-17", make_api_key()));
        CHECK_FALSE(store.get("pump-17").last_seen);  // no write for each CONNECT
    }
    const StoredDevice device = store.get("pump-17");
    CHECK(device.last_seen == today + seconds(1));
    CHECK(device.last_refusal_at == today + seconds(2));
    CHECK(device.last_refusal == "the API key is not one of this device's, from 192.0.2.7:50123");
    CHECK(store.keys("pump-17").front().last_used_at == today + seconds(1));
    CHECK(store.changes_since(0).device_ids.empty());  // all acted on, none kept
}

TEST_CASE_METHOD(Fixture, "a broker that cannot read the database admits nobody",
                 "[auth][authenticator]") {
    const auto authenticator = start();
    CHECK(ask(*authenticator, credentials("pump-17", key)).identity);
    SQLite::Database other(file.string(), SQLite::OPEN_READWRITE);
    other.exec("ALTER TABLE changes RENAME TO lost");
    const core::AuthAnswer answer = ask(*authenticator, credentials("pump-17", key));
    CHECK_FALSE(answer.identity);
    CHECK(answer.refusal == Reason::server_unavailable);
    other.exec("ALTER TABLE lost RENAME TO changes");
    look(*authenticator);
    CHECK(ask(*authenticator, credentials("pump-17", key)).identity);
}

}  // namespace
}  // namespace drawbridge::auth
