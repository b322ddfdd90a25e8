// RetainedSweep: sees to it that retained messages that have expired leave the store, and the file,
// though nobody asks for them or publishes to their topics.
//
// Each shard looks when the first one that it has stored expires, and then for as long as the store
// has any; so there is one timer a shard, and none for a message.
// Limit: limits::retained_sweep_interval between two looks, retained_swept_max messages in each.
// Owner: the shard.
#pragma once

#include "broker/core/deadlines.hpp"

namespace drawbridge::core {

class Shard;

class RetainedSweep final : private Deadline {
public:
    explicit RetainedSweep(Shard& shard) : shard_(shard) {}

    // A message is retained that expires then.
    void note(TimePoint expires_at);

private:
    void expired(TimePoint now) override;
    void look_at(TimePoint at);

    Shard& shard_;
    TimePoint looked_at_{};
};

}  // namespace drawbridge::core
