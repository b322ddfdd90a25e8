// PskLookup: finds the PSK for a TLS handshake, as the database has it at that moment: a changed or
// removed one is in force for the next handshake, whoever changed it and however.
//
// A connection to the database of its own, for reading, under a mutex.
// Failure: while the database cannot be read nobody has a PSK; said once in the log.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>

#include "auth/psk_vault.hpp"
#include "auth/secret.hpp"
#include "broker/core/psk_source.hpp"
#include "storage/database.hpp"

namespace drawbridge::auth {

class PskLookup final : public core::PskSource {
public:
    // Throws storage::DatabaseRefused.
    PskLookup(const std::filesystem::path& database, const Secret& secret);

    std::optional<core::Psk> find(std::string_view identity) override;
    bool in_force(std::string_view identity, std::string_view key_id) override;

private:
    // The row of a device.
    struct Found {
        bool known = false;
        bool enabled = false;
        std::string key_id;  // "": it has no PSK
        std::vector<std::uint8_t> sealed;
        bool failed = false;  // the database
    };

    Found read(std::string_view identity);
    std::vector<std::uint8_t> stand_in(std::string_view identity) const;

    const Secret secret_;
    const PskVault vault_;
    const std::vector<std::uint8_t> nobodys_sealed_;

    std::mutex mutex_;
    SQLite::Database database_;  // guarded by mutex_, as all below
    SQLite::Statement find_;
    bool failing_ = false;
};

}  // namespace drawbridge::auth
