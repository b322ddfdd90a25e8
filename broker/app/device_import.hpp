// DeviceImport: puts device lines into the database, within a transaction of the caller's.
//
// What a line cannot have leaves as BadLine or auth::RefusedChange with one sentence; half of it
// may be done by then, so the transaction must be given up. The lines after it can be tried all the
// same, to learn what is wrong with them.
//
// Owner: one command. Time is an argument. Limit: import_devices_max lines.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "auth/channel_store.hpp"
#include "auth/device_store.hpp"
#include "auth/psk_store.hpp"
#include "auth/psk_vault.hpp"
#include "broker/app/device_lines.hpp"
#include "broker/app/device_registry.hpp"

namespace drawbridge::app {

// A million takes half a minute, and the ids of the lines so far are kept in memory: 100 MB.
constexpr std::size_t import_devices_max = 2'000'000;

// Pages of the database that are held until the end. Of 100,000 devices with keys, all.
constexpr int import_cache_kib = 128 << 10;

struct ImportOptions {
    bool update = false;     // change the devices that are there; else their lines are wrong
    bool make_keys = false;  // for those that have none
};

struct ImportTotals {
    std::size_t added = 0;
    std::size_t changed = 0;
    std::size_t unchanged = 0;
};

class DeviceImport {
public:
    // registry must outlive the import.
    DeviceImport(DeviceRegistry& registry, ImportOptions options, WallTime now);

    // line_number: in the file, for messages. Returns the key that was made for the device, if any.
    std::optional<MadeKey> take(const DeviceLine& line, std::size_t line_number);

    const ImportTotals& totals() const { return totals_; }

private:
    void add(const DeviceLine& line);
    bool update(const DeviceLine& line, const auth::StoredDevice& device);
    bool add_keys(const DeviceLine& line);
    bool add_key(const std::string& device_id, auth::StoredKey key);
    std::size_t count_keys(const std::string& device_id);
    bool set_psk(const DeviceLine& line);
    bool set_channels(const DeviceLine& line);
    bool set_rules(const DeviceLine& line);
    void check_profile(const std::string& name);
    MadeKey make_key(const std::string& device_id);
    const auth::KeyHasher& hasher();
    const auth::PskVault& vault();

    DeviceRegistry& registry_;
    const ImportOptions options_;
    const WallTime now_;
    auth::ChannelStore channels_;
    auth::PskStore psks_;
    SQLite::Statement insert_device_;
    SQLite::Statement insert_key_;
    SQLite::Statement count_keys_;
    std::optional<auth::KeyHasher> hasher_;                    // once a key is hashed
    std::optional<auth::PskVault> vault_;                      // once a PSK is sealed or opened
    std::set<std::string> profiles_;                           // known to be there
    std::unordered_map<std::string, std::size_t> line_of_id_;  // of all lines so far
    ImportTotals totals_;
};

}  // namespace drawbridge::app
