// FullQueues: the subscriptions of sessions whose queue is full, where the operator wants that to
// be told to publishers (queue_full = "refuse"): a message that one of them matches is not taken
// over.
//
// A queue that fills on one shard is seen on the others a moment later; what comes in between is
// dropped for that session, and counted.
// Threads: any.
// Limit: max_subscriptions_per_client for each session.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/identity.hpp"
#include "broker/core/text_hash.hpp"

namespace drawbridge::core {

class FullQueues {
public:
    // session: what it may have.
    void add(const std::vector<std::string>& filters, const IdentityPtr& session);
    // With the same identity as add().
    void remove(const std::vector<std::string>& filters, const IdentityPtr& session);

    // Would one of those sessions be given such a message? One load while no queue is full.
    bool concern(std::string_view topic, TenantId tenant) const;

private:
    // By tenant; those that more than one tenant's messages reach are under 0.
    using Sessions = boost::unordered_flat_map<TenantId, std::vector<IdentityPtr>>;
    using Entries = boost::unordered_flat_map<std::string, Sessions, TextHash, std::equal_to<>>;

    static TenantId place_of(const Identity& session);
    Entries& entries_for(const std::string& filter);

    std::atomic<bool> some_{false};
    mutable std::mutex mutex_;
    Entries exact_;      // guarded by mutex_; by filter without wildcards
    Entries wildcards_;  // guarded by mutex_
};

}  // namespace drawbridge::core
