// Deadlines: what must happen at a time, soonest first. One heap per shard; an entry knows its
// place, so setting, moving and cancelling cost O(log n) and no allocation.
//
// A keep-alive is not moved with every packet: its entry fires, looks when the last packet came,
// and sets itself again.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/base/clock.hpp"

namespace drawbridge::core {

class Deadlines;

// Something that waits for a time. Must outlive its place in a Deadlines, or be cancelled.
class Deadline {
public:
    bool is_set() const { return place_ != nowhere; }
    TimePoint at() const { return at_; }

protected:
    Deadline() = default;
    ~Deadline() = default;
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

private:
    friend class Deadlines;
    static constexpr std::uint32_t nowhere = UINT32_MAX;

    // now >= at(); the entry is not set any more and may be set again.
    virtual void expired(TimePoint now) = 0;

    TimePoint at_;
    std::uint32_t place_ = nowhere;
};

class Deadlines {
public:
    void set(Deadline& deadline, TimePoint at);
    void cancel(Deadline& deadline);

    // TimePoint::max() if there is none.
    TimePoint next() const { return heap_.empty() ? TimePoint::max() : heap_.front()->at_; }
    // Fires what is due, soonest first.
    void expire(TimePoint now);

private:
    void put(std::size_t place, Deadline* deadline);
    void rise(std::size_t place);
    void sink(std::size_t place);

    std::vector<Deadline*> heap_;
};

}  // namespace drawbridge::core
