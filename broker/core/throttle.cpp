#include "broker/core/throttle.hpp"

#include <algorithm>

#include "broker/core/client.hpp"

namespace drawbridge::core {
namespace {

constexpr Duration burst = seconds(1);

}  // namespace

Throttle::Throttle(Client& client, Deadlines& deadlines, const Limits& limits)
    : client_(client), deadlines_(deadlines) {
    messages_.per_second = limits.messages_per_second;
    bytes_.per_second = limits.bytes_per_second;
}

Duration Throttle::Meter::cost_of(std::size_t units) const {
    return Duration(seconds(1)) * static_cast<Duration::rep>(units) / per_second;
}

void Throttle::Meter::charge(std::size_t units, TimePoint now) {
    if (per_second > 0) paid_until = std::max(paid_until, now) + cost_of(units);
}

// A second's worth in advance, the unit that is to come included.
TimePoint Throttle::Meter::free_at() const {
    return per_second == 0 ? TimePoint::min() : paid_until - burst + cost_of(1);
}

void Throttle::charge(std::size_t packet_bytes, bool is_publish, TimePoint now) {
    if (is_publish) messages_.charge(1, now);
    bytes_.charge(packet_bytes, now);
}

TimePoint Throttle::free_at() const { return std::max(messages_.free_at(), bytes_.free_at()); }

void Throttle::expired(TimePoint) { client_.read_on(); }

}  // namespace drawbridge::core
