// How a row of the table `devices` is read, for all that read it.
#pragma once

#include <optional>

#include "auth/device_store.hpp"

namespace drawbridge::auth {

// In the order that device_in() expects.
constexpr const char* device_columns =
    "device_id, tenant, profile, name, enabled, created_at, last_seen, last_refusal_at, "
    "last_refusal, kind";

StoredDevice device_in(SQLite::Statement& row);

std::optional<WallTime> time_in(const SQLite::Column& column);  // none: NULL
void bind_time(SQLite::Statement& statement, int index, std::optional<WallTime> time);

}  // namespace drawbridge::auth
