#include "auth/key_rotation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/refused_change.hpp"
#include "storage/unix_time.hpp"

namespace drawbridge::auth {
namespace {

void set_expiry(SQLite::Database& database, const std::string& key_id, WallTime at) {
    SQLite::Statement update(database, "UPDATE api_keys SET expires_at = ? WHERE key_id = ?");
    update.bind(1, storage::to_unix_ms(at));
    update.bind(2, key_id);
    update.exec();
}

}  // namespace

Rotation expire_keys(DeviceStore& store, std::string_view device_id,
                     const std::optional<std::string>& key_id, WallTime at, WallTime now) {
    store.get(device_id);  // or says that there is no such device
    std::vector<StoredKey> keys = store.keys(device_id);
    const auto is_meant = [&](const StoredKey& key) { return !key_id || key.key_id == *key_id; };
    if (key_id && std::none_of(keys.begin(), keys.end(), is_meant))
        throw RefusedChange(
            fmt::format("device {0} has no key {1}; drawbridge key list {0} shows those it has",
                        device_id, *key_id));

    Rotation rotation;
    for (StoredKey& key : keys) {
        if (key.expires_at && *key.expires_at <= now) {
            store.revoke_key(device_id, key.key_id);
            rotation.forgotten.push_back(key.key_id);
            continue;
        }
        if (!is_meant(key)) continue;
        if (!key.expires_at || *key.expires_at > at) {
            set_expiry(store.database(), key.key_id, at);
            key.expires_at = at;
        }
        rotation.replaced.push_back(std::move(key));
    }
    return rotation;
}

}  // namespace drawbridge::auth
