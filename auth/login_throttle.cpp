#include "auth/login_throttle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "auth/host_of.hpp"
#include "broker/base/limits.hpp"
#include "broker/core/text_hash.hpp"

namespace drawbridge::auth {
namespace {

constexpr std::chrono::minutes first_ban{1};
constexpr std::chrono::hours longest_ban{1};
constexpr std::chrono::minutes calm{10};  // after a ban; then the next one is a first one again

// A name at an address. Names are hashed at their full length.
std::uint64_t key_of(std::uint64_t network, std::string_view name) {
    std::uint64_t key = network * 0x9E37'79B9'7F4A'7C15u;
    key = (key ^ key >> 32) * 0xD6E8'FEB8'6659'FD93u;
    return key ^ core::hash_text(name);
}

std::string kept(std::string_view name) {
    return std::string(name.substr(0, limits::id_bytes_max));
}

}  // namespace

LoginThrottle::LoginThrottle(const ThrottleSettings& settings)
    : settings_(settings),
      of_name_at_address_{settings.max_failures, true, settings.lockout, settings.max_lockout},
      of_address_{settings.max_failures_per_address, false, settings.lockout, settings.max_lockout},
      of_name_{settings.max_failures_per_device, false, settings.lockout, settings.max_lockout} {}

std::optional<LoginThrottle::Refusal> LoginThrottle::begin(const LoginAttempt& attempt,
                                                           TimePoint now) {
    if (is_too_fast(attempt.network, now))
        return Refusal{.reason = Reason::connection_rate_exceeded,
                       .until = now,
                       .why = fmt::format("more than {} CONNECTs a second from its address",
                                          settings_.connects_per_second_per_address)};
    if (auto banned = count_flapping(attempt, now)) return banned;
    if (const Known* const here = names_at_addresses_.find(key_of(attempt.network, attempt.name))) {
        if (here->failures.is_locked(now))
            return Refusal{.until = here->failures.locked_until(),
                           .why = "locked out at this address, for too many failures"};
        if (here->failures.must_wait(now))
            return Refusal{.reason = Reason::connection_rate_exceeded,
                           .until = here->failures.wait_until(),
                           .why = "it has failed lately, and must wait"};
    }
    const Known* const address = addresses_.find(attempt.network);
    if (address != nullptr && address->failures.is_locked(now) &&
        !was_admitted_lately(attempt, now))
        return Refusal{.until = address->failures.locked_until(),
                       .why = "its address is locked out, for too many failures"};
    return std::nullopt;
}

void LoginThrottle::succeeded(const LoginAttempt& attempt, TimePoint now) {
    const std::uint64_t key = key_of(attempt.network, attempt.name);
    names_at_addresses_.known.erase(key);
    names_at_addresses_.unknown.erase(key);
    admitted_.get(key).at = now;
    admitted_addresses_.get(attempt.network).at = now;
}

LoginThrottle::Outcome LoginThrottle::failed(const LoginAttempt& attempt, bool known,
                                             TimePoint now) {
    Outcome outcome;
    // locks: whatever the number. False if a lock has begun before.
    const auto count = [&](LruTable<Known>& table, std::uint64_t key, const LockoutRules& rules,
                           Lock::Kind kind, bool locks) {
        if (rules.most == 0) return true;
        Known& one = table.get(key);
        if (one.failures.is_locked(now)) return false;
        one.network = attempt.network;
        one.name = kind == Lock::Kind::address ? std::string() : kept(attempt.name);
        one.address = kind == Lock::Kind::device ? std::string() : host_of(attempt.address);
        if (one.failures.add(rules, now, locks))
            outcome.begun.push_back({kind, one.name, one.address, one.failures.locked_until()});
        if (kind == Lock::Kind::address)
            last_address_lock_ends_ =
                std::max(last_address_lock_ends_, one.failures.locked_until());
        return true;
    };
    outcome.is_locked_everywhere = !count(names_.of(known), core::hash_text(attempt.name), of_name_,
                                          Lock::Kind::device, false);
    count(names_at_addresses_.of(known), key_of(attempt.network, attempt.name), of_name_at_address_,
          Lock::Kind::device_at_address, outcome.is_locked_everywhere);
    count(addresses_, attempt.network, of_address_, Lock::Kind::address, false);
    return outcome;
}

void LoginThrottle::forgive(const std::set<std::string, std::less<>>& names) {
    const auto is_theirs = [&](const Known& one) { return names.contains(one.name); };
    for (Split<Known>* split : {&names_at_addresses_, &names_}) {
        split->known.erase_if(is_theirs);
        split->unknown.erase_if(is_theirs);
    }
}

bool LoginThrottle::turns_away(std::uint64_t network, TimePoint now) {
    if (now >= last_address_lock_ends_) return false;
    const Known* const address = addresses_.find(network);
    if (address == nullptr || !address->failures.is_locked(now)) return false;
    const Admitted* const admitted = admitted_addresses_.find(network);
    return admitted == nullptr || now - admitted->at > limits::throttle_admitted_lately;
}

// --- how fast, how often -------------------------------------------------------------------------

// A second's worth may come at once (the virtual scheduling form of a leaky bucket).
bool LoginThrottle::is_too_fast(std::uint64_t network, TimePoint now) {
    if (settings_.connects_per_second_per_address == 0) return false;
    Rate& rate = rates_.get(network);
    const Duration cost = Duration(seconds(1)) / settings_.connects_per_second_per_address;
    if (rate.paid_until > now + seconds(1) - cost) return true;
    rate.paid_until = std::max(rate.paid_until, now) + cost;
    return false;
}

std::optional<LoginThrottle::Refusal> LoginThrottle::count_flapping(const LoginAttempt& attempt,
                                                                    TimePoint now) {
    if (settings_.flapping_connects == 0 || attempt.shares_client_id) return std::nullopt;
    Flapping& client = flapping_.get(key_of(attempt.network, attempt.client_id));
    const auto ban = [&](bool begins) {
        return Refusal{.until = client.banned_until,
                       .why = fmt::format("banned, it has connected more than {} times in a minute",
                                          settings_.flapping_connects),
                       .begins = begins};
    };
    if (now < client.banned_until) return ban(false);
    if (client.connects == 0 || now - client.minute_began >= std::chrono::minutes(1)) {
        if (now >= client.banned_until + calm) client.bans = 0;
        client.minute_began = now;
        client.connects = 0;
    }
    if (++client.connects <= settings_.flapping_connects) return std::nullopt;
    client.connects = 0;
    client.banned_until =
        now + std::min<Duration>(first_ban * (1 << std::min(client.bans, 6u)), longest_ban);
    ++client.bans;
    client.network = attempt.network;
    client.client_id = kept(attempt.client_id);
    client.address = host_of(attempt.address);
    return ban(true);
}

bool LoginThrottle::was_admitted_lately(const LoginAttempt& attempt, TimePoint now) {
    const Admitted* const admitted = admitted_.find(key_of(attempt.network, attempt.name));
    return admitted != nullptr && now - admitted->at <= limits::throttle_admitted_lately;
}

// --- for administrators --------------------------------------------------------------------------

template <class Visit>
void LoginThrottle::visit_failures(Visit visit) const {
    using Kind = Lock::Kind;
    const auto all = [&](const LruTable<Known>& table, const LockoutRules& rules, Kind kind) {
        table.visit([&](const Known& one) { visit(one, rules, kind); });
    };
    for (const auto* table : {&names_at_addresses_.known, &names_at_addresses_.unknown})
        all(*table, of_name_at_address_, Kind::device_at_address);
    for (const auto* table : {&names_.known, &names_.unknown}) all(*table, of_name_, Kind::device);
    all(addresses_, of_address_, Kind::address);
}

std::vector<LoginThrottle::Lock> LoginThrottle::locks(TimePoint now) const {
    std::vector<Lock> locks;
    visit_failures([&](const Known& one, const LockoutRules&, Lock::Kind kind) {
        if (one.failures.is_locked(now))
            locks.push_back({kind, one.name, one.address, one.failures.locked_until()});
    });
    flapping_.visit([&](const Flapping& one) {
        if (now < one.banned_until)
            locks.push_back({Lock::Kind::flapping, one.client_id, one.address, one.banned_until});
    });
    std::ranges::sort(locks, std::greater(), &Lock::until);
    if (locks.size() > limits::locks_listed_max) locks.resize(limits::locks_listed_max);
    return locks;
}

LoginThrottle::Pressure LoginThrottle::pressure_on(std::string_view name, TimePoint now) const {
    Pressure pressure;
    visit_failures([&](const Known& one, const LockoutRules& rules, Lock::Kind kind) {
        if (kind == Lock::Kind::address || one.name != name) return;
        const std::uint32_t failures = one.failures.count(rules, now);
        pressure.failures = std::max(pressure.failures, failures);
        if (one.failures.is_locked(now))
            pressure.locks.push_back({kind, one.name, one.address, one.failures.locked_until()});
    });
    flapping_.visit([&](const Flapping& one) {
        if (now < one.banned_until && one.client_id == name)
            pressure.locks.push_back(
                {Lock::Kind::flapping, one.client_id, one.address, one.banned_until});
    });
    return pressure;
}

// which: is it concerned, as a lock of that kind, name and address?
template <class Which>
std::size_t LoginThrottle::clear(TimePoint now, Which which) {
    using Kind = Lock::Kind;
    std::size_t ended = 0;
    const auto clear_table = [&](LruTable<Known>& table, Kind kind) {
        table.erase_if([&](const Known& one) {
            if (!which(kind, one.name, one.address)) return false;
            ended += one.failures.is_locked(now);
            return true;
        });
    };
    for (auto* table : {&names_at_addresses_.known, &names_at_addresses_.unknown})
        clear_table(*table, Kind::device_at_address);
    for (auto* table : {&names_.known, &names_.unknown}) clear_table(*table, Kind::device);
    clear_table(addresses_, Kind::address);
    flapping_.erase_if([&](const Flapping& one) {
        if (!which(Kind::flapping, one.client_id, one.address)) return false;
        ended += now < one.banned_until;
        return true;
    });
    return ended;
}

std::size_t LoginThrottle::clear_name(std::string_view name, TimePoint now) {
    return clear(now, [&](Lock::Kind kind, const std::string& of, const std::string&) {
        return kind != Lock::Kind::address && of == name;
    });
}

std::size_t LoginThrottle::clear_address(std::string_view address, TimePoint now) {
    return clear(now, [&](Lock::Kind kind, const std::string&, const std::string& at) {
        return kind != Lock::Kind::device && at == address;
    });
}

std::size_t LoginThrottle::clear_all(TimePoint now) {
    return clear(now, [](Lock::Kind, const std::string&, const std::string&) { return true; });
}

}  // namespace drawbridge::auth
