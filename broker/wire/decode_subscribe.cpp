// SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK. MQTT 5.0, sections 3.8 to 3.11.
#include "broker/wire/cursor.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/read_properties.hpp"
#include "broker/wire/reason_table.hpp"

namespace drawbridge::wire {
namespace {

std::string_view read_filter(Cursor& in) {
    const std::string_view filter = in.utf8();
    if (filter.empty()) in.fail(Reason::protocol_error, "MQTT-4.7.3-1");
    return filter;
}

void check_options(std::uint8_t byte, Cursor& in) {
    if (!in.is_v5()) {
        if (byte > 2) in.fail(Reason::malformed_packet, "MQTT-3.8.3-4");
        return;
    }
    if ((byte & 0b1100'0000) != 0) in.fail(Reason::malformed_packet, "MQTT-3.8.3-5");
    if ((byte & 0b0000'0011) == 3) in.fail(Reason::protocol_error, "MQTT-3.8.3.1");
    if ((byte & 0b0011'0000) == 0b0011'0000) in.fail(Reason::protocol_error, "MQTT-3.8.3.1");
}

SubscriptionRequest read_request(Cursor& in) {
    SubscriptionRequest request;
    request.filter = read_filter(in);
    const std::uint8_t byte = in.u8();
    check_options(byte, in);
    request.options.qos = byte & 0b11;
    request.options.no_local = (byte & 0b0000'0100) != 0;
    request.options.retain_as_published = (byte & 0b0000'1000) != 0;
    request.options.retain_handling = static_cast<RetainHandling>((byte >> 4) & 0b11);
    if (request.options.no_local && request.filter.starts_with("$share/"))
        in.fail(Reason::protocol_error, "MQTT-3.8.3-4");
    return request;
}

bool is_granted_or_refused_311(std::uint8_t code) { return code <= 2 || code == 0x80; }

}  // namespace

Result<SubscribeView> decode_subscribe(std::uint8_t flags, Bytes body, Version version) {
    Cursor in(body, version);
    if (flags != 0b0010) in.fail(Reason::malformed_packet, "MQTT-3.8.1-1");
    SubscribeView subscribe;
    subscribe.packet_id = in.packet_id();
    subscribe.properties = read_properties(in, PacketType::subscribe);
    subscribe.entries = in.unread();
    if (in.at_end()) in.fail(Reason::protocol_error, in.rule("MQTT-3.8.3-2", "MQTT-3.8.3-3"));
    while (!in.at_end()) read_request(in);
    return in.finish(subscribe);
}

bool SubscribeEntries::next(SubscriptionRequest& request) {
    Cursor in(rest_, version_);
    if (in.at_end()) return false;
    request = read_request(in);
    rest_ = in.unread();
    return true;
}

Result<SubackView> decode_suback(std::uint8_t flags, Bytes body, Version version) {
    Cursor in(body, version);
    in.expect_flags(flags, 0);
    SubackView suback;
    suback.packet_id = in.packet_id();
    suback.properties = read_properties(in, PacketType::suback);
    suback.codes = in.rest();
    if (suback.codes.empty())
        in.fail(Reason::protocol_error, in.rule("MQTT-3.8.4-6", "MQTT-3.8.4-5"));
    for (const std::uint8_t code : suback.codes) {
        const bool listed =
            in.is_v5() ? is_listed(code, PacketType::suback) : is_granted_or_refused_311(code);
        if (!listed) in.fail(Reason::protocol_error, "MQTT-3.9.3-2");
    }
    return in.finish(suback);
}

Result<UnsubscribeView> decode_unsubscribe(std::uint8_t flags, Bytes body, Version version) {
    Cursor in(body, version);
    if (flags != 0b0010) in.fail(Reason::malformed_packet, "MQTT-3.10.1-1");
    UnsubscribeView unsubscribe;
    unsubscribe.packet_id = in.packet_id();
    unsubscribe.properties = read_properties(in, PacketType::unsubscribe);
    unsubscribe.entries = in.unread();
    if (in.at_end()) in.fail(Reason::protocol_error, "MQTT-3.10.3-2");
    while (!in.at_end()) read_filter(in);
    return in.finish(unsubscribe);
}

bool UnsubscribeEntries::next(std::string_view& filter) {
    Cursor in(rest_, Version::v5);
    if (in.at_end()) return false;
    filter = read_filter(in);
    rest_ = in.unread();
    return true;
}

Result<SubackView> decode_unsuback(std::uint8_t flags, Bytes body, Version version) {
    Cursor in(body, version);
    in.expect_flags(flags, 0);
    SubackView unsuback;
    unsuback.packet_id = in.packet_id();
    if (in.is_v5()) {  // 3.1.1 has no codes
        unsuback.properties = read_properties(in, PacketType::unsuback);
        unsuback.codes = in.rest();
        if (unsuback.codes.empty()) in.fail(Reason::protocol_error, "MQTT-3.11.3-1");
        for (const std::uint8_t code : unsuback.codes)
            if (!is_listed(code, PacketType::unsuback))
                in.fail(Reason::protocol_error, "MQTT-3.11.3-2");
    }
    return in.finish(unsuback);
}

}  // namespace drawbridge::wire
