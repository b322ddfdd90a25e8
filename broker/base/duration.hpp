// Durations as people write them, in the configuration and on the command line: a whole number and
// one unit, "250ms", "3s", "5m", "24h", "90d".
//
// Threads: any; nothing here keeps state.
// Limit:   duration_max, so that no sum of a duration and a time of today overflows.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "broker/base/clock.hpp"

namespace drawbridge {

constexpr milliseconds duration_max = std::chrono::hours(24) * 366 * 200;  // two hundred years

// Nothing if the text is not a whole number with a unit, or is longer than duration_max.
std::optional<milliseconds> parse_duration(std::string_view text);

// The shortest exact spelling: 86,400,000 ms is "1d", 90,000 ms is "90s", nothing is "0s".
std::string to_text(milliseconds duration);

}  // namespace drawbridge
