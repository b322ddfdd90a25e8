// Topic names and topic filters. MQTT 5.0, sections 4.7 and 4.8.
//
// All functions take valid UTF-8 without U+0000 (the decoder has seen to that) and compare bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace drawbridge::wire {

// A name to publish to: at least one character, no wildcard, at most levels_max levels.
bool is_topic_name(std::string_view topic, std::size_t levels_max);

// A filter without $share: '#' alone and last, '+' alone in its level, at most levels_max levels.
bool is_topic_filter(std::string_view filter, std::size_t levels_max);

bool has_wildcard(std::string_view filter);

// A filter as a client sends it.
struct ParsedFilter {
    std::string_view share;   // the share name; empty: not shared
    std::string_view filter;  // without $share/NAME/
};

// Takes "$share/NAME/FILTER" apart; nothing if it is malformed (MQTT-4.8.2-1, MQTT-4.8.2-2) or the
// filter is not valid.
std::optional<ParsedFilter> parse_filter(std::string_view text, std::size_t levels_max);

// Section 4.7: does the filter match the topic? Filters that begin with a wildcard do not match
// topics that begin with '$' (MQTT-4.7.2-1).
bool matches(std::string_view filter, std::string_view topic);

// Does every topic that `narrow` matches also match `wide`? Both are valid filters without $share.
bool covers(std::string_view wide, std::string_view narrow);

// Walks the levels of a topic: "a//b" has the levels "a", "", "b".
class Levels {
public:
    explicit Levels(std::string_view topic) : rest_(topic) {}
    bool next(std::string_view& level) {
        if (done_) return false;
        const std::size_t slash = rest_.find('/');
        level = rest_.substr(0, slash);
        done_ = slash == std::string_view::npos;
        if (!done_) rest_.remove_prefix(slash + 1);
        return true;
    }

private:
    std::string_view rest_;
    bool done_ = false;
};

}  // namespace drawbridge::wire
