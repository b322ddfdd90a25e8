#include "auth/psk_lookup.hpp"

#include <fmt/format.h>

#include <utility>

#include "auth/device_id.hpp"
#include "auth/psk.hpp"
#include "broker/base/log.hpp"
#include "storage/device_schema.hpp"

namespace drawbridge::auth {

PskLookup::PskLookup(const std::filesystem::path& database, const Secret& secret)
    : secret_(secret),
      vault_(secret),
      nobodys_sealed_(vault_.seal("", std::vector<std::uint8_t>(psk_bytes_made))),
      database_(storage::open_database(database, storage::device_schema)),
      find_(database_,
            // Looks into both tables, and has one row, whatever there is.
            "SELECT enabled, psk_id, sealed FROM (SELECT ?1 AS id) "
            "LEFT JOIN devices ON devices.device_id = id LEFT JOIN psks ON psks.device_id = id") {
    database_.exec("PRAGMA query_only = ON");
}

std::optional<core::Psk> PskLookup::find(std::string_view identity) {
    if (!is_device_id(identity)) return std::nullopt;
    const Found found = read(identity);
    core::Psk psk;
    // Derived, and opened, also where it will not be used: the time must not tell.
    std::vector<std::uint8_t> instead = stand_in(identity);
    auto opened = found.sealed.empty() ? vault_.open("", nobodys_sealed_)
                                       : vault_.open(identity, found.sealed);
    if (found.failed)
        psk.why_not = "the database cannot be read";
    else if (!found.known)
        psk.why_not = fmt::format("there is no device {}", identity);
    else if (!found.enabled)
        psk.why_not = "the device is disabled";
    else if (found.key_id.empty())
        psk.why_not = "the device has no PSK";
    else if (!opened)
        psk.why_not = "the device's PSK was kept under another secret; set it anew";

    psk.key = psk.why_not.empty() ? *std::move(opened) : std::move(instead);
    if (psk.why_not.empty()) psk.key_id = found.key_id;
    return psk;
}

bool PskLookup::in_force(std::string_view identity, std::string_view key_id) {
    const Found found = read(identity);
    return found.enabled && !key_id.empty() && found.key_id == key_id;
}

PskLookup::Found PskLookup::read(std::string_view identity) {
    Found found;
    const std::scoped_lock lock(mutex_);
    try {
        find_.bind(1, std::string(identity));
        if (find_.executeStep()) {
            found.known = !find_.getColumn(0).isNull();
            found.enabled = find_.getColumn(0).getInt() != 0;
            if (const SQLite::Column key_id = find_.getColumn(1); !key_id.isNull()) {
                found.key_id = key_id.getString();
                const SQLite::Column sealed = find_.getColumn(2);
                const auto* bytes = static_cast<const std::uint8_t*>(sealed.getBlob());
                found.sealed.assign(bytes, bytes + sealed.getBytes());
            }
        }
        failing_ = false;
    } catch (const SQLite::Exception& failure) {
        found = Found();
        found.failed = true;
        if (!std::exchange(failing_, true))
            log::error("PSKs cannot be read from the database: {}", storage::explain(failure));
    }
    find_.tryReset();  // one that is left open keeps its snapshot of the database
    return found;
}

std::vector<std::uint8_t> PskLookup::stand_in(std::string_view identity) const {
    const DerivedKey key = secret_.derive(fmt::format("PSK of nobody: {}", identity));
    return {key.begin(), key.end()};
}

}  // namespace drawbridge::auth
