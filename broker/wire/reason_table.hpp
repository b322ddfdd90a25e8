// Which reason code may stand in which packet: MQTT 5.0, section 2.4 (table 2-6).
#pragma once

#include <array>

#include "broker/wire/packet_set.hpp"

namespace drawbridge::wire {

namespace reason_table {

using enum PacketType;

constexpr std::array<PacketSet, 256> make() {
    std::array<PacketSet, 256> table{};
    const auto row = [&table](Reason reason, PacketSet packets) {
        table[static_cast<std::size_t>(reason)] = packets;
    };
    constexpr PacketSet refusals = any_of(connack, puback, pubrec, suback, unsuback, disconnect);
    constexpr PacketSet closing = any_of(connack, disconnect);

    row(Reason::success,
        any_of(connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth));
    row(Reason::granted_qos_1, only(suback));
    row(Reason::granted_qos_2, only(suback));
    row(Reason::disconnect_with_will, only(disconnect));
    row(Reason::no_matching_subscribers, any_of(puback, pubrec));
    row(Reason::no_subscription_existed, only(unsuback));
    row(Reason::continue_authentication, only(auth));
    row(Reason::re_authenticate, only(auth));
    row(Reason::unspecified_error, refusals);
    row(Reason::malformed_packet, closing);
    row(Reason::protocol_error, closing);
    row(Reason::implementation_specific_error, refusals);
    row(Reason::unsupported_protocol_version, only(connack));
    row(Reason::client_identifier_not_valid, only(connack));
    row(Reason::bad_user_name_or_password, only(connack));
    row(Reason::not_authorized, refusals);
    row(Reason::server_unavailable, only(connack));
    row(Reason::server_busy, closing);
    row(Reason::banned, only(connack));
    row(Reason::server_shutting_down, only(disconnect));
    row(Reason::bad_authentication_method, closing);
    row(Reason::keep_alive_timeout, only(disconnect));
    row(Reason::session_taken_over, only(disconnect));
    row(Reason::topic_filter_invalid, any_of(suback, unsuback, disconnect));
    row(Reason::topic_name_invalid, any_of(connack, puback, pubrec, disconnect));
    row(Reason::packet_identifier_in_use, any_of(puback, pubrec, suback, unsuback));
    row(Reason::packet_identifier_not_found, any_of(pubrel, pubcomp));
    row(Reason::receive_maximum_exceeded, only(disconnect));
    row(Reason::topic_alias_invalid, only(disconnect));
    row(Reason::packet_too_large, closing);
    row(Reason::message_rate_too_high, only(disconnect));
    row(Reason::quota_exceeded, any_of(connack, puback, pubrec, suback, disconnect));
    row(Reason::administrative_action, only(disconnect));
    row(Reason::payload_format_invalid, any_of(connack, puback, pubrec, disconnect));
    row(Reason::retain_not_supported, closing);
    row(Reason::qos_not_supported, closing);
    row(Reason::use_another_server, closing);
    row(Reason::server_moved, closing);
    row(Reason::shared_subscriptions_not_supported, any_of(suback, disconnect));
    row(Reason::connection_rate_exceeded, closing);
    row(Reason::maximum_connect_time, only(disconnect));
    row(Reason::subscription_identifiers_not_supported, any_of(suback, disconnect));
    row(Reason::wildcard_subscriptions_not_supported, any_of(suback, disconnect));
    return table;
}

inline constexpr std::array<PacketSet, 256> table = make();

}  // namespace reason_table

// May this byte stand as a reason code in this packet?
constexpr bool is_listed(std::uint8_t code, PacketType packet) {
    return (reason_table::table[code] & only(packet)) != 0;
}

}  // namespace drawbridge::wire
