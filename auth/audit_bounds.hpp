// AuditBounds: how much of the audit an operator wants to keep.
#pragma once

#include <cstdint>

#include "broker/base/clock.hpp"

namespace drawbridge::auth {

struct AuditBounds {
    std::uint32_t max_rows = 100'000;  // 0: nothing is kept
    milliseconds max_age = std::chrono::hours(24 * 90);
};

}  // namespace drawbridge::auth
