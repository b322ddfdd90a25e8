#include "broker/app/device_import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "auth/allowed_text.hpp"
#include "auth/device_row.hpp"
#include "auth/device_update.hpp"
#include "auth/limits.hpp"
#include "auth/psk.hpp"
#include "broker/app/command_failed.hpp"
#include "storage/query.hpp"
#include "storage/unix_time.hpp"

namespace drawbridge::app {
namespace {

using auth::AccountKind;
using storage::Query;
using storage::to_unix_ms;

bool same_rules(const std::vector<auth::Rule>& a, const std::vector<auth::Rule>& b) {
    return std::equal(
        a.begin(), a.end(), b.begin(), b.end(), [](const auth::Rule& one, const auth::Rule& other) {
            return one.effect == other.effect && one.operation == other.operation &&
                   one.filter == other.filter && one.across_tenants == other.across_tenants;
        });
}

}  // namespace

DeviceImport::DeviceImport(DeviceRegistry& registry, ImportOptions options, WallTime now)
    : registry_(registry),
      options_(options),
      now_(now),
      channels_(registry.store().database()),
      psks_(registry.store().database()),
      insert_device_(registry.store().database(),
                     "INSERT INTO devices "
                     "(device_id, tenant, profile, name, created_at, kind, enabled) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?)"),
      insert_key_(registry.store().database(),
                  "INSERT INTO api_keys (key_id, device_id, hash, label, created_at, expires_at) "
                  "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"),
      count_keys_(registry.store().database(),
                  "SELECT count(*) FROM api_keys WHERE device_id = ?") {
    // Keys come in no order, so each page is written to again and again. With SQLite's own 2 MB,
    // pages go out to the log and come back: 100,000 devices with keys took twice as long.
    registry.store().database().exec(fmt::format("PRAGMA cache_size = -{}", import_cache_kib));
}

std::optional<MadeKey> DeviceImport::take(const DeviceLine& line, std::size_t line_number) {
    auth::check_id(to_text(line.kind.value_or(AccountKind::device)), line.device_id);
    const auto [first, is_new] = line_of_id_.try_emplace(line.device_id, line_number);
    if (!is_new)
        throw BadLine(fmt::format("{} is in line {} already", line.device_id, first->second));
    if (line_of_id_.size() > import_devices_max)
        throw CommandFailed(fmt::format("there are more than {} devices; import them in parts",
                                        import_devices_max));

    const std::optional<auth::StoredDevice> device = registry_.store().find(line.device_id);
    bool changed = false;
    if (device)
        changed = update(line, *device);
    else
        add(line);
    const bool keys_changed = add_keys(line);
    const bool psk_changed = set_psk(line);
    const bool channels_changed = set_channels(line);
    const bool rules_changed = set_rules(line);
    changed = changed || keys_changed || psk_changed || channels_changed || rules_changed;

    std::optional<MadeKey> key;
    if (options_.make_keys && count_keys(line.device_id) == 0) key = make_key(line.device_id);
    ++(!device ? totals_.added : changed || key ? totals_.changed : totals_.unchanged);
    return key;
}

void DeviceImport::add(const DeviceLine& line) {
    const AccountKind kind = line.kind.value_or(AccountKind::device);
    const std::string tenant = line.tenant.value_or("");
    const std::string name = line.name.value_or("");
    const std::string profile =
        line.profile.value_or(kind == AccountKind::device ? "core" : "service");
    auth::check_tenant(tenant);
    auth::check_text("name", name);
    check_profile(profile);
    Query insert(insert_device_);
    insert.bind(1, line.device_id).bind(2, tenant).bind(3, profile).bind(4, name);
    insert.bind(5, to_unix_ms(now_)).bind(6, to_text(kind));
    insert.bind(7, std::int64_t{line.enabled.value_or(true)}).change();
}

bool DeviceImport::update(const DeviceLine& line, const auth::StoredDevice& device) {
    if (!options_.update)
        throw BadLine(fmt::format("there is a {} {} already; --update changes those that are there",
                                  to_text(device.kind), device.device_id));
    if (line.kind && *line.kind != device.kind)
        throw BadLine(
            fmt::format("{} is a {}, and stays one", device.device_id, to_text(device.kind)));
    if (line.profile) check_profile(*line.profile);
    return auth::update_device(registry_.store().database(), device,
                               {.tenant = line.tenant,
                                .profile = line.profile,
                                .name = line.name,
                                .enabled = line.enabled});
}

bool DeviceImport::add_keys(const DeviceLine& line) {
    bool added = false;
    if (line.key) {
        const auto key_id = auth::key_id_of(line.key->api_key);
        if (!key_id)
            throw BadLine("api_key is no API key: sk_live_ and 43 characters of URL-safe base64");
        added = add_key(line.device_id, {.key_id = std::string(*key_id),
                                         .hash = hasher().hash(line.key->api_key),
                                         .label = line.key->label,
                                         .created_at = now_,
                                         .expires_at = line.key->expires_at,
                                         .last_used_at = {}});
    }
    for (auth::StoredKey key : line.keys) {
        if (key.key_id.size() != auth::key_id_size)
            throw BadLine(fmt::format("key_id must have {} characters", auth::key_id_size));
        if (!hasher_) hasher_.emplace(registry_.open_shared_secret());
        if (key.created_at == WallTime{}) key.created_at = now_;
        added = add_key(line.device_id, std::move(key)) || added;
    }
    return added;
}

// False: the device has it already.
bool DeviceImport::add_key(const std::string& device_id, auth::StoredKey key) {
    auth::check_text("label", key.label);
    Query insert(insert_key_);
    insert_key_.bind(1, key.key_id);
    insert_key_.bind(2, device_id);
    insert_key_.bind(3, key.hash.data(), static_cast<int>(key.hash.size()));
    insert_key_.bind(4, key.label);
    insert_key_.bind(5, to_unix_ms(key.created_at));
    auth::bind_time(insert_key_, 6, key.expires_at);
    if (insert.change() == 0) {
        for (const auth::StoredKey& own : registry_.store().keys(device_id))
            if (own.key_id == key.key_id && auth::equal(own.hash, key.hash)) return false;
        throw BadLine(fmt::format("there is a key {} already, of {}", key.key_id,
                                  registry_.store().device_of_key(key.key_id).value_or("?")));
    }
    if (count_keys(device_id) > limits::keys_per_device_max)
        throw BadLine(
            fmt::format("{} would have more than {} keys", device_id, limits::keys_per_device_max));
    return true;
}

std::size_t DeviceImport::count_keys(const std::string& device_id) {
    Query count(count_keys_);
    return count.bind(1, device_id).next() ? static_cast<std::size_t>(count.column(0).getInt64())
                                           : 0;
}

// In place of the one that the device has. False: it has this one.
bool DeviceImport::set_psk(const DeviceLine& line) {
    if (!line.psk && !line.sealed_psk) return false;
    if (line.sealed_psk && !vault_) vault_.emplace(registry_.open_shared_secret());
    const auto wanted = line.psk ? auth::psk_of_hex(*line.psk)
                                 : vault().open(line.device_id, line.sealed_psk->sealed);
    if (!wanted)
        throw BadLine(
            "sealed_psk does not open: it was sealed for another device or under another "
            "secret.key, or it is damaged");
    const std::optional<auth::StoredPsk> before = psks_.find(line.device_id);
    const bool has_it = before && vault().open(line.device_id, before->sealed) == wanted;
    if (line.psk) {
        if (!has_it) psks_.set(line.device_id, vault().seal(line.device_id, *wanted), now_);
        return !has_it;
    }
    if (has_it && before->psk_id == line.sealed_psk->psk_id) return false;
    auth::StoredPsk psk = *line.sealed_psk;
    if (psk.created_at == WallTime{}) psk.created_at = now_;
    psks_.put(line.device_id, psk);
    return true;
}

bool DeviceImport::set_channels(const DeviceLine& line) {
    if (!line.channels) return false;
    std::vector<std::string> wanted = *line.channels;
    std::sort(wanted.begin(), wanted.end());
    const std::vector<std::string> before = channels_.channels(line.device_id);
    if (wanted == before) return false;
    for (const std::string& channel : before)
        if (!std::binary_search(wanted.begin(), wanted.end(), channel))
            channels_.disconnect(line.device_id, channel);
    for (const std::string& channel : wanted)
        if (!std::binary_search(before.begin(), before.end(), channel))
            channels_.connect(line.device_id, channel);
    return true;
}

bool DeviceImport::set_rules(const DeviceLine& line) {
    if (!line.rules) return false;
    auth::DeviceStore& store = registry_.store();
    const std::vector<auth::Rule> before = store.rules(line.device_id);
    if (same_rules(*line.rules, before)) return false;
    for (const auth::Rule& rule : before) store.remove_rule(line.device_id, rule.rule_id);
    for (const auth::Rule& rule : *line.rules) store.add_rule(line.device_id, rule);
    return true;
}

void DeviceImport::check_profile(const std::string& name) {
    if (profiles_.contains(name)) return;
    registry_.profiles().get(name);  // or says that there is none
    profiles_.insert(name);
}

MadeKey DeviceImport::make_key(const std::string& device_id) {
    MadeKey made;
    made.api_key = auth::make_api_key();
    made.key_id = std::string(auth::key_id_of(made.api_key).value());
    add_key(device_id, {.key_id = made.key_id,
                        .hash = hasher().hash(made.api_key),
                        .label = {},
                        .created_at = now_,
                        .expires_at = {},
                        .last_used_at = {}});
    return made;
}

const auth::KeyHasher& DeviceImport::hasher() {
    if (!hasher_) hasher_.emplace(registry_.open_secret());
    return *hasher_;
}

const auth::PskVault& DeviceImport::vault() {
    if (!vault_) vault_.emplace(registry_.open_secret());
    return *vault_;
}

}  // namespace drawbridge::app
