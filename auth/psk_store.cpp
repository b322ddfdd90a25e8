#include "auth/psk_store.hpp"

#include <fmt/format.h>

#include "auth/psk.hpp"
#include "auth/refused_change.hpp"
#include "storage/unix_time.hpp"

namespace drawbridge::auth {

using storage::from_unix_ms;
using storage::to_unix_ms;

PskStore::PskStore(SQLite::Database& database)
    : database_(database),
      find_(database,
            "SELECT psk_id, sealed, created_at, last_used_at FROM psks WHERE device_id = ?") {}

std::string PskStore::set(std::string_view device_id, const std::vector<std::uint8_t>& sealed,
                          WallTime now) {
    // The id tells sessions of this PSK from those of the one before.
    const std::optional<StoredPsk> before = find(device_id);
    std::string psk_id = make_psk_id();
    while (before && before->psk_id == psk_id) psk_id = make_psk_id();

    put(device_id, {.psk_id = psk_id, .sealed = sealed, .created_at = now, .last_used_at = {}});
    return psk_id;
}

void PskStore::put(std::string_view device_id, const StoredPsk& psk) {
    SQLite::Statement upsert(
        database_,
        "INSERT INTO psks (device_id, psk_id, sealed, created_at) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (device_id) DO UPDATE "
        "SET psk_id = ?2, sealed = ?3, created_at = ?4, last_used_at = NULL");
    upsert.bind(1, std::string(device_id));
    upsert.bind(2, psk.psk_id);
    upsert.bind(3, psk.sealed.data(), static_cast<int>(psk.sealed.size()));
    upsert.bind(4, to_unix_ms(psk.created_at));
    upsert.exec();
}

void PskStore::remove(std::string_view device_id) {
    SQLite::Statement remove(database_, "DELETE FROM psks WHERE device_id = ?");
    remove.bind(1, std::string(device_id));
    if (remove.exec() == 0) refuse_none(device_id);
}

StoredPsk PskStore::get(std::string_view device_id) {
    if (std::optional<StoredPsk> psk = find(device_id)) return *std::move(psk);
    refuse_none(device_id);
}

std::optional<StoredPsk> PskStore::find(std::string_view device_id) {
    find_.tryReset();
    find_.bind(1, std::string(device_id));
    std::optional<StoredPsk> psk;
    if (find_.executeStep()) {
        psk.emplace();
        psk->psk_id = find_.getColumn(0).getString();
        const SQLite::Column sealed = find_.getColumn(1);
        const auto* bytes = static_cast<const std::uint8_t*>(sealed.getBlob());
        psk->sealed.assign(bytes, bytes + sealed.getBytes());
        psk->created_at = from_unix_ms(find_.getColumn(2).getInt64());
        if (const SQLite::Column used = find_.getColumn(3); !used.isNull())
            psk->last_used_at = from_unix_ms(used.getInt64());
    }
    find_.reset();  // one that is left open keeps its snapshot of the database
    return psk;
}

bool PskStore::has_any() {
    return database_.execAndGet("SELECT EXISTS (SELECT * FROM psks)").getInt() != 0;
}

void PskStore::record(const std::vector<Sighting>& sightings) {
    SQLite::Statement used(database_,
                           "UPDATE psks SET last_used_at = ? WHERE device_id = ? AND psk_id = ?");
    for (const Sighting& sighting : sightings) {
        if (!sighting.seen || !is_psk_id(sighting.key_id)) continue;
        used.reset();
        used.bind(1, to_unix_ms(*sighting.seen));
        used.bind(2, sighting.device_id);
        used.bind(3, sighting.key_id);
        used.exec();
    }
}

void PskStore::refuse_none(std::string_view device_id) {
    throw RefusedChange(
        fmt::format("device {0} has no PSK; make one with drawbridge psk set {0}", device_id));
}

}  // namespace drawbridge::auth
