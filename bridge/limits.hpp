// The bounds of what watches services and of what speaks for other protocols, with unit and reason.
#pragma once

#include <cstddef>

#include "broker/base/clock.hpp"
#include "broker/base/limits.hpp"

namespace drawbridge::limits {

// Services whose heartbeats are watched: of all, and of one tenant, so that no tenant takes the
// others' places. 10,000 take 18 MB of memory with their retained messages (measured), and a row of
// the database each.
constexpr std::size_t services_max = 10'000;
constexpr std::size_t services_per_tenant_max = 1'000;

// Status messages that are published in one turn: a microsecond or two each. When a network fails,
// thousands of services go down at one moment.
constexpr std::size_t service_changes_per_turn_max = 256;

// "Last seen" is written at most so often, and not more than once a check: else a check each second
// would wear a small device's flash for a number that nobody reads while the broker runs.
constexpr seconds service_seen_write_interval{10};

// What could not be written to the database is tried again after so long.
constexpr seconds service_write_retry{1};

}  // namespace drawbridge::limits
