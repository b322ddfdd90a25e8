// What is kept of sessions beyond the process, as plain rows: what a shard gives to the journal,
// and what it gets back at the start.
//
// Threads: rows are handed over whole; nobody shares one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/clock.hpp"
#include "broker/core/message.hpp"
#include "broker/wire/packet.hpp"

namespace drawbridge::core {

// Names a session for ever: no two sessions have the same one, in this life of the broker or
// another. 0: not kept.
using SessionId = std::uint64_t;

struct KeptWill {
    MessagePtr message;          // null: none
    std::uint32_t delay_s = 0;   // Will Delay Interval
    std::uint32_t expiry_s = 0;  // Message Expiry Interval, if `expires`
    bool expires = false;
};

struct KeptSession {
    SessionId id = 0;
    std::string client_id;
    std::string identity;  // Identity::id() of its owner
    std::uint32_t expiry_s = 0;
    std::uint16_t last_packet_id = 0;
    // While the client is away; else both are counted from the moment the broker starts again.
    bool away = false;
    WallTime ends_at;   // WallTime::max(): never
    WallTime will_due;  // if there is a will
    KeptWill will;
};

struct KeptSubscription {
    SessionId session = 0;
    std::string share;  // "": not shared
    std::string filter;
    wire::SubscriptionOptions options;
    std::uint32_t id = 0;  // Subscription Identifier; 0: none
    bool ended = false;    // it is to be forgotten
    // Retained messages are still to be sent, those on topics behind this one ("": all).
    std::optional<std::string> replay = {};
};

// A QoS 2 message that the session's client has published: PUBREC promised, PUBREL awaited.
struct KeptReceived {
    SessionId session = 0;
    std::uint16_t packet_id = 0;
    bool released = false;  // it is to be forgotten
};

// A message of QoS 1 or 2 in a session's queue or on its way to its client.
struct KeptMessage {
    // How far it has come with the client.
    enum class State : std::uint8_t {
        waits = 0,     // not sent
        sent = 1,      // PUBLISH sent with packet_id: PUBACK or PUBREC awaited
        received = 2,  // PUBREC has come: PUBREL sent, PUBCOMP awaited; `message` is null
    };

    SessionId session = 0;
    std::uint64_t seq = 0;  // its place in the session's queue
    MessagePtr message;
    std::vector<std::uint32_t> subscription_ids;
    std::string
        share;  // of a shared subscription: its name and filter, as in "name/filter"; else ""
    std::uint16_t packet_id = 0;
    std::uint8_t qos = 0;
    bool retain = false;
    bool sent_before = false;
    State state = State::waits;
};

// What has become of a message that is kept.
struct KeptProgress {
    SessionId session = 0;
    std::uint64_t seq = 0;
    std::uint16_t packet_id = 0;
    KeptMessage::State state = KeptMessage::State::waits;
};

// The messages [first, last] are to be forgotten; not all of them need be there.
struct KeptRange {
    SessionId session = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

// A QoS 2 message that was published in a shard's turn, until all other shards have it.
struct KeptPublish {
    std::uint64_t turn = 0;
    std::uint32_t place = 0;  // in the turn
    MessagePtr message;
    std::uint64_t group = 0;      // of this share group (ShareGroups::id_of); 0: for all who match
    unsigned receiver_shard = 0;  // the only one that it goes to, if of a group
};

}  // namespace drawbridge::core
