#include "broker/wire/encode.hpp"

#include "broker/wire/writer.hpp"

namespace drawbridge::wire {
namespace {

std::size_t text_bytes(std::string_view text) { return 2 + text.size(); }

std::size_t list_bytes(const PropertyList& list) {
    const std::size_t size = list.bytes().size();
    return varint_bytes(static_cast<std::uint32_t>(size)) + size;
}

// Nothing before 5.0.
std::size_t list_bytes(const PropertyList& list, Version version) {
    return version == Version::v5 ? list_bytes(list) : 0;
}

void write_list(const PropertyList& list, Version version, Writer& packet) {
    if (version == Version::v5) packet.properties(list);
}

unsigned connect_flags(const ConnectView& connect) {
    unsigned flags = connect.clean_start ? 0x02 : 0;
    if (connect.will) {
        flags |= 0x04u | static_cast<unsigned>(connect.will->qos) << 3;
        if (connect.will->retain) flags |= 0x20;
    }
    if (connect.password) flags |= 0x40;
    if (connect.username) flags |= 0x80;
    return flags;
}

std::size_t will_bytes(const WillView& will, Version version) {
    return list_bytes(will.properties, version) + text_bytes(will.topic) + 2 + will.payload.size();
}

unsigned options_byte(const SubscriptionOptions& options, Version version) {
    if (version != Version::v5) return options.qos;
    unsigned byte = options.qos | static_cast<unsigned>(options.retain_handling) << 4;
    if (options.no_local) byte |= 0b0100;
    if (options.retain_as_published) byte |= 0b1000;
    return byte;
}

}  // namespace

std::size_t varint_bytes(std::uint32_t value) {
    return value < 1u << 7 ? 1 : value < 1u << 14 ? 2 : value < 1u << 21 ? 3 : 4;
}

std::uint8_t* write_varint(std::uint8_t* out, std::uint32_t value) {
    ASSERT(value < 1u << 28);
    for (; value >= 0x80; value >>= 7) *out++ = static_cast<std::uint8_t>(value | 0x80);
    *out++ = static_cast<std::uint8_t>(value);
    return out;
}

void encode(const ConnectView& connect, Buffer& out) {
    const Version version = connect.version;
    const std::string_view name = version == Version::v3_1 ? "MQIsdp" : "MQTT";
    std::size_t size = text_bytes(name) + 4 + list_bytes(connect.properties, version) +
                       text_bytes(connect.client_id);
    if (connect.will) size += will_bytes(*connect.will, version);
    if (connect.username) size += text_bytes(*connect.username);
    if (connect.password) size += 2 + connect.password->size();

    Writer packet(out, PacketType::connect, 0, size);
    packet.text(name);
    packet.u8(static_cast<unsigned>(version));
    packet.u8(connect_flags(connect));
    packet.u16(connect.keep_alive_s);
    write_list(connect.properties, version, packet);
    packet.text(connect.client_id);
    if (connect.will) {
        write_list(connect.will->properties, version, packet);
        packet.text(connect.will->topic);
        packet.binary(connect.will->payload);
    }
    if (connect.username) packet.text(*connect.username);
    if (connect.password) packet.binary(*connect.password);
}

void encode(const ConnackView& connack, Version version, Buffer& out) {
    Writer packet(out, PacketType::connack, 0, 2 + list_bytes(connack.properties, version));
    packet.u8(connack.session_present && version != Version::v3_1 ? 1 : 0);
    packet.u8(connack.code);
    write_list(connack.properties, version, packet);
}

void encode(const PublishView& publish, Version version, Buffer& out) {
    const unsigned flags = (publish.dup ? 0b1000u : 0) | static_cast<unsigned>(publish.qos) << 1 |
                           (publish.retain ? 0b0001u : 0);
    const std::size_t size = text_bytes(publish.topic) + (publish.qos > 0 ? 2 : 0) +
                             list_bytes(publish.properties, version) + publish.payload.size();
    Writer packet(out, PacketType::publish, flags, size);
    packet.text(publish.topic);
    if (publish.qos > 0) packet.u16(publish.packet_id);
    write_list(publish.properties, version, packet);
    packet.bytes(publish.payload);
}

void encode_ack(PacketType type, const AckView& ack, Version version, Buffer& out) {
    const unsigned flags = type == PacketType::pubrel ? 0b0010 : 0;
    const bool has_list = version == Version::v5 && !ack.properties.empty();
    const bool has_reason = version == Version::v5 && (has_list || ack.reason != Reason::success);
    const std::size_t size = 2 + (has_reason ? 1 : 0) + (has_list ? list_bytes(ack.properties) : 0);
    Writer packet(out, type, flags, size);
    packet.u16(ack.packet_id);
    if (has_reason) packet.u8(static_cast<unsigned>(ack.reason));
    if (has_list) packet.properties(ack.properties);
}

void encode_subscribe(std::uint16_t packet_id, std::span<const SubscriptionRequest> requests,
                      const PropertyList& properties, Version version, Buffer& out) {
    std::size_t size = 2 + list_bytes(properties, version);
    for (const SubscriptionRequest& request : requests) size += text_bytes(request.filter) + 1;
    Writer packet(out, PacketType::subscribe, 0b0010, size);
    packet.u16(packet_id);
    write_list(properties, version, packet);
    for (const SubscriptionRequest& request : requests) {
        packet.text(request.filter);
        packet.u8(options_byte(request.options, version));
    }
}

void encode_suback(const SubackView& suback, Version version, Buffer& out) {
    const std::size_t size = 2 + list_bytes(suback.properties, version) + suback.codes.size();
    Writer packet(out, PacketType::suback, 0, size);
    packet.u16(suback.packet_id);
    write_list(suback.properties, version, packet);
    packet.bytes(suback.codes);
}

void encode_unsubscribe(std::uint16_t packet_id, std::span<const std::string_view> filters,
                        const PropertyList& properties, Version version, Buffer& out) {
    std::size_t size = 2 + list_bytes(properties, version);
    for (const std::string_view filter : filters) size += text_bytes(filter);
    Writer packet(out, PacketType::unsubscribe, 0b0010, size);
    packet.u16(packet_id);
    write_list(properties, version, packet);
    for (const std::string_view filter : filters) packet.text(filter);
}

void encode_unsuback(const SubackView& unsuback, Version version, Buffer& out) {
    const Bytes codes = version == Version::v5 ? unsuback.codes : Bytes{};
    const std::size_t size = 2 + list_bytes(unsuback.properties, version) + codes.size();
    Writer packet(out, PacketType::unsuback, 0, size);
    packet.u16(unsuback.packet_id);
    write_list(unsuback.properties, version, packet);
    packet.bytes(codes);
}

void encode_pingreq(Buffer& out) { Writer(out, PacketType::pingreq, 0, 0); }

void encode_pingresp(Buffer& out) { Writer(out, PacketType::pingresp, 0, 0); }

void encode(const DisconnectView& disconnect, Version version, Buffer& out) {
    const bool has_list = version == Version::v5 && !disconnect.properties.empty();
    const bool has_reason =
        version == Version::v5 && (has_list || disconnect.reason != Reason::success);
    const std::size_t size =
        (has_reason ? 1 : 0) + (has_list ? list_bytes(disconnect.properties) : 0);
    Writer packet(out, PacketType::disconnect, 0, size);
    if (has_reason) packet.u8(static_cast<unsigned>(disconnect.reason));
    if (has_list) packet.properties(disconnect.properties);
}

void encode(const AuthView& auth, Buffer& out) {
    const bool bare = auth.reason == Reason::success && auth.properties.empty();
    Writer packet(out, PacketType::auth, 0, bare ? 0 : 1 + list_bytes(auth.properties));
    if (bare) return;
    packet.u8(static_cast<unsigned>(auth.reason));
    packet.properties(auth.properties);
}

std::optional<std::uint8_t> connack_code_311(Reason reason) {
    switch (reason) {
        case Reason::success:
            return 0;
        case Reason::unsupported_protocol_version:
            return 1;
        case Reason::client_identifier_not_valid:
            return 2;
        case Reason::server_unavailable:
        case Reason::server_busy:
        case Reason::quota_exceeded:
        case Reason::connection_rate_exceeded:
        case Reason::use_another_server:
        case Reason::server_moved:
            return 3;  // the service is unavailable: later or elsewhere it may not be
        case Reason::bad_user_name_or_password:
        case Reason::bad_authentication_method:
            return 4;
        case Reason::not_authorized:
        case Reason::banned:
            return 5;
        default:
            return std::nullopt;
    }
}

}  // namespace drawbridge::wire
