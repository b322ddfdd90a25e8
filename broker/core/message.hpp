// Message: what a PUBLISH says, kept after the bytes it came in are gone.
//
// MessageView borrows: from the receive buffer, from a batch, or from a Message. Message owns:
// immutable, one allocation, counted. Whoever must wait (an unacknowledged delivery, a queue, the
// retained store) holds a MessagePtr.
// Threads: any; the count is atomic because the retained store shares messages between shards.
#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <string_view>

#include "broker/base/bytes.hpp"
#include "broker/base/clock.hpp"
#include "broker/core/tenants.hpp"

namespace drawbridge::core {

struct MessageView {
    std::string_view topic;
    Bytes payload;
    Bytes properties;  // of 5.0: those that a receiver gets as they came (section 3.3.2.3)
    // Reply subject and headers as a sender with another protocol wrote them, for receivers with
    // the same protocol. A Message does not keep them: `properties` say the same.
    Bytes raw_head;
    TimePoint expires_at = TimePoint::max();
    std::uint8_t qos = 0;
    bool retain = false;
    bool bridged = false;  // its sender speaks another protocol than MQTT
    TenantId tenant = 0;   // its sender's

    bool expires() const { return expires_at != TimePoint::max(); }
    bool expired(TimePoint now) const { return expires_at <= now; }
};

class Message;
using MessagePtr = boost::intrusive_ptr<const Message>;

class Message {
public:
    static MessagePtr copy_of(const MessageView& view);

    MessageView view() const;
    // What it takes from a bound in bytes: topic, properties and payload.
    std::size_t bytes() const {
        return std::size_t{topic_bytes_} + properties_bytes_ + payload_bytes_;
    }

private:
    Message() = default;
    friend void intrusive_ptr_add_ref(const Message* message);
    friend void intrusive_ptr_release(const Message* message);

    const std::uint8_t* content() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }

    mutable std::atomic<std::uint32_t> count_{0};
    // No packet has more than 28 bits of bytes (section 2.1.4).
    std::uint32_t payload_bytes_ : 28 = 0;
    std::uint32_t qos_ : 2 = 0;
    std::uint32_t retain_ : 1 = 0;
    std::uint32_t bridged_ : 1 = 0;
    std::uint64_t properties_bytes_ : 28 = 0;
    std::uint64_t topic_bytes_ : 16 = 0;
    std::uint64_t tenant_ : 20 = 0;
    TimePoint expires_at_;
};

inline void intrusive_ptr_add_ref(const Message* message) {
    message->count_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace drawbridge::core
