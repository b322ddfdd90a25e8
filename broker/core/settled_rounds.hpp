// SettledRounds: what one shard tells another of its rounds: up to which they have been taken in,
// and which of them have caused something that is not safe yet.
//
// Round by round, not up to a mark: two shards that hand messages on to each other would wait for
// each other else.
// Threads: publish() from the shard that has taken the rounds in, the rest from any.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "broker/core/open_turns.hpp"

namespace drawbridge::core {

class SettledRounds {
public:
    struct State {
        std::uint64_t version = 0;
        std::uint64_t seen = 0;
        std::vector<std::uint64_t> open;  // in order
    };

    // Returns false if nothing has changed.
    bool publish(std::uint64_t seen, const OpenTurns& open);

    std::uint64_t version() const { return version_.load(std::memory_order_seq_cst); }
    State read() const;

private:
    std::atomic<std::uint64_t> version_{0};
    mutable std::mutex mutex_;
    State state_;                         // guarded by mutex_; written by publish() alone
    std::vector<std::uint64_t> scratch_;  // of publish()
};

}  // namespace drawbridge::core
