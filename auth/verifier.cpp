#include "auth/verifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "auth/device_id.hpp"
#include "auth/limits.hpp"
#include "auth/pattern.hpp"
#include "auth/psk.hpp"

namespace drawbridge::auth {
namespace {

using Proof = core::Credentials::Proof;

// Hashed in place of a password that is no key.
constexpr std::string_view nobodys_key = "sk_live_0000000000000000000000000000000000000000000";
static_assert(nobodys_key.size() == api_key_size);

Variables variables_of(const Device& device, std::string_view key_id) {
    return {.device_id = device.device_id, .tenant = device.tenant, .key_id = key_id};
}

bool any_fits(const std::vector<std::string>& patterns, const Device& device,
              std::string_view key_id, std::string_view name) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return fits(pattern, variables_of(device, key_id), name);
    });
}

}  // namespace

bool may_use_client_id(const Device& device, std::string_view key_id, std::string_view client_id) {
    return any_fits(device.profile->client_ids, device, key_id, client_id);
}

Verifier::Verifier(DeviceStore& store, const Secret& secret, Profiles profiles)
    : store_(store),
      channels_(store.database()),
      psks_(store.database()),
      profiles_(std::move(profiles)),
      hasher_(secret),
      vault_(secret),
      nobodys_hash_(secret.derive("hash of no key")),
      cache_(limits::device_records_max) {}

Verification Verifier::verify(const core::Credentials& shown, WallTime now, std::int64_t as_of) {
    const DeviceRecordPtr record =
        record_of(shown.username ? device_named(*shown.username) : shown.proven);
    const Tried tried = try_password(shown.password ? *shown.password : "", *record);

    Verification result;
    if (record->device != nullptr) result.device_id = record->device->device_id;
    result.answer.why = objection(shown, *record, tried, now);
    if (!result.answer.why.empty()) return result;
    result.key_id = shown.proof == Proof::none ? tried.key->key_id : shown.proven_key;
    const ProvedBy by = shown.proof == Proof::certificate ? ProvedBy::certificate : ProvedBy::key;
    result.answer.identity =
        std::make_shared<DeviceIdentity>(record->device, by, result.key_id, as_of);
    result.answer.refusal = Reason::success;
    return result;
}

core::Credentials Verifier::with_account_of_key(core::Credentials shown) {
    const auto key_id = key_id_of(shown.password ? *shown.password : std::string_view());
    shown.username = key_id ? device_named(*key_id) : std::string();
    shown.client_id = *shown.username;
    return shown;
}

Verifier::Tried Verifier::try_password(std::string_view password,
                                       const DeviceRecord& record) const {
    Tried tried{.text = std::string(nobodys_key)};
    if (const auto key_id = key_id_of(password)) {
        tried.text = password;
        tried.key = record.find_key(*key_id);
    } else if (is_psk_text(password)) {
        tried.text = password;
        for (char& digit : tried.text) digit = static_cast<char>(digit | 0x20);  // lower case
        tried.key = record.psk ? &*record.psk : nullptr;
    }
    const KeyHash hash = hasher_.hash(tried.text);
    const bool hashes_equal = equal(hash, tried.key != nullptr ? tried.key->hash : nobodys_hash_);
    tried.is_right = hashes_equal && tried.key != nullptr;
    return tried;
}

