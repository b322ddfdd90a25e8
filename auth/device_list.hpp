// A walk over the devices, by id: all of them, or those that a filter picks.
//
// Reads limits::device_page rows at a time and holds nothing of the database in between, so that a
// million devices can be printed to a slow reader while others write. Between two pages devices may
// come and go; who needs one moment's state begins a transaction first.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "auth/device_store.hpp"

namespace drawbridge::auth {

// What is not set picks all.
struct DeviceFilter {
    // With * (any text) and ? (any character): the whole id. Else: a part of the id or of the name,
    // in any case of A-Z.
    std::string pattern;
    std::optional<std::string> tenant;
    std::optional<std::string> profile;
    std::optional<AccountKind> kind;
    std::optional<bool> enabled;
    std::string after;  // the ids behind this one
};

// visit returns false to end the walk.
void for_each_device(SQLite::Database& database, const DeviceFilter& filter,
                     const std::function<bool(const StoredDevice&)>& visit);

}  // namespace drawbridge::auth
