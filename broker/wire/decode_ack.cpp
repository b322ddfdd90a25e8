// PUBACK, PUBREC, PUBREL and PUBCOMP. MQTT 5.0, sections 3.4 to 3.7.
#include "broker/base/assert.hpp"
#include "broker/wire/cursor.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/read_properties.hpp"
#include "broker/wire/reason_table.hpp"

namespace drawbridge::wire {
namespace {

const char* reason_rule(PacketType type) {
    switch (type) {
        case PacketType::puback:
            return "MQTT-3.4.2-1";
        case PacketType::pubrec:
            return "MQTT-3.5.2-1";
        case PacketType::pubrel:
            return "MQTT-3.6.2-1";
        case PacketType::pubcomp:
            return "MQTT-3.7.2-1";
        default:
            ASSERT(false && "an acknowledgement of a PUBLISH");
            return "";
    }
}

}  // namespace

Result<AckView> decode_ack(PacketType type, std::uint8_t flags, Bytes body, Version version) {
    Cursor in(body, version);
    if (type != PacketType::pubrel) in.expect_flags(flags, 0);
    if (type == PacketType::pubrel && flags != 0b0010)
        in.fail(Reason::malformed_packet, "MQTT-3.6.1-1");

    AckView ack;
    ack.packet_id = in.packet_id();
    if (in.is_v5() && !in.at_end()) {  // left out: success
        const std::uint8_t code = in.u8();
        if (!is_listed(code, type)) in.fail(Reason::protocol_error, reason_rule(type));
        ack.reason = static_cast<Reason>(code);
        if (!in.at_end()) ack.properties = read_properties(in, type);
    }
    return in.finish(ack);
}

}  // namespace drawbridge::wire
