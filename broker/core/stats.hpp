// Stats: what a shard counts. Written by its own thread alone, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace drawbridge::core {

// A number with one writer: an increment is a load and a store, not a locked instruction.
class Counter {
public:
    void add(std::uint64_t amount = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    void subtract(std::uint64_t amount = 1) {
        value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
    }
    std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct Stats {
    Counter connections;    // now
    Counter sessions;       // now, those without a connection included
    Counter sessions_kept;  // now, of them: those that outlive the process
    Counter subscriptions;
    Counter messages_in;       // PUBLISH received
    Counter messages_out;      // PUBLISH sent
    Counter connects_refused;  // CONNECT answered with a failure
    Counter publishes_denied;  // by the rules of their sender
    Counter dropped_slow;      // QoS 0: the receiver did not read, and newer ones took their place
    Counter dropped_queue_full;  // the session's queue was at its bound
    Counter dropped_too_large;   // larger than the receiver's Maximum Packet Size
    Counter refused_queue_full;  // QoS 1 and 2, not taken over because of a full queue
    Counter dropped_no_member;   // of a share group: none is allowed to receive the topic
    Counter dropped_expired;
    Counter dropped_damaged;   // their rows on disk cannot be read
    Counter dropped_denied;    // waited for a receiver whose rules changed
    Counter refused_no_space;  // QoS 1 and 2, not taken over because they could not be kept
    Counter retained_refused;  // the retained store was at its bound
    Counter guests;            // now; they are connections, too
    Counter unnamed;           // kept from a subscription whose protocol cannot name the topic
    Counter slow_guests;       // cut off because they did not read
};

}  // namespace drawbridge::core
