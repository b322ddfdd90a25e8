// Key rotation: a device gets a new API key, and the ones before it are good for a while longer, so
// that the device can be told the new one over the connection that it has by the old one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/device_store.hpp"

namespace drawbridge::auth {

struct Rotation {
    std::vector<StoredKey> replaced;     // with the time when each expires now
    std::vector<std::string> forgotten;  // ids of keys whose time had run out before
};

// Gives all keys of the device, or only the one named, an end: at the given time, unless a key
// would expire sooner. Forgets those whose time ran out before now; so rotating for years does not
// reach limits::keys_per_device_max. Within a transaction of the caller's, who then adds the new
// key. Throws RefusedChange if there is no such device or key.
Rotation expire_keys(DeviceStore& store, std::string_view device_id,
                     const std::optional<std::string>& key_id, WallTime at, WallTime now);

}  // namespace drawbridge::auth
