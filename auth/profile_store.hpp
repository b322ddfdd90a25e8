// ProfileStore: the operator's own profiles, as drawbridge.db keeps them: each as the text of its
// file.
//
// Owner:   who has the database: a command, or the authenticator. Threads: the owner's only.
// Failure: RefusedChange for what a person asked and cannot have; SQLite::Exception when the disk
// fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/profile.hpp"
#include "broker/base/clock.hpp"
#include "storage/database.hpp"

namespace drawbridge::auth {

struct StoredProfile {
    std::string name;
    std::string text;
    WallTime changed_at;
};

struct ProfileChanges {
    std::vector<std::string> names;
    std::int64_t seq = 0;  // of the newest
};

class ProfileStore {
public:
    explicit ProfileStore(SQLite::Database& database) : database_(database) {}

    // Adds the profile, or replaces its text, which must be one that parse_profile() takes. Returns
    // true if it replaced one. Refuses the name of a built-in one.
    bool put(std::string_view name, std::string_view text, WallTime now);
    // Refuses while devices have it.
    void remove(std::string_view name);
    std::optional<StoredProfile> find(std::string_view name);
    std::vector<StoredProfile> list();  // by name
    std::int64_t devices_with(std::string_view name);

    // Which have changed since `seq`, in the order of their last change.
    ProfileChanges changes_since(std::int64_t seq);
    std::int64_t newest_change();
    // Those up to `seq` have been acted on.
    void forget_changes(std::int64_t seq);

private:
    SQLite::Database& database_;
};

// Adds all of them to those built in. Returns what is wrong with those that cannot be used, a
// sentence each.
std::vector<std::string> add_own_profiles(ProfileStore& store, Profiles& profiles);

}  // namespace drawbridge::auth
