// DeviceRegistry: what the commands that look at devices or change them have in common: the
// database, the secret, the profiles, and the broker that may be running on the same directory.
//
// Owner: one command. Threads: the owner's only.
#pragma once

#include <boost/json/array.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "auth/device_store.hpp"
#include "auth/open_secret.hpp"
#include "auth/profile.hpp"
#include "auth/profile_store.hpp"
#include "auth/secret.hpp"
#include "broker/app/global_options.hpp"
#include "broker/base/clock.hpp"

namespace drawbridge::app {

struct MadeKey {
    std::string key_id;
    std::string api_key;  // its text, which exists only here
    std::optional<WallTime> expires_at;
};

class DeviceRegistry {
public:
    enum class IfMissing { create, refuse };

    // Opens the data directory; if there is none, makes it (mode 0700) or throws CommandFailed.
    DeviceRegistry(const GlobalOptions& options, IfMissing if_missing);

    auth::DeviceStore& store() { return store_; }
    auth::ProfileStore& profile_store() { return profile_store_; }
    // Those built in and the operator's own, but for those of these that cannot be used.
    const auth::Profiles& profiles() const { return profiles_; }

    // Makes a key and stores its hash.
    MadeKey make_key(std::string_view device_id, const std::string& label,
                     std::optional<WallTime> expires_at, WallTime now);

    // The secret of this database; made if there is none and no key needs it. Throws
    // auth::SecretRefused.
    auth::Secret open_secret() { return auth::open_secret(data_, store_); }
    // The same, for keys that come from another broker with its secret: throws CommandFailed if
    // there is none yet.
    auth::Secret open_shared_secret();

    // Writes into the audit who has changed what; in the transaction of the change. subject: as in
    // "device disabled". device_id: "" if it concerns none. details: never a secret.
    void note_change(std::string_view device_id, std::string_view subject, std::string_view details,
                     WallTime now);

    // Has the running broker, if any, act on what was changed. If it does not answer, a warning
    // goes to stderr: the change is made all the same, and the broker looks for changes by itself.
    void tell_broker() const;

    // The live connections as the running broker tells them; none if no broker is running.
    boost::json::array live_clients() const;
    boost::json::array live_clients_of(std::string_view identity) const;

private:
    boost::json::array ask_for_clients(const boost::json::object& request) const;

    std::filesystem::path data_;
    auth::DeviceStore store_;
    auth::ProfileStore profile_store_{store_.database()};
    auth::Profiles profiles_ = auth::Profiles::built_in();
};

}  // namespace drawbridge::app
