// ThrottleSettings: from which number of failures or connects on a login is throttled.
#pragma once

#include <cstdint>

#include "broker/base/clock.hpp"

namespace drawbridge::auth {

// 0: without that bound. What these numbers are by default, the configuration says.
struct ThrottleSettings {
    std::uint32_t max_failures = 0;  // of one name at one address
    std::uint32_t max_failures_per_address = 0;
    std::uint32_t max_failures_per_device = 0;
    milliseconds lockout = std::chrono::minutes(5);  // the first; doubles
    milliseconds max_lockout = std::chrono::hours(1);
    std::uint32_t connects_per_second_per_address = 0;
    std::uint32_t flapping_connects = 0;  // of one client at one address, in a minute
};

}  // namespace drawbridge::auth
