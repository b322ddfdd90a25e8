// IdentityReviews: carries changes of devices from the authenticator to the live sessions.
//
// Changes that come while a shard has not got to the last ones yet are taken together, so that
// importing thousands of devices costs each shard a few passes over its sessions, not thousands.
// Threads: add() from any; attach() and detach() from the control thread.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "auth/authenticator.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::app {

class IdentityReviews {
public:
    // Until then there are no sessions, and changes are dropped. remember: how long a client may be
    // on its way from being authenticated to having a session. Before the network starts.
    void attach(net::Network& network, Duration remember);
    void detach();

    void add(const auth::DeviceChange& change);

private:
    using Pending = std::unordered_map<std::string, auth::DeviceChange>;  // by device_id

    // A change that has been reviewed, for clients that were on their way meanwhile.
    struct Recent {
        TimePoint at;
        auth::DeviceChange change;
    };

    void review(core::Shard& shard);
    core::IdentityPtr recheck(core::Shard& shard, const std::string& client_id,
                              const core::IdentityPtr& identity);

    std::mutex mutex_;
    net::Network* network_ = nullptr;  // guarded by mutex_; null while not attached
    std::vector<Pending> pending_;     // by shard; guarded by mutex_
    // By shard, then by device_id; each used by its own shard's thread.
    std::vector<std::unordered_map<std::string, Recent>> recent_;
    Duration remember_{};
};

}  // namespace drawbridge::app
