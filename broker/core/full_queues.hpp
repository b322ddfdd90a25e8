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

#include "broker/core/text_hash.hpp"

namespace drawbridge::core {

class FullQueues {
public:
    void add(const std::vector<std::string>& filters);
    // What add() was given.
    void remove(const std::vector<std::string>& filters);

    // One load while no queue is full.
    bool concern(std::string_view topic) const;

private:
    using Counts = boost::unordered_flat_map<std::string, std::size_t, TextHash, std::equal_to<>>;

    Counts& counts_for(const std::string& filter);

    std::atomic<bool> some_{false};
    mutable std::mutex mutex_;
    Counts exact_;      // guarded by mutex_; how many sessions, by filter without wildcards
    Counts wildcards_;  // guarded by mutex_
};

}  // namespace drawbridge::core
