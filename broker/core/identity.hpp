// Identity: who a connection is, and what it may do. Found once, at CONNECT, and kept with the
// session.
//
// An Identity is an immutable snapshot: a change of rules makes a new one and hands it to the live
// session.
// Threads: any; it is shared by the authenticator and the session, hence shared_ptr.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "broker/base/limits.hpp"
#include "broker/core/tenants.hpp"

namespace drawbridge::core {

// The answer to "may it?", with the rule that decided, in words for people.
struct Decision {
    bool allowed = false;
    std::string rule;
};

class Identity {
public:
    virtual ~Identity() = default;

    virtual std::string_view id() const = 0;      // device_id, or the service's name
    virtual std::string_view tenant() const = 0;  // "" if none
    virtual std::string_view profile() const = 0;

    // Default deny; a deny beats an allow.
    virtual bool may_publish(std::string_view topic) const = 0;
    // The same, by a rule that does not begin with a wildcard.
    virtual bool may_publish_by_name(std::string_view topic) const { return may_publish(topic); }
    // True if one allowed filter covers this one whole and no denied filter does. `filter` is
    // without $share.
    virtual bool may_subscribe(std::string_view filter) const = 0;
    // False for a topic that is denied inside a granted wildcard.
    virtual bool may_receive(std::string_view topic) const = 0;
    // False: may_receive() is true for every topic that a granted filter matches, and need not be
    // asked.
    virtual bool has_denied_subscriptions() const = 0;

    // Messages of another tenant are kept from it, unless it has none itself or a rule lets them
    // across.
    virtual TenantId tenant_id() const { return 0; }
    virtual bool has_rules_across_tenants() const { return false; }
    virtual bool may_receive_across_tenants(std::string_view) const { return false; }

    // Is a message on this topic, of a sender of that tenant, kept from it by the wall?
    bool is_walled_off(std::string_view topic, TenantId tenant) const;
    // As a client of MQTT: what is internal to NATS takes a rule that names it.
    bool may_publish_mqtt(std::string_view topic) const;
    // May it have such a message, if a subscription that it was granted matches the topic?
    bool may_be_given(std::string_view topic, TenantId tenant) const;

    // What bounds this client alone; null: the same as all. Lives as long as the identity.
    virtual const Limits* limits() const { return nullptr; }

    // True only if all the answers above are the same.
    virtual bool has_rules_of(const Identity& other) const { return this == &other; }

    // The same answers as may_publish(topic) and may_subscribe(filter), with the rule that decides.
    virtual Decision decide_publish(std::string_view topic) const = 0;
    virtual Decision decide_subscribe(std::string_view filter) const = 0;
};

using IdentityPtr = std::shared_ptr<const Identity>;

}  // namespace drawbridge::core
