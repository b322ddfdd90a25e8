// How an answer carries its Reason String: only where there is something to say, and only as far as
// the client's Maximum Packet Size allows. MQTT 5.0, section 3.2.2.3.9 and its like for other
// packets.
#pragma once

#include <string_view>

#include "broker/base/buffer.hpp"
#include "broker/wire/properties.hpp"

namespace drawbridge::core {

// Has encode(properties) append a packet to out, with `why` as its Reason String ("": without one).
// If the packet is larger than bytes_max, it is encoded again without the string (MQTT-3.2.2-19,
// MQTT-3.4.2-2, MQTT-3.9.2-1, MQTT-3.14.2-3). False: it is still too large, and out is as it was
// (MQTT-3.1.2-24).
template <class Encode>
bool append_answer(Buffer& out, std::string_view why, std::size_t bytes_max, Encode encode) {
    const std::size_t before = out.size();
    const auto fits = [&](const wire::PropertyList& properties) {
        encode(properties);
        if (out.size() - before <= bytes_max) return true;
        out.shrink_to(before);
        return false;
    };
    if (!why.empty()) {
        wire::PropertyWriter properties;
        properties.text(wire::PropertyId::reason_string, why);
        if (fits(properties.list())) return true;
    }
    return fits(wire::PropertyList());
}

}  // namespace drawbridge::core
