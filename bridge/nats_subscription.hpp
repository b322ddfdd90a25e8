// NatsSubscription: one SUB of a NATS client. A subscriber of its own, because its client gets a
// message once for each SUB that matches.
//
// Owner: its client.
#pragma once

#include <cstdint>
#include <string>

#include "broker/core/subscriber.hpp"

namespace drawbridge::bridge {

class NatsClient;

class NatsSubscription final : public core::Subscriber {
public:
    NatsSubscription(NatsClient& client, std::string_view sid) : client_(client), sid_(sid) {}

    bool deliver(core::OutgoingPublish& publish, const core::Delivery& delivery) override;
    core::MemberKey client_key() const override;
    bool is_guest() const override { return true; }
    bool may_receive(std::string_view topic, core::TenantId tenant) const override;

    const std::string& sid() const { return sid_; }
    // No more than `max` messages in all; 0: no limit.
    void set_max(std::uint64_t max) { max_ = max; }
    // It has had all that it may have, and waits to be removed.
    bool is_done() const { return max_ != 0 && delivered_ >= max_; }
    // One more has been delivered.
    void count() { ++delivered_; }
    // It is to get nothing more.
    void end() { max_ = 1, delivered_ = 1; }

    std::string filter;
    std::string subject;      // as subscribed to
    std::string queue;        // "": none
    std::uint64_t group = 0;  // of the queue
    bool is_leaving = false;  // its group has been told that it is gone

private:
    NatsClient& client_;
    const std::string sid_;
    std::uint64_t delivered_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace drawbridge::bridge
