#include "broker/wire/framer.hpp"

namespace drawbridge::wire {

Cut cut_frame(Bytes input, std::size_t packet_bytes_max, Frame& frame) {
    frame = {};
    if (input.empty()) return Cut::incomplete;
    frame.type = static_cast<PacketType>(input[0] >> 4);
    frame.flags = input[0] & 0x0F;
    if (frame.type == PacketType{}) return Cut::malformed;

    // The remaining length may be longer than it need be: 3.1.1 does not forbid it (5.0 does), and
    // which version speaks is not known here.
    std::size_t body_bytes = 0;
    std::size_t header_bytes = 1;
    for (unsigned shift = 0;; shift += 7) {
        if (shift == 28) return Cut::malformed;
        if (header_bytes == input.size()) return Cut::incomplete;
        const std::uint8_t byte = input[header_bytes++];
        body_bytes |= static_cast<std::size_t>(byte & 0x7F) << shift;
        if (byte < 0x80) break;
    }

    frame.size = header_bytes + body_bytes;
    if (frame.size > packet_bytes_max) return Cut::too_large;
    if (frame.size > input.size()) return Cut::incomplete;
    frame.body = input.subspan(header_bytes, body_bytes);
    return Cut::complete;
}

}  // namespace drawbridge::wire
