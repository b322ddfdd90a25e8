#include "broker/core/retained_sweep.hpp"

#include <string>
#include <vector>

#include "broker/core/shard.hpp"

namespace drawbridge::core {

void RetainedSweep::note(TimePoint expires_at) {
    look_at(std::max(expires_at, looked_at_ + limits::retained_sweep_interval));
}

void RetainedSweep::look_at(TimePoint at) {
    if (!is_set() || at < this->at()) shard_.deadlines().set(*this, at);
}

void RetainedSweep::expired(TimePoint now) {
    looked_at_ = now;
    std::vector<std::string> gone;
    const TimePoint next = shard_.retained().drop_expired(now, limits::retained_swept_max, gone);
    for (const std::string& topic : gone)
        shard_.keeper().note_retained(topic, Keeper::Urgency::lazily);
    if (next <= now)
        look_at(now + milliseconds(1));  // others have their turn before
    else if (next != TimePoint::max())
        note(next);
}

}  // namespace drawbridge::core
