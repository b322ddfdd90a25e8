#include "auth/device_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/allowed_text.hpp"
#include "auth/device_row.hpp"
#include "auth/limits.hpp"
#include "auth/refused_change.hpp"
#include "auth/similar_ids.hpp"
#include "storage/device_schema.hpp"
#include "storage/query.hpp"
#include "storage/unix_time.hpp"

namespace drawbridge::auth {
namespace {

using storage::from_unix_ms;
using storage::Query;
using storage::to_unix_ms;

StoredKey key_in(SQLite::Statement& row) {
    StoredKey key;
    key.key_id = row.getColumn(0).getString();
    const SQLite::Column hash = row.getColumn(1);
    // A hash of another size would be somebody's handiwork; it stays zero, which no key has.
    if (static_cast<std::size_t>(hash.getBytes()) == key.hash.size())
        std::copy_n(static_cast<const std::uint8_t*>(hash.getBlob()), key.hash.size(),
                    key.hash.begin());
    key.label = row.getColumn(2).getString();
    key.created_at = from_unix_ms(row.getColumn(3).getInt64());
    key.expires_at = time_in(row.getColumn(4));
    key.last_used_at = time_in(row.getColumn(5));
    return key;
}

}  // namespace

DeviceStore::DeviceStore(const std::filesystem::path& file)
    : database_(storage::open_database(file, storage::device_schema)),
      snapshot_(database_),
      find_(database_, fmt::format("SELECT {} FROM devices WHERE device_id = ?", device_columns)),
      nearest_(database_,
               fmt::format("SELECT {} FROM devices WHERE device_id >= ? ORDER BY device_id LIMIT 1",
                           device_columns)),
      enabled_(database_, "SELECT enabled FROM devices WHERE device_id = ?"),
      keys_(database_,
            "SELECT key_id, hash, label, created_at, expires_at, last_used_at FROM api_keys "
            "WHERE device_id = ? ORDER BY created_at, key_id"),
      device_of_key_(database_, "SELECT device_id FROM api_keys WHERE key_id = ?"),
      rules_(database_,
             "SELECT rule_id, effect, operation, filter, across_tenants FROM rules "
             "WHERE device_id = ? "
             "ORDER BY rule_id"),
      data_version_(database_, "PRAGMA data_version"),
      keys_expired_(database_,
                    "SELECT DISTINCT device_id FROM api_keys "
                    "WHERE expires_at > ? AND expires_at <= ?") {}

SQLite::Transaction DeviceStore::begin() {
    return SQLite::Transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
}

void DeviceStore::add(const NewDevice& device, WallTime now) {
    check_id(to_text(device.kind), device.device_id);
    check_tenant(device.tenant);
    check_text("name", device.name);
    SQLite::Statement insert(
        database_,
        "INSERT INTO devices (device_id, tenant, profile, name, created_at, kind) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    insert.bind(1, device.device_id);
    insert.bind(2, device.tenant);
    insert.bind(3, device.profile);
    insert.bind(4, device.name);
    insert.bind(5, to_unix_ms(now));
    insert.bind(6, std::string(to_text(device.kind)));
    if (insert.exec() == 0)
        throw RefusedChange(
            fmt::format("there is a {1} {0} already; see drawbridge {1} show {0}, or give it "
                        "another key with drawbridge key add {0}",
                        device.device_id, to_text(get(device.device_id).kind)));
}

void DeviceStore::remove(std::string_view device_id) {
    SQLite::Statement remove(database_, "DELETE FROM devices WHERE device_id = ?");
    remove.bind(1, std::string(device_id));
    if (remove.exec() == 0) refuse_unknown(device_id);
}

void DeviceStore::set_enabled(std::string_view device_id, bool enabled) {
    SQLite::Statement update(database_, "UPDATE devices SET enabled = ? WHERE device_id = ?");
    update.bind(1, enabled ? 1 : 0);
    update.bind(2, std::string(device_id));
    if (update.exec() == 0) refuse_unknown(device_id);
}

std::optional<StoredDevice> DeviceStore::find(std::string_view device_id) {
    Query query(find_);
    if (!query.bind(1, device_id).next()) return std::nullopt;
    return device_in(find_);
}

std::optional<StoredDevice> DeviceStore::nearest(std::string_view device_id) {
    for (const std::string_view from : {device_id, std::string_view()}) {
        Query query(nearest_);
        if (query.bind(1, from).next()) return device_in(nearest_);
    }
    return std::nullopt;
}

StoredDevice DeviceStore::get(std::string_view device_id) {
    if (std::optional<StoredDevice> device = find(device_id)) return *std::move(device);
    refuse_unknown(device_id);
}

std::optional<bool> DeviceStore::is_enabled(std::string_view device_id) {
    Query query(enabled_);
    if (!query.bind(1, device_id).next()) return std::nullopt;
    return query.column(0).getInt() != 0;
}

bool DeviceStore::has_devices() {
    return database_.execAndGet("SELECT EXISTS (SELECT * FROM devices)").getInt() != 0;
}

void DeviceStore::add_key(std::string_view device_id, const StoredKey& key) {
    check_known(device_id);
    check_text("label", key.label);
    if (keys(device_id).size() >= limits::keys_per_device_max)
        throw RefusedChange(
            fmt::format("device {0} has {1} keys already; revoke one that drawbridge key list {0} "
                        "shows as not in use",
                        device_id, limits::keys_per_device_max));

    SQLite::Statement insert(
        database_,
        "INSERT INTO api_keys (key_id, device_id, hash, label, created_at, expires_at) "
        "VALUES (?, ?, ?, ?, ?, ?)");
    insert.bind(1, key.key_id);
    insert.bind(2, std::string(device_id));
    insert.bind(3, key.hash.data(), static_cast<int>(key.hash.size()));
    insert.bind(4, key.label);
    insert.bind(5, to_unix_ms(key.created_at));
    bind_time(insert, 6, key.expires_at);
    insert.exec();
}

void DeviceStore::revoke_key(std::string_view device_id, std::string_view key_id) {
    check_known(device_id);
    SQLite::Statement remove(database_, "DELETE FROM api_keys WHERE device_id = ? AND key_id = ?");
    remove.bind(1, std::string(device_id));
    remove.bind(2, std::string(key_id));
    if (remove.exec() == 0)
        throw RefusedChange(
            fmt::format("device {0} has no key {1}; drawbridge key list {0} shows those it has",
                        device_id, key_id));
}

std::vector<StoredKey> DeviceStore::keys(std::string_view device_id) {
    Query query(keys_);
    query.bind(1, device_id);
    std::vector<StoredKey> keys;
    while (query.next()) keys.push_back(key_in(keys_));
    return keys;
}

std::optional<std::string> DeviceStore::device_of_key(std::string_view key_id) {
    Query query(device_of_key_);
    if (!query.bind(1, key_id).next()) return std::nullopt;
    return query.column(0).getString();
}

bool DeviceStore::has_keys() {
    return database_.execAndGet("SELECT EXISTS (SELECT * FROM api_keys)").getInt() != 0;
}

std::int64_t DeviceStore::add_rule(std::string_view device_id, const Rule& rule) {
    check_known(device_id);
    if (rule.filter.size() > limits::rule_filter_bytes_max || !is_rule_filter(rule.filter))
        throw RefusedChange(fmt::format(
            "'{}' cannot be a rule's filter; write a topic filter, where {{device_id}} and "
            "{{tenant}} stand for the device's own",
            rule.filter));
    if (rule.across_tenants &&
        (rule.effect != Effect::allow || rule.operation != Operation::subscribe))
        throw RefusedChange(
            "only a rule that allows a subscription can reach across tenants; a deny holds for "
            "messages of all tenants anyway");
    if (rules(device_id).size() >= limits::rules_per_device_max)
        throw RefusedChange(fmt::format(
            "device {} has {} rules already; put what many devices share into a profile", device_id,
            limits::rules_per_device_max));

    SQLite::Statement insert(database_,
                             "INSERT INTO rules (device_id, effect, operation, filter, "
                             "across_tenants) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    insert.bind(1, std::string(device_id));
    insert.bind(2, std::string(to_text(rule.effect)));
    insert.bind(3, std::string(to_text(rule.operation)));
    insert.bind(4, rule.filter);
    insert.bind(5, rule.across_tenants ? 1 : 0);
    if (insert.exec() == 0)
        throw RefusedChange(fmt::format("device {} has this rule already", device_id));
    return database_.getLastInsertRowid();
}

void DeviceStore::remove_rule(std::string_view device_id, std::int64_t rule_id) {
    check_known(device_id);
    SQLite::Statement remove(database_, "DELETE FROM rules WHERE device_id = ? AND rule_id = ?");
    remove.bind(1, std::string(device_id));
    remove.bind(2, rule_id);
    if (remove.exec() == 0)
        throw RefusedChange(
            fmt::format("device {0} has no rule {1}; drawbridge acl list {0} shows those it has",
                        device_id, rule_id));
}

std::vector<Rule> DeviceStore::rules(std::string_view device_id) {
    Query query(rules_);
    query.bind(1, device_id);
    std::vector<Rule> rules;
    while (query.next())
        rules.push_back({
            .rule_id = query.column(0).getInt64(),
            .effect = query.column(1).getString() == "allow" ? Effect::allow : Effect::deny,
            .operation = query.column(2).getString() == "publish" ? Operation::publish
                                                                  : Operation::subscribe,
            .filter = query.column(3).getString(),
            .across_tenants = query.column(4).getInt() != 0,
        });
    return rules;
}

std::int64_t DeviceStore::data_version() {
    Query query(data_version_);
    query.next();
    return query.column(0).getInt64();
}

Changes DeviceStore::changes_since(std::int64_t seq) {
    SQLite::Statement query(database_,
                            "SELECT seq, device_id FROM changes WHERE seq > ? ORDER BY seq");
    query.bind(1, seq);
    Changes changes{.device_ids = {}, .seq = seq};
    while (query.executeStep()) {
        changes.seq = query.getColumn(0).getInt64();
        changes.device_ids.push_back(query.getColumn(1).getString());
    }
    return changes;
}

std::int64_t DeviceStore::newest_change() {
    return database_.execAndGet("SELECT coalesce(max(seq), 0) FROM changes").getInt64();
}

bool DeviceStore::forget_changes(std::int64_t seq, int at_most) {
    SQLite::Statement remove(database_,
                             "DELETE FROM changes WHERE seq IN "
                             "(SELECT seq FROM changes WHERE seq <= ? ORDER BY seq LIMIT ?)");
    remove.bind(1, seq);
    remove.bind(2, at_most);
    return remove.exec() < at_most;
}

std::vector<std::string> DeviceStore::keys_expired(WallTime after, WallTime until) {
    Query query(keys_expired_);
    keys_expired_.bind(1, to_unix_ms(after));
    keys_expired_.bind(2, to_unix_ms(until));
    std::vector<std::string> device_ids;
    while (query.next()) device_ids.push_back(query.column(0).getString());
    return device_ids;
}

void DeviceStore::record(const std::vector<Sighting>& sightings) {
    SQLite::Statement seen(database_, "UPDATE devices SET last_seen = ? WHERE device_id = ?");
    SQLite::Statement used(
        database_, "UPDATE api_keys SET last_used_at = ? WHERE key_id = ? AND device_id = ?");
    SQLite::Statement refused(
        database_, "UPDATE devices SET last_refusal_at = ?, last_refusal = ? WHERE device_id = ?");
    for (const Sighting& sighting : sightings) {
        if (sighting.seen) {
            seen.reset();
            seen.bind(1, to_unix_ms(*sighting.seen));
            seen.bind(2, sighting.device_id);
            seen.exec();
            used.reset();
            used.bind(1, to_unix_ms(*sighting.seen));
            used.bind(2, sighting.key_id);
            used.bind(3, sighting.device_id);
            used.exec();
        }
        if (sighting.refused) {
            refused.reset();
            refused.bind(1, to_unix_ms(*sighting.refused));
            refused.bind(2, sighting.refusal);
            refused.bind(3, sighting.device_id);
            refused.exec();
        }
    }
}

void DeviceStore::set_busy_timeout(milliseconds timeout) {
    database_.setBusyTimeout(static_cast<int>(timeout.count()));
}

void DeviceStore::check_known(std::string_view device_id) {
    if (!find(device_id)) refuse_unknown(device_id);
}

void DeviceStore::refuse_unknown(std::string_view device_id) {
    SimilarIds similar_ids(device_id);
    SQLite::Statement query(database_, "SELECT device_id FROM devices");
    while (query.executeStep()) similar_ids.consider(query.getColumn(0).getString());

    const std::vector<std::string> similar = similar_ids.nearest();
    if (similar.empty())
        throw RefusedChange(fmt::format(
            "there is no device {}; drawbridge device list shows those there are", device_id));
    throw RefusedChange(fmt::format("there is no device {}; did you mean {}?", device_id,
                                    fmt::join(similar, " or ")));
}

}  // namespace drawbridge::auth
