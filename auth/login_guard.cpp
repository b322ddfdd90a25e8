#include "auth/login_guard.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "broker/base/log.hpp"

namespace drawbridge::auth {
namespace {

using Kind = LoginThrottle::Lock::Kind;

LoginAttempt attempt_of(const core::Credentials& shown, std::string_view name) {
    return {.network = shown.network,
            .address = shown.address,
            .name = name,
            .client_id = shown.client_id,
            .shares_client_id = shown.services_only};
}

WallTime on_the_wall(TimePoint time, TimePoint now) {
    return WallClock::now() + std::chrono::duration_cast<WallClock::duration>(time - now);
}

std::string until(TimePoint time, TimePoint now) {
    return fmt::format("until {:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(WallClock::to_time_t(on_the_wall(time, now))));
}

LoginGuard::Lock for_people(const LoginThrottle::Lock& lock, TimePoint now) {
    return {lock.kind, lock.name, lock.address, on_the_wall(lock.until, now)};
}

std::string words_for(const LoginThrottle::Lock& lock, const ThrottleSettings& settings) {
    switch (lock.kind) {
        case Kind::device_at_address:
            return fmt::format(
                "too many failures of {} at {} (max_failures = {}, or fewer while "
                "it is locked out everywhere)",
                lock.name, lock.address, settings.max_failures);
        case Kind::address:
            return fmt::format("too many failures at {} (max_failures_per_address = {})",
                               lock.address, settings.max_failures_per_address);
        case Kind::device:
            return fmt::format(
                "too many failures of {} at all addresses "
                "(max_failures_per_device = {})",
                lock.name, settings.max_failures_per_device);
        case Kind::flapping:
            return fmt::format("more than {} connects a minute (flapping_connects)",
                               settings.flapping_connects);
    }
    return {};
}

}  // namespace

std::string_view to_text(Kind kind) {
    switch (kind) {
        case Kind::device_at_address:
            return "device_at_address";
        case Kind::address:
            return "address";
        case Kind::device:
            return "device";
        case Kind::flapping:
            return "flapping";
    }
    return "?";
}

std::string_view LoginGuard::name_of(const core::Credentials& shown) {
    if (shown.username) return *shown.username;
    return shown.proven.empty() ? std::string_view(shown.client_id) : shown.proven;
}

LoginGuard::LoginGuard(const ThrottleSettings& settings, core::Audit& audit)
    : settings_(settings), audit_(audit), throttle_(settings) {}

std::optional<core::AuthAnswer> LoginGuard::refuse(const core::Credentials& shown,
                                                   std::string_view name, TimePoint now) {
    std::optional<LoginThrottle::Refusal> refusal;
    {
        const std::lock_guard lock(mutex_);
        refusal = throttle_.begin(attempt_of(shown, name), now);
    }
    if (!refusal) return std::nullopt;
    if (refusal->begins)
        tell_of_lock(shown, name, {Kind::flapping, shown.client_id, shown.address, refusal->until},
                     now);
    std::string why = refusal->why;
    if (refusal->reason == Reason::banned) why += ", " + until(refusal->until, now);
    return core::AuthAnswer{.identity = nullptr, .refusal = refusal->reason, .why = std::move(why)};
}

void LoginGuard::admitted(const core::Credentials& shown, std::string_view name, TimePoint now) {
    const std::lock_guard lock(mutex_);
    throttle_.succeeded(attempt_of(shown, name), now);
}

Reason LoginGuard::failed(const core::Credentials& shown, std::string_view name, bool known,
                          TimePoint now) {
    LoginThrottle::Outcome outcome;
    {
        const std::lock_guard lock(mutex_);
        outcome = throttle_.failed(attempt_of(shown, name), known, now);
        last_address_lock_ends_.store(throttle_.last_address_lock_ends(),
                                      std::memory_order_relaxed);
    }
    for (const LoginThrottle::Lock& begun : outcome.begun) tell_of_lock(shown, name, begun, now);
    return outcome.is_locked_everywhere ? Reason::banned : Reason::bad_user_name_or_password;
}

void LoginGuard::forgive(const std::set<std::string, std::less<>>& names) {
    const std::lock_guard lock(mutex_);
    throttle_.forgive(names);
}

bool LoginGuard::may_log(TimePoint now) {
    const std::lock_guard lock(mutex_);
    return quota_.allows(now);
}

void LoginGuard::tell_of_lock(const core::Credentials& shown, std::string_view name,
                              const LoginThrottle::Lock& lock, TimePoint now) {
    const std::string words =
        fmt::format("{}, {}", words_for(lock, settings_), until(lock.until, now));
    if (may_log(now))
        log::warn("client {} from {}: locked out, {}", shown.client_id, shown.address, words);
    const bool flaps = lock.kind == Kind::flapping;
    audit_.note(
        {.kind = flaps ? core::AuditEvent::Kind::banned : core::AuditEvent::Kind::locked_out,
         .identity = std::string(name),
         .client_id = shown.client_id,
         .address = shown.address,
         .why = words});
}

bool LoginGuard::turns_away(std::uint64_t network, TimePoint now) {
    if (now >= last_address_lock_ends_.load(std::memory_order_relaxed)) return false;
    const std::lock_guard lock(mutex_);
    return throttle_.turns_away(network, now);
}

std::vector<LoginGuard::Lock> LoginGuard::locks() {
    const TimePoint now = Clock::now();
    const std::lock_guard lock(mutex_);
    std::vector<Lock> all;
    for (const LoginThrottle::Lock& one : throttle_.locks(now)) all.push_back(for_people(one, now));
    return all;
}

LoginGuard::Pressure LoginGuard::pressure_on(std::string_view name) {
    const TimePoint now = Clock::now();
    const std::lock_guard lock(mutex_);
    const LoginThrottle::Pressure found = throttle_.pressure_on(name, now);
    Pressure pressure{.failures = found.failures, .locks = {}};
    for (const LoginThrottle::Lock& one : found.locks)
        pressure.locks.push_back(for_people(one, now));
    return pressure;
}

std::size_t LoginGuard::clear_name(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return throttle_.clear_name(name, Clock::now());
}

std::size_t LoginGuard::clear_address(std::string_view address) {
    const std::lock_guard lock(mutex_);
    return throttle_.clear_address(address, Clock::now());
}

std::size_t LoginGuard::clear_all() {
    const std::lock_guard lock(mutex_);
    return throttle_.clear_all(Clock::now());
}

}  // namespace drawbridge::auth
