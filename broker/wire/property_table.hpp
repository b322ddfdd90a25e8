// The property table: MQTT 5.0, section 2.2.2.2 (table 2-4), with each property's range of values.
#pragma once

#include <array>

#include "broker/wire/packet_set.hpp"

namespace drawbridge::wire {

enum class PropertyRange : std::uint8_t { any, zero_or_one, not_zero, topic_name };

struct PropertyRule {
    PropertyType type{};
    PacketSet packets = 0;  // may stand in these; none: there is no such property
    PacketSet repeats = 0;  // may stand in these more than once
    PropertyRange range = PropertyRange::any;
    Reason out_of_range = Reason::protocol_error;
    const char* rule =
        "";  // what a value out of range breaks: a statement, or a section without one
};

namespace property_table {

using enum PacketType;
using enum PropertyRange;
using enum PropertyId;
using Type = PropertyType;

constexpr std::size_t ids = 0x2B;

constexpr PacketSet published = static_cast<PacketSet>(only(publish) | will_properties);
constexpr PacketSet set_up = any_of(connect, connack);
constexpr PacketSet authentication = any_of(connect, connack, auth);
constexpr PacketSet answers =
    any_of(connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth);
constexpr PacketSet everywhere =
    static_cast<PacketSet>(answers | published | any_of(connect, subscribe, unsubscribe));

constexpr std::array<PropertyRule, ids> make() {
    std::array<PropertyRule, ids> table;
    const auto row = [&table](PropertyId id, const PropertyRule& rule) {
        table[static_cast<std::size_t>(id)] = rule;
    };
    const PacketSet none = 0;
    const Reason error = Reason::protocol_error;

    row(payload_format_indicator,
        {Type::byte, published, none, zero_or_one, error, "MQTT-3.3.2.3.2"});
    row(message_expiry_interval, {Type::u32, published});
    row(content_type, {Type::text, published});
    row(response_topic, {Type::text, published, none, topic_name, error, "MQTT-3.3.2-14"});
    row(correlation_data, {Type::binary, published});
    row(subscription_identifier, {Type::varint, any_of(publish, subscribe), only(publish), not_zero,
                                  error, "MQTT-3.8.2.1.2"});
    row(session_expiry_interval, {Type::u32, any_of(connect, connack, disconnect)});
    row(assigned_client_identifier, {Type::text, only(connack)});
    row(server_keep_alive, {Type::u16, only(connack)});
    row(authentication_method, {Type::text, authentication});
    row(authentication_data, {Type::binary, authentication});
    row(request_problem_information,
        {Type::byte, only(connect), none, zero_or_one, error, "MQTT-3.1.2.11.7"});
    row(will_delay_interval, {Type::u32, will_properties});
    row(request_response_information,
        {Type::byte, only(connect), none, zero_or_one, error, "MQTT-3.1.2.11.6"});
    row(response_information, {Type::text, only(connack)});
    row(server_reference, {Type::text, any_of(connack, disconnect)});
    row(reason_string, {Type::text, answers});
    row(receive_maximum, {Type::u16, set_up, none, not_zero, error, "MQTT-3.1.2.11.3"});
    row(topic_alias_maximum, {Type::u16, set_up});
    row(topic_alias,
        {Type::u16, only(publish), none, not_zero, Reason::topic_alias_invalid, "MQTT-3.3.2-8"});
    row(maximum_qos, {Type::byte, only(connack), none, zero_or_one, error, "MQTT-3.2.2.3.4"});
    row(retain_available, {Type::byte, only(connack), none, zero_or_one, error, "MQTT-3.2.2.3.5"});
    row(user_property, {Type::text_pair, everywhere, everywhere});
    row(maximum_packet_size, {Type::u32, set_up, none, not_zero, error, "MQTT-3.1.2.11.4"});
    row(wildcard_subscription_available,
        {Type::byte, only(connack), none, zero_or_one, error, "MQTT-3.2.2.3.11"});
    row(subscription_identifier_available,
        {Type::byte, only(connack), none, zero_or_one, error, "MQTT-3.2.2.3.12"});
    row(shared_subscription_available,
        {Type::byte, only(connack), none, zero_or_one, error, "MQTT-3.2.2.3.13"});
    return table;
}

inline constexpr std::array<PropertyRule, ids> table = make();
inline constexpr PropertyRule unknown;

}  // namespace property_table

// id: a PropertyId, or any byte that stands in its place.
constexpr const PropertyRule& rule_of(std::uint8_t id) {
    return id < property_table::ids ? property_table::table[id] : property_table::unknown;
}

constexpr const PropertyRule& rule_of(PropertyId id) {
    return rule_of(static_cast<std::uint8_t>(id));
}

}  // namespace drawbridge::wire
