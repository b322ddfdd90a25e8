// A valid packet of every type in every version, with and without what is optional: for tests that
// hold for all packets, and as seeds of the fuzzers.
#pragma once

#include <string>
#include <vector>

#include "broker/wire/packet.hpp"

namespace drawbridge::test {

struct PacketSample {
    std::string name;  // letters, digits and '_'
    wire::Version version{};
    std::vector<std::uint8_t> bytes;  // fixed header included
};

std::vector<PacketSample> packet_samples();

// Each property once in a list that is valid in this packet, will_properties (packet_set.hpp)
// being the type 0. Empty if the packet has no properties.
std::vector<std::uint8_t> full_property_list(wire::PacketType packet);

}  // namespace drawbridge::test
