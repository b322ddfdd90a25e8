// The packets of MQTT 3.1, 3.1.1 and 5.0 as views: what a packet says, without owning a byte of it.
//
// A decoded view points into the bytes it was decoded from and lives as long as they do. The same
// views are what encode() takes. Both directions: a server decodes CONNECT and encodes CONNACK, a
// client (the tests' own, a bridge) the other way round.
#pragma once

#include <optional>
#include <string_view>

#include "broker/base/bytes.hpp"
#include "broker/base/reason.hpp"
#include "broker/wire/properties.hpp"

namespace drawbridge::wire {

enum class Version : std::uint8_t { v3_1 = 3, v3_1_1 = 4, v5 = 5 };

// MQTT 5.0, section 2.1.2.
enum class PacketType : std::uint8_t {
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    pubrec = 5,
    pubrel = 6,
    pubcomp = 7,
    subscribe = 8,
    suback = 9,
    unsubscribe = 10,
    unsuback = 11,
    pingreq = 12,
    pingresp = 13,
    disconnect = 14,
    auth = 15,
};

struct WillView {
    std::string_view topic;
    Bytes payload;
    std::uint8_t qos = 0;
    bool retain = false;
    PropertyList properties;
};

// Section 3.1. In 3.1.1 `clean_start` is CleanSession.
struct ConnectView {
    Version version = Version::v3_1_1;
    bool clean_start = true;
    std::uint16_t keep_alive_s = 0;
    std::string_view client_id;
    std::optional<WillView> will;
    std::optional<std::string_view> username;
    std::optional<Bytes> password;
    PropertyList properties;
};

// Section 3.2. `code` is the byte on the wire: a Reason in 5.0, 0 to 5 in 3.1.1. In 3.1 nobody is
// told whether a session is present: that byte is reserved there.
struct ConnackView {
    bool session_present = false;
    std::uint8_t code = 0;
    PropertyList properties;
};

// Section 3.3. packet_id is 0 when qos is 0.
struct PublishView {
    std::string_view topic;
    Bytes payload;
    std::uint16_t packet_id = 0;
    std::uint8_t qos = 0;
    bool retain = false;
    bool dup = false;
    PropertyList properties;
};

// PUBACK, PUBREC, PUBREL and PUBCOMP: sections 3.4 to 3.7. In 3.1.1 the reason is always success.
struct AckView {
    std::uint16_t packet_id = 0;
    Reason reason = Reason::success;
    PropertyList properties;
};

enum class RetainHandling : std::uint8_t { send = 0, send_if_new = 1, do_not_send = 2 };

struct SubscriptionOptions {
    std::uint8_t qos = 0;
    bool no_local = false;
    bool retain_as_published = false;
    RetainHandling retain_handling = RetainHandling::send;
};

struct SubscriptionRequest {
    std::string_view filter;
    SubscriptionOptions options;
};

// Sections 3.8 and 3.10. `entries` is the validated payload; walk it with SubscribeEntries or
// UnsubscribeEntries (decode.hpp).
struct SubscribeView {
    std::uint16_t packet_id = 0;
    PropertyList properties;
    Bytes entries;
};

struct UnsubscribeView {
    std::uint16_t packet_id = 0;
    PropertyList properties;
    Bytes entries;
};

// Sections 3.9 and 3.11. One code for each filter, in order. UNSUBACK of 3.1.1 has none.
struct SubackView {
    std::uint16_t packet_id = 0;
    PropertyList properties;
    Bytes codes;
};

// Section 3.14.
struct DisconnectView {
    Reason reason = Reason::success;
    PropertyList properties;
};

// Section 3.15.
struct AuthView {
    Reason reason = Reason::success;
    PropertyList properties;
};

}  // namespace drawbridge::wire
