// Throttle: holds one client to messages_per_second and bytes_per_second, by telling when it may be
// read on. It may use a second's worth at once; what it sends beyond is read later, never dropped.
//
// Made only where one of the limits is set. Owner: its client.
#pragma once

#include "broker/base/limits.hpp"
#include "broker/core/deadlines.hpp"

namespace drawbridge::core {

class Client;

class Throttle final : public Deadline {
public:
    Throttle(Client& client, Deadlines& deadlines, const Limits& limits);
    ~Throttle() { deadlines_.cancel(*this); }

    // A packet has been taken in. is_publish: it counts as a message.
    void charge(std::size_t packet_bytes, bool is_publish, TimePoint now);
    bool holds(TimePoint now) const { return now < free_at(); }
    // Has the client told when the next packet may be taken in.
    void wait() { deadlines_.set(*this, free_at()); }

private:
    // What has been used is paid for until then (the virtual scheduling form of a leaky bucket).
    struct Meter {
        std::uint32_t per_second = 0;  // 0: no limit
        TimePoint paid_until{};

        Duration cost_of(std::size_t units) const;
        void charge(std::size_t units, TimePoint now);
        TimePoint free_at() const;
    };

    void expired(TimePoint now) override;
    TimePoint free_at() const;

    Client& client_;
    Deadlines& deadlines_;
    Meter messages_;
    Meter bytes_;
};

}  // namespace drawbridge::core
