// SessionOwners: whose the sessions are that outlived the broker's process, and what they may do
// now.
//
// Owner: the app, at the start. Threads: one.
// Failure: SQLite::Exception when the database cannot be read.
#pragma once

#include <filesystem>
#include <string>

#include "auth/verifier.hpp"

namespace drawbridge::auth {

class SessionOwners {
public:
    // anonymous_profile: "" if anonymous clients are not admitted.
    SessionOwners(const std::filesystem::path& database, const Secret& secret, Profiles profiles,
                  std::string anonymous_profile);

    // The owner, as he is while his client is away: until it comes back and proves who it is, a
    // change of keys concerns nobody. Null: there is none any more, and the session must end.
    core::IdentityPtr find(const std::string& identity, const std::string& client_id);

private:
    DeviceStore store_;
    Verifier verifier_;
    const std::string anonymous_profile_;
    const std::int64_t as_of_;
};

}  // namespace drawbridge::auth