std::string Verifier::objection(const core::Credentials& shown, const DeviceRecord& record,
                                const Tried& tried, WallTime now) {
    const bool proved = shown.proof != Proof::none;
    if (shown.proof == Proof::certificate && shown.proven.empty())
        return "the client certificate names no device";
    if (!shown.username && !proved) return "no user name";
    const std::string& name = shown.username ? *shown.username : shown.proven;
    if (!record.known)
        return is_device_id(name) ? fmt::format("there is no device {}", name)
                                  : "the user name cannot be a device's";
    if (record.device == nullptr) return "the device has a profile that is not known";
    if (!record.enabled) return "the device is disabled";

    const Device& device = *record.device;
    if (proved && shown.proven != device.device_id)
        return fmt::format("the {} is that of {}",
                           shown.proof == Proof::psk ? "TLS-PSK identity" : "client certificate",
                           shown.proven);
    if (shown.proof == Proof::psk && (!record.psk || record.psk->key_id != shown.proven_key))
        return "the PSK of the handshake is not the device's any more";
    if (shown.password || !proved) {
        std::string wrong = objection_to_password(shown, tried, now);
        if (!wrong.empty()) return wrong;
    }

    if (shown.services_only && !record.is_service)
        return fmt::format("{} is a device, and only services use NATS (service add)",
                           device.device_id);
    const std::string& key_id = tried.key != nullptr ? tried.key->key_id : shown.proven_key;
    const bool is_own_name = proved && name == device.device_id;
    if (!is_own_name && !any_fits(device.profile->usernames, device, key_id, name))
        return fmt::format("the user name is not the one of profile {}", device.profile->name);
    // By the key that the session keeps, or the next change would judge otherwise.
    if (!may_use_client_id(device, proved ? shown.proven_key : key_id, shown.client_id))
        return fmt::format("the client id is not one of profile {}", device.profile->name);
    if (core::tenant_id(device.tenant) == core::no_tenant_left)
        return "the broker has more tenants than it can tell apart";
    // Whatever a profile allows: nobody takes the name of another device, and locks it out.
    if (shown.client_id != device.device_id && record_of(shown.client_id)->known)
        return "the client id is that of another device";
    return {};
}

void Verifier::change_profile(std::string_view name, std::optional<Profile> profile) {
    if (profile)
        profiles_.add(*std::move(profile));
    else
        profiles_.remove(name);
    cache_.clear();
}

std::string Verifier::objection_to_password(const core::Credentials& shown, const Tried& tried,
                                            WallTime now) {
    if (!shown.password) return "no password";
    const bool is_psk = is_psk_text(*shown.password);
    if (!is_psk && !key_id_of(*shown.password)) return "the password is not an API key or a PSK";
    if (tried.key == nullptr)
        return is_psk ? "the device has no PSK" : "the API key is not one of this device's";
    const std::string& key_id = tried.key->key_id;
    if (!tried.is_right)
        return is_psk ? "wrong PSK"
                      : fmt::format("wrong API key; its id is that of key {}", key_id);
    if (tried.key->expired(now)) return fmt::format("API key {} has expired", key_id);
    return {};
}

std::string Verifier::device_named(std::string_view username) {
    if (username.size() != key_id_size) return std::string(username);
    // Asked also where it is a device's id: the time must not tell.
    const std::optional<std::string> device_id = store_.device_of_key(username);
    return std::string(device_id && !record_of(username)->known ? *device_id : username);
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
    const storage::Snapshot one_moment = store_.snapshot();
    // Of a device that is not there, all is read of its neighbour: the time must not tell.
    const std::optional<StoredDevice> device = store_.nearest(device_id);
    if (!device) return std::make_shared<DeviceRecord>();
    const std::string& id = device->device_id;
    auto record = std::make_shared<DeviceRecord>();
    record->known = true;
    record->enabled = device->enabled;
    record->is_service = device->kind == AccountKind::service;
    for (const StoredKey& key : store_.keys(id))
        record->keys.push_back({key.key_id, key.hash, key.expires_at});
    const std::optional<StoredPsk> psk = psks_.find(id);
    if (psk) record->psk = record_of_psk(id, *psk);
    std::vector<Rule> rules = store_.rules(id);
    std::vector<std::string> channels = channels_.channels(id);
    if (ProfilePtr profile = profiles_.find(device->profile))
        record->device = std::make_shared<const Device>(
            Device{id, device->tenant, std::move(profile), std::move(rules), std::move(channels)});
    return id == device_id ? record : std::make_shared<DeviceRecord>();
}

// One that does not open (another secret's) gets a hash that no text has.
KeyRecord Verifier::record_of_psk(std::string_view device_id, const StoredPsk& psk) const {
    KeyRecord record{.key_id = psk.psk_id, .hash = nobodys_hash_, .expires_at = {}};
    const auto bytes = vault_.open(device_id, psk.sealed);
    const KeyHash hash = hasher_.hash(bytes ? to_hex(*bytes) : nobodys_key);
    if (bytes) record.hash = hash;
    return record;
}

}  // namespace drawbridge::auth
