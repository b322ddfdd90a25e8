// PskStore: the PSKs of devices, sealed, as drawbridge.db keeps them beside the devices.
//
// Owner: who owns the database's connection. Threads: the owner's only.
// Failure: RefusedChange for what a person asked and cannot have; SQLite::Exception when the disk
// fails. Time is an argument. Limit: one PSK for each device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/device_store.hpp"
#include "broker/base/clock.hpp"

namespace drawbridge::auth {

struct StoredPsk {
    std::string psk_id;
    std::vector<std::uint8_t> sealed;  // see PskVault
    WallTime created_at;
    std::optional<WallTime> last_used_at;
};

class PskStore {
public:
    // database must outlive the store.
    explicit PskStore(SQLite::Database& database);

    // In place of the one that the device had, under a new psk_id, which is returned.
    std::string set(std::string_view device_id, const std::vector<std::uint8_t>& sealed,
                    WallTime now);
    // The very PSK that another registry has, with its id. last_used_at is not taken over.
    void put(std::string_view device_id, const StoredPsk& psk);
    // The device must have one: throws RefusedChange.
    void remove(std::string_view device_id);
    StoredPsk get(std::string_view device_id);
    std::optional<StoredPsk> find(std::string_view device_id);
    bool has_any();

    // Notes when PSKs were used; sightings of other keys are passed over. Between the device
    // store's begin() and commit().
    void record(const std::vector<Sighting>& sightings);

private:
    [[noreturn]] static void refuse_none(std::string_view device_id);

    SQLite::Database& database_;
    SQLite::Statement find_;  // prepared once: the authenticator asks for each device
};

}  // namespace drawbridge::auth
