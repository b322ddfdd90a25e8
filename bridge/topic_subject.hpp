// Topics and subjects: one namespace, two spellings. A level is a token: "a/b" is "a.b".
//
//     level        token
//     empty        "/"
//     "+"          "*"     in a filter
//     "#"          ">"     in a filter, see below
//     any other    itself, with "//" for each "."
//
// The router knows topics only. A subject that no topic becomes ("a+b", "a.*" published literally,
// "a/b") has a spelling of the router's own: each byte that a topic cannot have stands in its level
// as an escape, 0xFF and two hexadecimal digits. Levels stay what they are, so wildcards match such
// a subject as in NATS; and since 0xFF is in no UTF-8, MQTT clients can neither publish nor
// subscribe to it. They must not be sent it either: who delivers asks is_subject_only().
//
// Texts are built in a string of the caller, which is overwritten and keeps its memory. Threads:
// any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "broker/core/topic_names.hpp"

namespace drawbridge::bridge {

// A longer subject does not fit into the control line of a SUB or a PUB: 4096 bytes of arguments,
// two of which are a blank and a digit.
constexpr std::size_t subject_bytes_max = core::nats_name_bytes_max;

constexpr char subject_only_mark = core::name_escape;

// Is this topic the router's spelling of a subject that has no topic?
inline bool is_subject_only(std::string_view topic) { return !core::is_mqtt_name(topic); }

// The subject of a topic, as an MQTT client published it or as topic_of_subject() spelled it.
// False if it has none, and goes to MQTT clients only: a blank, a control character, a level that
// is "*" or ">", too long.
[[nodiscard]] bool subject_of_topic(std::string_view topic, std::string& subject);

enum class Spelling : std::uint8_t {
    none,          // not a valid subject: it reaches nobody, and topic is undefined
    subject_only,  // topic is the router's own spelling, not for MQTT clients
    exact,         // topic is a topic
};

// The router's spelling of a published subject. "*" and ">" in it are characters, not wildcards.
// Each subject has another spelling, and subject_of_topic() gives the subject back.
[[nodiscard]] Spelling topic_of_subject(std::string_view subject, std::string& topic);

// The filter that matches topic_of_subject(S) exactly when a NATS subscription to `pattern` gets S;
// but subjects that begin with '$' are not given to patterns that begin with a wildcard. "a.>" is
// "a/+/#", because ">" wants at least one token; ">" is "#". False if the pattern is not valid.
[[nodiscard]] bool filter_of_pattern(std::string_view pattern, std::string& filter);

// The pattern that filter_of_pattern() made this filter of; false if it has made it of none.
[[nodiscard]] bool pattern_of_filter(std::string_view filter, std::string& pattern);

// What a NATS client would subscribe to for a filter of MQTT (without $share/NAME/). "a/#" has the
// level above in it and takes two patterns, "a.>" and "a"; parent is the second, or empty. False if
// the filter is malformed or has a level that no subject can have.
[[nodiscard]] bool patterns_of_filter(std::string_view filter, std::string& pattern,
                                      std::string& parent);

// A subject that can be published to: tokens of one byte or more, none of them a blank, TAB, CR, LF
// or FF. "a.*" is one: the name of a subject, and no pattern.
bool is_valid_subject(std::string_view subject);

// The same, and no token is "*" or ">": what pedantic clients want to hear about.
bool is_literal_subject(std::string_view subject);

// A subject that can be subscribed to: the same, and ">" is the last token only.
bool is_valid_pattern(std::string_view pattern);

}  // namespace drawbridge::bridge
