// LoginGuard: the LoginThrottle for several threads; it tells the audit whom it refuses and what it
// locks.
//
// Owner:   the Authenticator. Threads: any, under one mutex; turns_away() is one load while no
//          address has been locked out.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "auth/login_throttle.hpp"
#include "broker/base/log_quota.hpp"
#include "broker/core/audit.hpp"
#include "broker/core/authenticator.hpp"

namespace drawbridge::auth {

class LoginGuard {
public:
    // audit must outlive it.
    LoginGuard(const ThrottleSettings& settings, core::Audit& audit);

    // Whom a stranger says it is.
    static std::string_view name_of(const core::Credentials& shown);

    // name: what is counted, and told: the device that name_of() means, if it means one.
    // Counts the CONNECT. Nothing: it may be verified.
    std::optional<core::AuthAnswer> refuse(const core::Credentials& shown, std::string_view name,
                                           TimePoint now);
    void admitted(const core::Credentials& shown, std::string_view name, TimePoint now);
    // The credentials were wrong. known: there is a device of that name. Returns what is answered.
    Reason failed(const core::Credentials& shown, std::string_view name, bool known, TimePoint now);

    // Forgets what has failed of these devices. They may flap as before.
    void forgive(const std::set<std::string, std::less<>>& names);

    // Nobody from there would be admitted now, whatever it shows.
    bool turns_away(std::uint64_t network, TimePoint now);

    // For administrators. Ends are in the time of clocks on the wall.
    struct Lock {
        LoginThrottle::Lock::Kind kind{};
        std::string name;
        std::string address;
        WallTime until;
    };
    struct Pressure {
        std::uint32_t failures = 0;
        std::vector<Lock> locks;
    };
    std::vector<Lock> locks();
    Pressure pressure_on(std::string_view name);
    // Forget what has failed; return how many locks end with it.
    std::size_t clear_name(std::string_view name);
    std::size_t clear_address(std::string_view address);
    std::size_t clear_all();

private:
    bool may_log(TimePoint now);
    void tell_of_lock(const core::Credentials& shown, std::string_view name,
                      const LoginThrottle::Lock& lock, TimePoint now);

    const ThrottleSettings settings_;
    core::Audit& audit_;
    std::mutex mutex_;
    log::Quota quota_;        // guarded by mutex_
    LoginThrottle throttle_;  // guarded by mutex_
    std::atomic<TimePoint> last_address_lock_ends_{TimePoint{}};
};

// "device_at_address", "address", "device" or "flapping".
std::string_view to_text(LoginThrottle::Lock::Kind kind);

}  // namespace drawbridge::auth
