// Topic names as the two protocols that share them can say them.
//
// The router's names are those of MQTT. A NATS subject that is no MQTT topic has one all the same,
// with an escape byte that no UTF-8 string has, so that MQTT clients can neither use nor be given
// it; and some topics of MQTT are no subjects. (What the escapes are is the bridge's business.)
#pragma once

#include <cstddef>
#include <string_view>

namespace drawbridge::core {

// Never in UTF-8 (RFC 3629, section 1).
constexpr char name_escape = '\xFF';

// Can a PUBLISH have this topic? False for subjects that MQTT has no name for.
inline bool is_mqtt_name(std::string_view topic) {
    return topic.find(name_escape) == std::string_view::npos;
}

// A longer subject does not fit into a control line of NATS: 4096 bytes of arguments, two of which
// are a blank and a digit.
constexpr std::size_t nats_name_bytes_max = 4'094;

// Can a NATS message have it as its subject? False if it has blanks or control characters, a level
// that would be read as a wildcard, or would be too long.
bool is_nats_name(std::string_view topic);

// Replies of NATS requests, and what NATS keeps to itself. MQTT clients get them by filters that
// name them, not by those that begin with a wildcard.
bool is_internal_name(std::string_view topic);

// Does the filter match names whatever their first level is?
inline bool has_leading_wildcard(std::string_view filter) {
    return filter.starts_with('+') || filter.starts_with('#');
}

}  // namespace drawbridge::core
