// FakeSubscriber: has subscriptions and nothing else; notes what it is asked.
#pragma once

#include <set>
#include <string>

#include "broker/core/subscriber.hpp"

namespace drawbridge::test {

class FakeSubscriber final : public core::Subscriber {
public:
    bool deliver(core::OutgoingPublish&, const core::Delivery&) override {
        ++delivered;
        return true;
    }

    bool may_receive(std::string_view topic, core::TenantId of) const override {
        ++asked;
        return !denied.contains(topic) && (of == 0 || tenant == 0 || of == tenant);
    }

    std::set<std::string, std::less<>> denied;  // topics that it may not receive
    core::TenantId tenant = 0;
    int delivered = 0;
    mutable int asked = 0;  // how often may_receive() was called
};

}  // namespace drawbridge::test
