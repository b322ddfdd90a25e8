// What an operator changes of a device or service that is there: whose it is, its profile, its
// name.
#pragma once

#include <optional>
#include <string>

#include "auth/device_store.hpp"

namespace drawbridge::auth {

// What is not set stays as it is.
struct DeviceUpdate {
    std::optional<std::string> tenant;
    std::optional<std::string> profile;
    std::optional<std::string> name;
    std::optional<bool> enabled;
};

// Returns whether anything was different. Changes only what is: a live session is told of changes,
// and must not be disturbed by none. Throws RefusedChange.
bool update_device(SQLite::Database& database, const StoredDevice& device,
                   const DeviceUpdate& update);

}  // namespace drawbridge::auth
