// LoginThrottle: who may try to log in now: what guessing keys, flooding with CONNECTs and
// connecting again and again leads to.
//
// Failures are counted three times. Of a name at an address: a wait that grows, then a lockout; so
// a stranger locks out nobody but himself. Of an address, whatever the names: a lockout of all
// names there but those that were admitted from it lately. Of a name, whatever the addresses:
// while it is locked, one failure is enough to lock the name at an address; but the right
// credentials are accepted from every address that is not locked itself.
//
// A name is what CONNECT says as its user name, and need not exist: a name that no device has is
// treated alike, or the answers would tell which ones there are.
// Threads: the owner's only. Time is an argument.
// Limits:  limits::throttled_*: what strangers can make up never pushes out what is known of
//          devices, and what was admitted is pushed out by what is admitted alone.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "auth/failures.hpp"
#include "auth/limits.hpp"
#include "auth/lru_table.hpp"
#include "auth/throttle_settings.hpp"
#include "broker/base/clock.hpp"
#include "broker/base/reason.hpp"

namespace drawbridge::auth {

// A CONNECT, as far as it matters here. Views are the caller's.
struct LoginAttempt {
    std::uint64_t network = 0;  // core::Credentials::network
    std::string_view address;   // "192.0.2.7:50123"
    std::string_view name;
    std::string_view client_id;
    bool shares_client_id = false;  // with other connections, which come and go by themselves
};

class LoginThrottle {
public:
    struct Refusal {
        Reason reason = Reason::banned;
        TimePoint until;
        std::string why;      // without its end
        bool begins = false;  // the ban begins with this attempt
    };
    // Who is locked out now.
    struct Lock {
        enum class Kind : std::uint8_t { device_at_address, address, device, flapping };
        Kind kind = Kind::device_at_address;
        std::string name;     // "" for an address
        std::string address;  // without a port; "" for a device
        TimePoint until;
    };
    struct Outcome {
        std::vector<Lock> begun;            // with this failure
        bool is_locked_everywhere = false;  // the name
    };
    // What has failed of one name.
    struct Pressure {
        std::uint32_t failures = 0;  // that are not forgotten yet
        std::vector<Lock> locks;
    };

    explicit LoginThrottle(const ThrottleSettings& settings);

    // Counts it. Nothing: it may be verified, and what comes of that is to be told below.
    std::optional<Refusal> begin(const LoginAttempt& attempt, TimePoint now);
    void succeeded(const LoginAttempt& attempt, TimePoint now);
    // known: there is a device of that name.
    Outcome failed(const LoginAttempt& attempt, bool known, TimePoint now);

    // Forgets what has failed of these names. What is known of their addresses, and how often they
    // connect, stays.
    void forgive(const std::set<std::string, std::less<>>& names);

    // Nobody from there would be admitted now, whatever name it says.
    bool turns_away(std::uint64_t network, TimePoint now);
    // The latest end of an address' lockout that there has been; before it nobody is turned away
    // only because nobody is locked.
    TimePoint last_address_lock_ends() const { return last_address_lock_ends_; }

    // At most limits::locks_listed_max; those that end last first.
    std::vector<Lock> locks(TimePoint now) const;
    Pressure pressure_on(std::string_view name, TimePoint now) const;

    // Forgets what has failed; returns how many locks end with it. address: as in Lock.
    std::size_t clear_name(std::string_view name, TimePoint now);
    std::size_t clear_address(std::string_view address, TimePoint now);
    std::size_t clear_all(TimePoint now);

private:
    struct Known {
        Failures failures;
        std::uint64_t network = 0;
        std::string name;
        std::string address;
    };
    struct Flapping {
        TimePoint minute_began{};
        std::uint32_t connects = 0;
        std::uint32_t bans = 0;
        TimePoint banned_until{};
        std::uint64_t network = 0;
        std::string client_id;
        std::string address;
    };
    struct Rate {
        TimePoint paid_until{};
    };
    struct Admitted {
        TimePoint at{};
    };
    // Names that a device has, and others, apart.
    template <class Value>
    struct Split {
        LruTable<Value> known{limits::throttled_names_max};
        LruTable<Value> unknown{limits::throttled_names_max};

        Value* find(std::uint64_t key) {
            Value* const found = known.find(key);
            return found != nullptr ? found : unknown.find(key);
        }
        LruTable<Value>& of(bool is_known) { return is_known ? known : unknown; }
    };

    bool is_too_fast(std::uint64_t network, TimePoint now);
    std::optional<Refusal> count_flapping(const LoginAttempt& attempt, TimePoint now);
    bool was_admitted_lately(const LoginAttempt& attempt, TimePoint now);
    template <class Visit>
    void visit_failures(Visit visit) const;
    template <class Which>
    std::size_t clear(TimePoint now, Which which);

    const ThrottleSettings settings_;
    const LockoutRules of_name_at_address_;
    const LockoutRules of_address_;
    const LockoutRules of_name_;
    Split<Known> names_at_addresses_;
    Split<Known> names_;
    LruTable<Known> addresses_{limits::throttled_names_max};
    LruTable<Rate> rates_{limits::throttled_names_max};
    LruTable<Flapping> flapping_{limits::throttled_names_max};
    LruTable<Admitted> admitted_{limits::throttle_admitted_max};            // name at address
    LruTable<Admitted> admitted_addresses_{limits::throttle_admitted_max};  // address
    TimePoint last_address_lock_ends_{};
};

}  // namespace drawbridge::auth
