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

#include "broker/core/tenants.hpp"
#include "broker/core/text_hash.hpp"

namespace drawbridge::core {

class FullQueues {
public:
    // tenant: the session's.
    void add(const std::vector<std::string>& filters, TenantId tenant);
    // What add() was given.
    void remove(const std::vector<std::string>& filters, TenantId tenant);

    // Is there one among those that messages of the tenant reach? One load while no queue is full.
    bool concern(std::string_view topic, TenantId tenant) const;

private:
    using Sessions = boost::unordered_flat_map<TenantId, std::size_t>;  // how many, by tenant
    using Counts = boost::unordered_flat_map<std::string, Sessions, TextHash, std::equal_to<>>;

    Counts& counts_for(const std::string& filter);

    std::atomic<bool> some_{false};
    mutable std::mutex mutex_;
    Counts exact_;      // guarded by mutex_; by filter without wildcards
    Counts wildcards_;  // guarded by mutex_
};

}  // namespace drawbridge::core
