// Decoders: the body of one packet -> its view, or the rule that its sender broke.
//
// flags: the low four bits of the packet's first byte. A view points into body and lives as long as
// it. A body must be filled exactly; every string is checked for well-formed UTF-8; every property
// list is checked against the table, ranges included. version decides whether there are properties
// and reasons.
#pragma once

#include "broker/base/result.hpp"
#include "broker/wire/packet.hpp"

namespace drawbridge::wire {

// Section 3.1. Fails with unsupported_protocol_version for a known name with an unknown level
// (3.1.1 then demands CONNACK 1) and for an unknown name (rule MQTT-3.1.2-1).
Result<ConnectView> decode_connect(std::uint8_t flags, Bytes body);
Result<ConnackView> decode_connack(std::uint8_t flags, Bytes body, Version version);
Result<PublishView> decode_publish(std::uint8_t flags, Bytes body, Version version);
// type: puback, pubrec, pubrel or pubcomp.
Result<AckView> decode_ack(PacketType type, std::uint8_t flags, Bytes body, Version version);
Result<SubscribeView> decode_subscribe(std::uint8_t flags, Bytes body, Version version);
Result<SubackView> decode_suback(std::uint8_t flags, Bytes body, Version version);
Result<UnsubscribeView> decode_unsubscribe(std::uint8_t flags, Bytes body, Version version);
Result<SubackView> decode_unsuback(std::uint8_t flags, Bytes body, Version version);
// PINGREQ, PINGRESP: nothing but an empty body.
Result<void> decode_ping(std::uint8_t flags, Bytes body);
Result<DisconnectView> decode_disconnect(std::uint8_t flags, Bytes body, Version version);
Result<AuthView> decode_auth(std::uint8_t flags, Bytes body, Version version);

// Walks the checked entries of a SUBSCRIBE: while (entries.next(request)) ...
// A filter is valid UTF-8 and not empty; whether it is a good filter is for parse_filter
// (topic.hpp), because a bad one is answered in SUBACK and does not end the connection.
class SubscribeEntries {
public:
    // entries: those of a SubscribeView, or the last of them.
    SubscribeEntries(Bytes entries, Version version) : rest_(entries), version_(version) {}
    SubscribeEntries(const SubscribeView& view, Version version)
        : SubscribeEntries(view.entries, version) {}
    bool next(SubscriptionRequest& request);
    std::size_t left() const { return rest_.size(); }  // bytes

private:
    Bytes rest_;
    Version version_;
};

class UnsubscribeEntries {
public:
    explicit UnsubscribeEntries(Bytes entries) : rest_(entries) {}
    explicit UnsubscribeEntries(const UnsubscribeView& view) : UnsubscribeEntries(view.entries) {}
    bool next(std::string_view& filter);
    std::size_t left() const { return rest_.size(); }  // bytes

private:
    Bytes rest_;
};

}  // namespace drawbridge::wire
