// Encoders: a view -> bytes appended to a buffer. They write what they are told, in the shortest
// form that the version allows (an acknowledgement of 5.0 that says success and has no properties
// is four bytes); that it makes sense is the caller's part.
#pragma once

#include <optional>
#include <span>

#include "broker/base/buffer.hpp"
#include "broker/wire/packet.hpp"

namespace drawbridge::wire {

void encode(const ConnectView& connect, Buffer& out);
void encode(const ConnackView& connack, Version version, Buffer& out);
void encode(const PublishView& publish, Version version, Buffer& out);
void encode_ack(PacketType type, const AckView& ack, Version version, Buffer& out);
void encode_subscribe(std::uint16_t packet_id, std::span<const SubscriptionRequest> requests,
                      const PropertyList& properties, Version version, Buffer& out);
void encode_suback(const SubackView& suback, Version version, Buffer& out);
void encode_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters,
                        const PropertyList& properties, Version version, Buffer& out);
void encode_unsuback(const SubackView& unsuback, Version version, Buffer& out);
void encode_pingreq(Buffer& out);
void encode_pingresp(Buffer& out);
// In 3.1.1: two bytes, whatever the reason.
void encode(const DisconnectView& disconnect, Version version, Buffer& out);
void encode(const AuthView& auth, Buffer& out);

// The CONNACK return code of 3.1.1 (0 to 5) for a reason; nothing if none fits, and then the
// connection is closed without a CONNACK (MQTT311-3.2.2-6).
std::optional<std::uint8_t> connack_code_311(Reason reason);

// Bytes that `value` takes as a variable byte integer: 1 to 4. Section 1.5.5.
std::size_t varint_bytes(std::uint32_t value);
// Writes it to `out`; returns the place behind it.
std::uint8_t* write_varint(std::uint8_t* out, std::uint32_t value);

}  // namespace drawbridge::wire
