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
    // Until then there are no sessions, and changes are dropped.
    void attach(net::Network& network);
    void detach();

    void add(const auth::DeviceChange& change);

private:
    using Pending = std::unordered_map<std::string, auth::DeviceChange>;  // by device_id

    void review(core::Shard& shard);

    std::mutex mutex_;
    net::Network* network_ = nullptr;  // guarded by mutex_; null while not attached
    std::vector<Pending> pending_;     // by shard; guarded by mutex_
};

}  // namespace drawbridge::app
