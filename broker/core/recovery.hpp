// What the journal has kept, as it is given back at the start, before the listeners open.
#pragma once

#include <vector>

#include "broker/core/kept.hpp"

namespace drawbridge::core {

// The part of a session's queue that waits (State::waits). It stays where it is until it is asked
// for by Journal::load().
struct KeptQueue {
    std::uint64_t first = 0;  // seq
    std::uint64_t last = 0;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;   // as Message::bytes() counts them
    std::uint64_t shared = 0;  // how many are of share groups
    TimePoint none_expires_before = TimePoint::max();
};

struct RecoveredSession {
    unsigned shard = 0;  // its home in that life of the broker
    KeptSession session;
    std::vector<KeptSubscription> subscriptions;
    std::vector<std::uint16_t> received;
    std::vector<KeptMessage> sent;  // State::sent and received, in the order of seq
    KeptQueue queue;
    std::uint64_t last_seq = 0;  // the highest in use; 0: none
};

// A message of Bundle::published that shard `shard` of that life may not have taken in.
struct RecoveredPublish {
    unsigned shard = 0;
    unsigned shards = 1;  // that life had
    KeptPublish publish;
};

struct KeptRetained {
    MessagePtr message;
    std::uint64_t publisher = 0;  // RetainedOrigin::publisher
};

}  // namespace drawbridge::core
