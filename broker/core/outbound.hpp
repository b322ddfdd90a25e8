// Outbound: a session's messages on their way to its client at QoS 1 and 2: those sent and not
// acknowledged, in the order they were sent, and those waiting behind them. MQTT 5.0, sections 4.3,
// 4.4 and 4.9.
//
// Limit: the window (the smaller of max_inflight and the client's Receive Maximum) for what is
// sent; max_queued_messages and max_queued_bytes for what waits.
#pragma once

#include <memory>
#include <vector>

#include "broker/base/limits.hpp"
#include "broker/base/ring.hpp"
#include "broker/core/message.hpp"

namespace drawbridge::core {

// Which share group a message was picked for; all zero: none.
struct GroupRef {
    std::uint64_t id = 0;
    unsigned shard = 0;
};

struct Outgoing {
    enum class Awaits : std::uint8_t { puback, pubrec, pubcomp };

    MessagePtr message;                                            // null once PUBREC has come
    std::unique_ptr<std::vector<std::uint32_t>> subscription_ids;  // null if none
    GroupRef group;
    std::uint16_t packet_id = 0;  // 0 while it waits
    std::uint8_t qos = 0;
    bool retain = false;
    bool sent_before = false;  // a further transmission carries DUP
    Awaits awaits = Awaits::puback;
};

class Outbound {
public:
    // Messages sent on this connection and not acknowledged may be at most `window`.
    void begin_connection(std::size_t window);
    void end_connection() { unsent_ = sent_.size(); }

    // Queues. Returns false if a bound refuses it.
    bool push(Outgoing message, const Limits& limits);

    // The next message to send now, with its packet identifier; null if the window is full or
    // nothing waits. After a reconnection these are first the unacknowledged ones, again and in
    // their order (MQTT-4.4.0-1).
    Outgoing* next(TimePoint now);
    // True if next() would find room.
    bool window_open() const { return sent_.size() - unsent_ < window_; }

    // Acknowledgements. Null if no such message awaits that; acknowledged() removes it.
    Outgoing* find(std::uint16_t packet_id, Outgoing::Awaits awaits);
    void acknowledged(Outgoing& message);

    bool nothing_waits() const { return waiting_.empty() && unsent_ == 0; }
    std::size_t waiting() const { return waiting_.size(); }
    std::size_t unacknowledged() const { return sent_.size(); }
    std::size_t take_expired() { return std::exchange(expired_, 0); }

    // Takes out what was picked for share groups and may go to another member: what waits, and what
    // was sent at QoS 1. A QoS 2 message that has been sent stays with this client (MQTT-4.8.2-4,
    // MQTT-4.8.2-5).
    std::vector<Outgoing> take_shared();

private:
    std::uint16_t draw_packet_id();

    Ring<Outgoing> sent_;  // the last unsent_ of them not on this connection yet
    Ring<Outgoing> waiting_;
    std::size_t unsent_ = 0;
    std::size_t window_ = 0;
    std::size_t waiting_bytes_ = 0;
    std::size_t expired_ = 0;
    std::uint16_t last_packet_id_ = 0;
    std::uint16_t look_again_at_ = 1;  // the identifiers before it, after last_packet_id_, are free
};

}  // namespace drawbridge::core
