// PINGREQ, PINGRESP, DISCONNECT and AUTH. MQTT 5.0, sections 3.12 to 3.15.
#include "broker/wire/cursor.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/read_properties.hpp"
#include "broker/wire/reason_table.hpp"

namespace drawbridge::wire {

Result<void> decode_ping(std::uint8_t flags, Bytes body) {
    Cursor in(body, Version::v5);
    in.expect_flags(flags, 0);
    in.expect_end();
    if (in.violation()) return *in.violation();
    return {};
}

Result<DisconnectView> decode_disconnect(std::uint8_t flags, Bytes body, Version version) {
    Cursor in(body, version);
    if (flags != 0) in.fail(Reason::malformed_packet, "MQTT-3.14.1-1");
    DisconnectView disconnect;
    if (in.is_v5() && !in.at_end()) {  // left out: success
        const std::uint8_t code = in.u8();
        if (!is_listed(code, PacketType::disconnect))
            in.fail(Reason::protocol_error, "MQTT-3.14.2-1");
        disconnect.reason = static_cast<Reason>(code);
        if (!in.at_end()) disconnect.properties = read_properties(in, PacketType::disconnect);
    }
    return in.finish(disconnect);
}

Result<AuthView> decode_auth(std::uint8_t flags, Bytes body, Version version) {
    Cursor in(body, version);
    if (!in.is_v5()) in.fail(Reason::malformed_packet, "MQTT-2.2.1");  // type 15 is forbidden
    if (flags != 0) in.fail(Reason::malformed_packet, "MQTT-3.15.1-1");
    AuthView auth;
    if (!in.at_end()) {  // left out: success, no properties
        const std::uint8_t code = in.u8();
        if (!is_listed(code, PacketType::auth)) in.fail(Reason::protocol_error, "MQTT-3.15.2-1");
        auth.reason = static_cast<Reason>(code);
        auth.properties = read_properties(in, PacketType::auth);
        if (!auth.properties.has(PropertyId::authentication_method))
            in.fail(Reason::protocol_error, "MQTT-4.12.0-5");
    }
    return in.finish(auth);
}

}  // namespace drawbridge::wire
