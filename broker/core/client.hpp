// Client: who is connected, or may be again: a session of MQTT, or a guest that speaks something
// else. What a shard and its keeper ask of either.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <string>

#include "broker/core/mailbox.hpp"
#include "broker/core/subscriber.hpp"

namespace drawbridge::core {

// Who hands a message to a shard.
struct Sender {
    MemberKey client = 0;    // 0: the broker itself
    std::string_view id;     // its client id
    bool echo = true;        // false: share groups pick others than this client for it
    std::uint32_t asks = 0;  // not 0: it is to hear by this number that somebody has taken it
};

using RosterHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<struct OfRoster>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class Client : public Subscriber, public RosterHook {
public:
    virtual const std::string& client_id() const = 0;
    virtual const IdentityPtr& held_identity() const = 0;

    // A message that a share group has picked this client for. Returns false if it cannot take it,
    // because it is away, busy or no member any more, or has other rules: the group did not know
    // and has been told.
    virtual bool deliver_picked(const PublishBatch::Item& item, GroupRef group) = 0;
    // Another member has taken what this one left unacknowledged.
    virtual void offer_taken(std::uint16_t packet_id, std::uint64_t group) = 0;
    // Sends the answers that need not wait any longer.
    virtual void release_held() = 0;
    // It is read again.
    virtual void read_on() = 0;

protected:
    ~Client() = default;
};

}  // namespace drawbridge::core
