// AnyPacket: whatever stands in a frame, for tests that treat all packets alike.
#pragma once

#include <variant>

#include "broker/base/buffer.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/framer.hpp"

namespace drawbridge::test {

struct Ping {};

struct AnyPacket {
    wire::PacketType type{};
    std::variant<Ping, wire::ConnectView, wire::ConnackView, wire::PublishView, wire::AckView,
                 wire::SubscribeView, wire::SubackView, wire::UnsubscribeView, wire::DisconnectView,
                 wire::AuthView>
        view;
};

// Calls the decoder of the frame's type. The view points into frame.body.
Result<AnyPacket> decode_any(const wire::Frame& frame, wire::Version version);

// A CONNECT is encoded in its own version.
void encode_any(const AnyPacket& packet, wire::Version version, Buffer& out);

// Equal in every field, byte for byte.
bool same(const AnyPacket& a, const AnyPacket& b);

// Encodes the packet, cuts and decodes it again, and compares.
bool survives_round_trip(const AnyPacket& packet, wire::Version version);

}  // namespace drawbridge::test
