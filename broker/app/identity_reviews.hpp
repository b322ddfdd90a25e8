// IdentityReviews: carries changes of devices and of profiles from the authenticator to the live
// sessions.
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
    void add(const auth::ProfileChange& change);

private:
    using DeviceChangePtr = std::shared_ptr<const auth::DeviceChange>;  // one for all shards

    struct Pending {
        std::unordered_map<std::string, DeviceChangePtr> devices;       // by device_id
        std::unordered_map<std::string, auth::ProfileChange> profiles;  // by name

        bool is_under_way = false;  // a review, which takes up the next changes when it is done

        bool empty() const { return devices.empty() && profiles.empty(); }
    };
    // Changes that have been reviewed, for clients that were on their way meanwhile.
    template <class Change>
    struct Dated {
        TimePoint at;
        Change change;
    };
    struct Recent {
        std::unordered_map<std::string, Dated<DeviceChangePtr>> devices;
        std::unordered_map<std::string, Dated<auth::ProfileChange>> profiles;
        TimePoint purged_at;
    };

    void remember(Recent& recent, const Pending& changes, TimePoint now) const;
    template <class Put>
    void add_to_each_shard(Put put);
    void review(core::Shard& shard);
    static core::Shard::Verdict judge(const std::string& client_id, const core::IdentityPtr& held,
                                      const Pending& changes);
    core::IdentityPtr recheck(core::Shard& shard, const std::string& client_id,
                              const core::IdentityPtr& identity);

    std::mutex mutex_;
    net::Network* network_ = nullptr;  // guarded by mutex_; null while not attached
    std::vector<Pending> pending_;     // by shard; guarded by mutex_
    std::vector<Recent> recent_;       // by shard; each used by its own shard's thread
    Duration remember_{};
};

}  // namespace drawbridge::app
