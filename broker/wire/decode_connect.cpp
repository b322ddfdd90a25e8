// CONNECT and CONNACK. MQTT 5.0 and 3.1.1, sections 3.1 and 3.2.
#include "broker/wire/cursor.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/read_properties.hpp"
#include "broker/wire/reason_table.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::wire {
namespace {

// The connect flags: section 3.1.2.3.
struct ConnectFlags {
    explicit ConnectFlags(std::uint8_t byte)
        : reserved((byte & 0x01) != 0),
          clean_start((byte & 0x02) != 0),
          will((byte & 0x04) != 0),
          will_qos((byte >> 3) & 0b11),
          will_retain((byte & 0x20) != 0),
          password((byte & 0x40) != 0),
          username((byte & 0x80) != 0) {}

    bool reserved;
    bool clean_start;
    bool will;
    std::uint8_t will_qos;
    bool will_retain;
    bool password;
    bool username;
};

void check_flags(const ConnectFlags& flags, Cursor& in) {
    const Reason malformed = Reason::malformed_packet;
    if (flags.reserved) in.fail(malformed, "MQTT-3.1.2-3");
    if (!flags.will && flags.will_qos != 0)
        in.fail(malformed, in.rule("MQTT-3.1.2-11", "MQTT-3.1.2-13"));
    if (flags.will_qos == 3) in.fail(malformed, in.rule("MQTT-3.1.2-12", "MQTT-3.1.2-14"));
    if (!flags.will && flags.will_retain)
        in.fail(malformed, in.rule("MQTT-3.1.2-13", "MQTT-3.1.2-15"));
    if (!in.is_v5() && flags.password && !flags.username) in.fail(malformed, "MQTT-3.1.2-22");
}

WillView read_will(const ConnectFlags& flags, Cursor& in) {
    WillView will;
    will.qos = flags.will_qos;
    will.retain = flags.will_retain;
    will.properties = read_properties(in, will_properties);
    will.topic = in.utf8();
    if (will.topic.empty()) in.fail(Reason::topic_name_invalid, "MQTT-4.7.3-1");
    if (has_wildcard(will.topic))
        in.fail(Reason::topic_name_invalid, in.rule("MQTT-4.7.0-1", "MQTT-4.7.1-1"));
    will.payload = in.binary();
    return will;
}

// Name and level: everything after them depends on the version.
Result<Version> read_version(Cursor& in) {
    const std::string_view name = in.utf8();
    const std::uint8_t level = in.u8();
    if (in.violation()) return *in.violation();
    if (name == "MQTT" && level == 5) return Version::v5;
    if (name == "MQTT" && level == 4) return Version::v3_1_1;
    if (name == "MQIsdp" && level == 3) return Version::v3_1;
    const bool known = name == "MQTT" || name == "MQIsdp";
    return Violation{Reason::unsupported_protocol_version, known ? "MQTT-3.1.2-2" : "MQTT-3.1.2-1"};
}

}  // namespace

Result<ConnectView> decode_connect(std::uint8_t flags, Bytes body) {
    Cursor opening(body, Version::v3_1_1);
    const Result<Version> version = read_version(opening);
    if (!version) return version.error();

    Cursor in(opening.rest(), *version);
    in.expect_flags(flags, 0);
    ConnectView connect;
    connect.version = *version;
    const ConnectFlags connect_flags(in.u8());
    check_flags(connect_flags, in);
    connect.clean_start = connect_flags.clean_start;
    connect.keep_alive_s = in.u16();
    connect.properties = read_properties(in, PacketType::connect);

    connect.client_id = in.utf8();
    if (connect_flags.will) connect.will = read_will(connect_flags, in);
    if (connect_flags.username) connect.username = in.utf8();
    if (connect_flags.password) connect.password = in.binary();
    return in.finish(connect);
}

Result<ConnackView> decode_connack(std::uint8_t flags, Bytes body, Version version) {
    constexpr std::uint8_t code_311_max = 5;
    Cursor in(body, version);
    in.expect_flags(flags, 0);
    ConnackView connack;
    const std::uint8_t acknowledge_flags = in.u8();
    if (acknowledge_flags > 1) in.fail(Reason::malformed_packet, "MQTT-3.2.2-1");
    connack.session_present = acknowledge_flags == 1 && version != Version::v3_1;
    connack.code = in.u8();
    const bool listed =
        in.is_v5() ? is_listed(connack.code, PacketType::connack) : connack.code <= code_311_max;
    if (!listed) in.fail(Reason::protocol_error, in.rule("MQTT-3.2.2-8", "MQTT-3.2.2-6"));
    if (connack.session_present && connack.code != 0)
        in.fail(Reason::protocol_error, in.rule("MQTT-3.2.2-6", "MQTT-3.2.2-4"));
    connack.properties = read_properties(in, PacketType::connack);
    return in.finish(connack);
}

}  // namespace drawbridge::wire
