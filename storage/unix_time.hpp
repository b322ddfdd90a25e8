// Times in our databases: whole milliseconds since 1970, UTC, in an INTEGER column.
#pragma once

#include <algorithm>
#include <cstdint>

#include "broker/base/clock.hpp"

namespace drawbridge::storage {

inline std::int64_t to_unix_ms(WallTime time) {
    return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

// What WallTime cannot hold (the year 2262 and later) becomes its last millisecond.
inline WallTime from_unix_ms(std::int64_t unix_ms) {
    constexpr auto last = std::chrono::duration_cast<milliseconds>(WallTime::duration::max());
    return WallTime(std::clamp(milliseconds(unix_ms), milliseconds(0), last));
}

}  // namespace drawbridge::storage
