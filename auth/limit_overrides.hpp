// LimitOverrides: the limits that a profile sets for each of its clients, in place of those that
// the configuration sets for all.
//
// Threads: any; a plain value.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "broker/base/limits.hpp"

namespace drawbridge::auth {

// A limit that may differ from profile to profile. Those that are announced to a client when it
// connects, or that guard the broker as a whole, are not among them.
struct ProfileLimit {
    std::string_view name;  // as in the configuration
    std::uint64_t most;     // and at least 1, unless zero means something
    bool may_be_zero;
    bool is_duration;  // kept in seconds, written "30d"
    void (*set)(Limits& limits, std::uint64_t value);
};

std::span<const ProfileLimit> profile_limits();

struct LimitOverride {
    const ProfileLimit* limit;
    std::uint64_t value;
};

using LimitOverrides = std::vector<LimitOverride>;

Limits override_limits(Limits limits, const LimitOverrides& overrides);

}  // namespace drawbridge::auth
