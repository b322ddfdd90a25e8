// Framer: cuts a byte stream into packets. MQTT 5.0, section 2.1.
//
// Looks at the fixed header only; the size limit is applied before the body has arrived, so a
// stranger cannot make anybody wait for (or keep) more than the limit.
#pragma once

#include "broker/base/bytes.hpp"
#include "broker/wire/packet.hpp"

namespace drawbridge::wire {

struct Frame {
    PacketType type{};
    std::uint8_t flags = 0;  // the low four bits of the first byte
    Bytes body;
    std::size_t size = 0;  // of the whole packet, fixed header included
};

enum class Cut {
    complete,    // frame is filled
    incomplete,  // more bytes are needed; frame.size is the whole size if the header is there, else
                 // 0
    malformed,   // the remaining length has more than four bytes, or the type is 0
    too_large,   // the packet would exceed packet_bytes_max; frame.size is what it claims
};

// Looks at the first packet of input.
Cut cut_frame(Bytes input, std::size_t packet_bytes_max, Frame& frame);

}  // namespace drawbridge::wire
