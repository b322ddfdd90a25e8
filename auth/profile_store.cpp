#include "auth/profile_store.hpp"

#include <fmt/format.h>

#include "auth/profile_file.hpp"
#include "auth/refused_change.hpp"
#include "storage/unix_time.hpp"

namespace drawbridge::auth {

bool ProfileStore::put(std::string_view name, std::string_view text, WallTime now) {
    if (Profiles::is_built_in(name))
        throw RefusedChange(fmt::format(
            "profile {} is built in and stays as it is; give yours another name", name));
    const bool replaces = find(name).has_value();
    SQLite::Statement put(database_,
                          "INSERT INTO profiles (name, text, changed_at) VALUES (?, ?, ?) "
                          "ON CONFLICT (name) DO UPDATE SET text = excluded.text, "
                          "changed_at = excluded.changed_at");
    put.bind(1, std::string(name));
    put.bind(2, std::string(text));
    put.bind(3, storage::to_unix_ms(now));
    put.exec();
    return replaces;
}

void ProfileStore::remove(std::string_view name) {
    if (Profiles::is_built_in(name))
        throw RefusedChange(fmt::format("profile {} is built in and cannot be removed", name));
    const std::int64_t devices = devices_with(name);
    if (devices > 0)
        throw RefusedChange(fmt::format("profile {} cannot be removed: {} {} it", name, devices,
                                        devices == 1 ? "device has" : "devices have"));
    SQLite::Statement remove(database_, "DELETE FROM profiles WHERE name = ?");
    remove.bind(1, std::string(name));
    if (remove.exec() == 0)
        throw RefusedChange(fmt::format(
            "there is no profile {}; drawbridge profile list shows those there are", name));
}

std::optional<StoredProfile> ProfileStore::find(std::string_view name) {
    SQLite::Statement query(database_, "SELECT text, changed_at FROM profiles WHERE name = ?");
    query.bind(1, std::string(name));
    if (!query.executeStep()) return std::nullopt;
    return StoredProfile{.name = std::string(name),
                         .text = query.getColumn(0).getString(),
                         .changed_at = storage::from_unix_ms(query.getColumn(1).getInt64())};
}

std::vector<StoredProfile> ProfileStore::list() {
    SQLite::Statement query(database_, "SELECT name, text, changed_at FROM profiles ORDER BY name");
    std::vector<StoredProfile> profiles;
    while (query.executeStep())
        profiles.push_back({.name = query.getColumn(0).getString(),
                            .text = query.getColumn(1).getString(),
                            .changed_at = storage::from_unix_ms(query.getColumn(2).getInt64())});
    return profiles;
}

std::int64_t ProfileStore::devices_with(std::string_view name) {
    SQLite::Statement query(database_, "SELECT count(*) FROM devices WHERE profile = ?");
    query.bind(1, std::string(name));
    query.executeStep();
    return query.getColumn(0).getInt64();
}

ProfileChanges ProfileStore::changes_since(std::int64_t seq) {
    SQLite::Statement query(database_,
                            "SELECT seq, name FROM profile_changes WHERE seq > ? ORDER BY seq");
    query.bind(1, seq);
    ProfileChanges changes{.names = {}, .seq = seq};
    while (query.executeStep()) {
        changes.seq = query.getColumn(0).getInt64();
        changes.names.push_back(query.getColumn(1).getString());
    }
    return changes;
}

std::int64_t ProfileStore::newest_change() {
    return database_.execAndGet("SELECT coalesce(max(seq), 0) FROM profile_changes").getInt64();
}

void ProfileStore::forget_changes(std::int64_t seq) {
    SQLite::Statement remove(database_, "DELETE FROM profile_changes WHERE seq <= ?");
    remove.bind(1, seq);
    remove.exec();
}

std::vector<std::string> add_own_profiles(ProfileStore& store, Profiles& profiles) {
    std::vector<std::string> problems;
    for (const StoredProfile& stored : store.list()) {
        if (Profiles::is_built_in(stored.name)) {
            problems.push_back(
                fmt::format("profile {} has the name of a built-in one", stored.name));
            continue;
        }
        try {
            profiles.add(parse_profile(stored.text, "profile " + stored.name, stored.name));
        } catch (const RefusedChange& mistakes) {
            problems.emplace_back(mistakes.what());
        }
    }
    return problems;
}

}  // namespace drawbridge::auth
