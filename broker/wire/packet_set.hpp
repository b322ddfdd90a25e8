// PacketSet: some of the fifteen packet types, as the tables of properties and reason codes need
// it.
#pragma once

#include "broker/wire/packet.hpp"

namespace drawbridge::wire {

using PacketSet = std::uint16_t;  // bit n: packet type n

constexpr PacketSet only(PacketType type) {
    return static_cast<PacketSet>(1u << static_cast<unsigned>(type));
}

template <class... Types>
constexpr PacketSet any_of(Types... types) {
    return static_cast<PacketSet>((only(types) | ...));
}

// The will's own properties inside a CONNECT. Bit 0 is free for them: no packet has the type 0.
constexpr PacketSet will_properties = 1;

}  // namespace drawbridge::wire
