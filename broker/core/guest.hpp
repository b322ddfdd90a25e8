// Guest: a client without a session: it speaks another protocol than MQTT, lives on the shard that
// accepted it, and what it has ends with its connection. Its subscriptions are Subscribers of their
// own, because it gets a message once for each of them.
#pragma once

#include <string>
#include <string_view>

#include "broker/base/clock.hpp"
#include "broker/base/reason.hpp"
#include "broker/core/client.hpp"
#include "broker/core/identity.hpp"

namespace drawbridge::core {

class Guest : public Client {
public:
    explicit Guest(MemberKey key) : key_(key) {}

    MemberKey client_key() const override { return key_; }
    bool is_guest() const override { return true; }

    // (client_id() is for people; several guests may have the same.)
    virtual std::string address() const = 0;
    virtual std::string_view protocol() const = 0;
    virtual WallTime connected_at() const = 0;

    // Its rules are others from now on.
    virtual void change_identity(IdentityPtr identity) = 0;
    // Ends the connection, and tells why if the protocol has a word for it.
    virtual void end(Reason reason) = 0;
    // The broker is about to stop.
    virtual void warn_of_end() = 0;

    // Somebody elsewhere has taken the message that asked by this number.
    virtual void taken(std::uint32_t asks) = 0;
    // What this shard published up to this turn has come to all others, and what that has caused
    // for this guest is here: as asked for by Shard::tell_when_heard().
    virtual void heard(std::uint64_t turn) = 0;

    // A guest waits for no acknowledgement, so nothing of its is offered to others.
    void offer_taken(std::uint16_t, std::uint64_t) final {}
    // It is not a subscriber itself.
    bool deliver(OutgoingPublish&, const Delivery&) final { return false; }
    bool may_receive(std::string_view, TenantId) const final { return false; }

protected:
    ~Guest() = default;

private:
    const MemberKey key_;
};

}  // namespace drawbridge::core
