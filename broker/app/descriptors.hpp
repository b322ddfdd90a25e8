// Descriptors: the open files that the system grants this process, and who may have how many.
//
// Every connection needs one. Where there are too few for the limits, each kind of connection gets
// a share that can be kept: so one client too many is refused in words, strangers cannot use up
// what clients need, and what the rest of the broker opens (database, admin socket, certificates)
// is always left.
#pragma once

#include <cstddef>
#include <cstdint>

#include "broker/base/limits.hpp"

namespace drawbridge::app {

struct DescriptorShares {
    std::uint64_t wanted = 0;  // open files that let every limit be reached
    std::uint32_t clients = 0;
    std::uint32_t strangers = 0;
    std::uint32_t farewells = 0;
    std::uint32_t sockets = 0;  // all of these; what is left of those granted is the broker's
};

// Each share is at least 1, also where less is granted than the broker itself needs.
DescriptorShares share_descriptors(std::uint64_t granted, const Limits& limits, unsigned shards,
                                   std::size_t listeners);

// Asks the system for so many open files; returns how many it grants.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);

}  // namespace drawbridge::app
