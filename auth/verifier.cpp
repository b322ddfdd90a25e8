#include "auth/verifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "auth/device_id.hpp"
#include "auth/limits.hpp"
#include "auth/pattern.hpp"

namespace drawbridge::auth {
namespace {

// Hashed in place of a password that is no API key.
constexpr std::string_view nobodys_key = "sk_live_0000000000000000000000000000000000000000000";
static_assert(nobodys_key.size() == api_key_size);

Variables variables_of(const Device& device, std::string_view key_id) {
    return {.device_id = device.device_id, .tenant = device.tenant, .key_id = key_id};
}

}  // namespace

bool may_use_client_id(const Device& device, std::string_view key_id, std::string_view client_id) {
    const auto& patterns = device.profile->client_ids;
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return fits(pattern, variables_of(device, key_id), client_id);
    });
}

Verifier::Verifier(DeviceStore& store, const Secret& secret, Profiles profiles)
    : store_(store),
      channels_(store.database()),
      profiles_(std::move(profiles)),
      hasher_(secret),
      nobodys_hash_(secret.derive("hash of no key")),
      cache_(limits::device_records_max) {}

Verification Verifier::verify(const core::Credentials& shown, WallTime now) {
    const std::string_view username = shown.username ? *shown.username : std::string_view();
    const std::string_view password = shown.password ? *shown.password : std::string_view();

    const DeviceRecordPtr record = record_of_username(username);
    const std::optional<std::string_view> key_id = key_id_of(password);
    const KeyRecord* key = key_id ? record->find_key(*key_id) : nullptr;
    const KeyHash hash = hasher_.hash(key_id ? password : nobodys_key);
    const bool hashes_equal = equal(hash, key != nullptr ? key->hash : nobodys_hash_);
    const bool key_is_right = hashes_equal && key != nullptr;

    Verification result;
    if (record->device != nullptr) result.device_id = record->device->device_id;
    result.answer.why = objection(shown, *record, key, key_is_right, now);
    if (!result.answer.why.empty()) return result;
    result.key_id = key->key_id;
    result.answer.identity = std::make_shared<DeviceIdentity>(record->device, key->key_id);
    result.answer.refusal = Reason::success;
    return result;
}

std::string Verifier::objection(const core::Credentials& shown, const DeviceRecord& record,
                                const KeyRecord* key, bool key_is_right, WallTime now) {
    if (!shown.username) return "no user name";
    if (!record.known)
        return is_device_id(*shown.username) ? fmt::format("there is no device {}", *shown.username)
                                             : "the user name cannot be a device's";
    if (record.device == nullptr) return "the device has a profile that is not known";
    if (!record.enabled) return "the device is disabled";
    if (!shown.password) return "no password";
    if (!key_id_of(*shown.password)) return "the password is not an API key";
    if (key == nullptr) return "the API key is not one of this device's";
    if (!key_is_right) return fmt::format("wrong API key; its id is that of key {}", key->key_id);
    if (key->expired(now)) return fmt::format("API key {} has expired", key->key_id);

    const Device& device = *record.device;
    if (!fits(device.profile->username, variables_of(device, key->key_id), *shown.username))
        return fmt::format("the user name is not the one of profile {}", device.profile->name);
    if (!may_use_client_id(device, key->key_id, shown.client_id))
        return fmt::format("the client id is not one of profile {}", device.profile->name);
    // Whatever a profile allows: nobody takes the name of another device, and locks it out.
    if (shown.client_id != device.device_id && record_of(shown.client_id)->known)
        return "the client id is that of another device";
    return {};
}

DeviceRecordPtr Verifier::record_of_username(std::string_view username) {
    DeviceRecordPtr record = record_of(username);
    if (record->known || username.size() != key_id_size) return record;
    const std::optional<std::string> device_id = store_.device_of_key(username);
    return device_id ? record_of(*device_id) : record;
}

DeviceRecordPtr Verifier::record_of(std::string_view device_id) {
    // What a stranger made up takes no room: it is looked up, and remembered, as the empty id.
    if (!is_device_id(device_id)) device_id = {};
    if (DeviceRecordPtr record = cache_.find(device_id)) return record;
    DeviceRecordPtr record = read_record(device_id);
    cache_.remember(device_id, record);
    return record;
}

DeviceRecordPtr Verifier::read_record(std::string_view device_id) {
    // All four queries, also for a device that is not there: the time must not tell.
    const std::optional<StoredDevice> device = store_.find(device_id);
    const std::vector<StoredKey> keys = store_.keys(device_id);
    std::vector<Rule> rules = store_.rules(device_id);
    std::vector<std::string> channels = channels_.channels(device_id);

    auto record = std::make_shared<DeviceRecord>();
    if (!device) return record;
    record->known = true;
    record->enabled = device->enabled;
    for (const StoredKey& key : keys)
        record->keys.push_back({key.key_id, key.hash, key.expires_at});
    if (ProfilePtr profile = profiles_.find(device->profile))
        record->device = std::make_shared<const Device>(Device{device->device_id, device->tenant,
                                                               std::move(profile), std::move(rules),
                                                               std::move(channels)});
    return record;
}

}  // namespace drawbridge::auth
