#include "auth/limit_overrides.hpp"

namespace drawbridge::auth {
namespace {

template <auto field>
void set(Limits& limits, std::uint64_t value) {
    limits.*field = static_cast<std::remove_reference_t<decltype(limits.*field)>>(value);
}

// The same bounds as in the configuration.
constexpr ProfileLimit limits_of_profiles[] = {
    {"max_subscriptions_per_client", 1'000'000, false, false,
     set<&Limits::max_subscriptions_per_client>},
    {"max_session_expiry", UINT32_MAX, true, true, set<&Limits::max_session_expiry>},
    {"max_queued_messages", 100'000'000, true, false, set<&Limits::max_queued_messages>},
    {"max_queued_bytes", 1ULL << 40, true, false, set<&Limits::max_queued_bytes>},
    {"messages_per_second", 1'000'000'000, true, false, set<&Limits::messages_per_second>},
    {"bytes_per_second", 4'000'000'000, true, false, set<&Limits::bytes_per_second>},
};

}  // namespace

std::span<const ProfileLimit> profile_limits() { return limits_of_profiles; }

Limits override_limits(Limits limits, const LimitOverrides& overrides) {
    for (const LimitOverride& one : overrides) one.limit->set(limits, one.value);
    return limits;
}

}  // namespace drawbridge::auth
