// DeviceStore: the devices, their keys and their own rules, as drawbridge.db keeps them.
//
// Owner:   a command, or the authenticator; each has one of its own. Threads: the owner's only.
// Several
//          stores, of several processes, may be open on one database.
// Failure: RefusedChange for what a person asked and cannot have; SQLite::Exception when the disk
// fails. Time is an argument.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/account_kind.hpp"
#include "auth/acl.hpp"
#include "auth/api_key.hpp"
#include "broker/base/clock.hpp"
#include "storage/database.hpp"
#include "storage/snapshot.hpp"

namespace drawbridge::auth {

struct NewDevice {
    std::string device_id;
    std::string tenant;  // "" if none
    std::string profile;
    std::string name;  // for people
    AccountKind kind = AccountKind::device;
};

struct StoredDevice {
    std::string device_id;
    std::string tenant;
    std::string profile;
    std::string name;
    bool enabled = true;
    WallTime created_at;
    std::optional<WallTime> last_seen;
    std::optional<WallTime> last_refusal_at;
    std::string last_refusal;
    AccountKind kind = AccountKind::device;
};

struct StoredKey {
    std::string key_id;
    KeyHash hash{};
    std::string label;
    WallTime created_at;
    std::optional<WallTime> expires_at;
    std::optional<WallTime> last_used_at;
};

// What the authenticator remembers until it writes. Empty fields are left as they are.
struct Sighting {
    std::string device_id;
    std::string key_id;  // of the key used last
    std::optional<WallTime> seen;
    std::optional<WallTime> refused;
    std::string refusal;
};

struct Changes {
    std::vector<std::string> device_ids;
    std::int64_t seq = 0;  // of the newest
};

class DeviceStore {
public:
    // Opens the database, and makes it if there is none. Throws storage::DatabaseRefused.
    explicit DeviceStore(const std::filesystem::path& file);

    // For what else is kept beside the devices, in the same transactions.
    SQLite::Database& database() { return database_; }

    // All changes until commit() are one: together or not at all.
    SQLite::Transaction begin();
    // What is read while it lives is of one moment.
    storage::Snapshot snapshot() { return storage::Snapshot(snapshot_); }

    void add(const NewDevice& device, WallTime now);
    void remove(std::string_view device_id);
    void set_enabled(std::string_view device_id, bool enabled);
    std::optional<StoredDevice> find(std::string_view device_id);
    // The device, or the next one by device_id if there is none, or the first one behind the last:
    // for who must not tell by the time whether it is there. Nothing only if there are no devices.
    std::optional<StoredDevice> nearest(std::string_view device_id);
    StoredDevice get(std::string_view device_id);  // throws RefusedChange, which names similar ids
    std::optional<bool> is_enabled(std::string_view device_id);  // nothing: there is none
    bool has_devices();

    void add_key(std::string_view device_id, const StoredKey& key);
    void revoke_key(std::string_view device_id, std::string_view key_id);
    std::vector<StoredKey> keys(std::string_view device_id);  // oldest first
    std::optional<std::string> device_of_key(std::string_view key_id);
    bool has_keys();

    // Returns the rule's id.
    std::int64_t add_rule(std::string_view device_id, const Rule& rule);
    void remove_rule(std::string_view device_id, std::int64_t rule_id);
    std::vector<Rule> rules(std::string_view device_id);  // by rule_id

    // Differs from the last answer if another connection has committed since. A few microseconds.
    std::int64_t data_version();
    // Whose identity has changed since `seq`: each device once, in the order of its last change.
    Changes changes_since(std::int64_t seq);
    std::int64_t newest_change();
    // Those up to `seq` have been acted on. Forgets so many of them; false: there are more.
    bool forget_changes(std::int64_t seq, int at_most);
    // The devices that have a key whose time ran out in (after, until].
    std::vector<std::string> keys_expired(WallTime after, WallTime until);

    // Between begin() and commit(). Devices and keys that are gone by now are passed over.
    void record(const std::vector<Sighting>& sightings);

    void set_busy_timeout(milliseconds timeout);

private:
    // Throws RefusedChange if there is no such device.
    void check_known(std::string_view device_id);
    [[noreturn]] void refuse_unknown(std::string_view device_id);

    SQLite::Database database_;
    storage::Snapshot::Statements snapshot_;
    // Prepared once: what each round of the authenticator asks for.
    SQLite::Statement find_;
    SQLite::Statement nearest_;
    SQLite::Statement enabled_;
    SQLite::Statement keys_;
    SQLite::Statement device_of_key_;
    SQLite::Statement rules_;
    SQLite::Statement data_version_;
    SQLite::Statement keys_expired_;
};

}  // namespace drawbridge::auth
