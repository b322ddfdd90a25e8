#include "bridge/nats_subscription.hpp"

#include "bridge/nats_client.hpp"

namespace drawbridge::bridge {

bool NatsSubscription::deliver(core::OutgoingPublish& publish, const core::Delivery&) {
    if (is_done() || !client_.send(publish, *this)) return false;
    count();
    if (is_done()) client_.remove_soon(*this);
    return true;
}

core::MemberKey NatsSubscription::client_key() const { return client_.client_key(); }

bool NatsSubscription::may_receive(std::string_view topic, core::TenantId tenant) const {
    return client_.identity().may_be_given(topic, tenant);
}

}  // namespace drawbridge::bridge
