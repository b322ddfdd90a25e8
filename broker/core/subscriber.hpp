// Subscriber: who gets messages: a session, and whatever else comes to have subscriptions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "broker/core/outgoing_publish.hpp"
#include "broker/core/publish_batch.hpp"

namespace drawbridge::core {

struct FilterEntry;

// Where one of a subscriber's subscriptions stands in the index. Kept up to date by the index.
struct SubscriptionRef {
    FilterEntry* entry = nullptr;
    std::uint32_t position = 0;
};

// How this receiver gets this message.
struct Delivery {
    std::uint8_t qos = 0;  // granted; the message's own QoS may be lower
    bool retain = false;   // the RETAIN flag to send
    std::span<const std::uint32_t> subscription_ids;
};

class Subscriber {
public:
    // Returns false if it was nothing to anybody: nobody is there now, and nobody will be.
    // Must not change the subscription index.
    virtual bool deliver(OutgoingPublish& publish, const Delivery& delivery) = 0;
    // Whose subscriptions these are; 0: nobody's.
    virtual MemberKey client_key() const { return 0; }
    // True if it speaks another protocol than MQTT: it sees other topics (topic_names.hpp).
    virtual bool is_guest() const { return false; }
    // False for a topic denied inside a granted wildcard, and for a message of another tenant.
    virtual bool may_receive(std::string_view topic, TenantId tenant) const = 0;

    // The subscriptions that are not shared, in no order. Changed by the index alone.
    std::vector<SubscriptionRef> subscriptions;

protected:
    ~Subscriber() = default;
};

}  // namespace drawbridge::core
