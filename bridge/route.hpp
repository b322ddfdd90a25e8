// Route: where messages go besides their own topic, as an operator writes it, and the rules that it
// is made of.
//
// A subject is another spelling of a topic, so a rule knows topics only: which ones it takes, and a
// template for the one that each goes out on as well. `*` and `+` take one level, `>` and `#` the
// rest; on the other side the same wildcards stand for what they took, in their order, or $1, $2
// ... for any of them. Written for people in docs/routes.md.
//
// Plain values. Threads: any, once made.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge::bridge {

// Whose messages: those that MQTT clients publish, or NATS clients.
enum class Side : std::uint8_t { mqtt, nats };

constexpr Side other(Side side) { return side == Side::mqtt ? Side::nats : Side::mqtt; }

// out: from nats_topic to mqtt_topic.
enum class Direction : std::uint8_t { out, in, both };

std::string_view to_text(Direction direction);

// What the operator wrote.
struct RouteDefinition {
    Direction direction = Direction::out;
    std::string nats_topic;
    std::string mqtt_topic;
    std::string subtopic;  // out, without wildcards: stands before a subject that is appended
    std::string source;    // "FILE:LINE"; empty: built in
};

// A pattern that takes more is hard to read, and each message would carry the room for them.
constexpr std::size_t captures_max = 16;

// What the wildcards of a rule took from one topic, in their order. The views point into the topic;
// one without data is a "#" that took no level.
using Captures = std::array<std::string_view, captures_max>;

struct Level {
    enum class Kind : std::uint8_t {
        text,
        one,   // takes one level
        rest,  // takes one level or more; the last of its pattern
        any,   // takes the rest, which may be no level at all; the last
        pick,  // of a template: a capture
    };
    Kind kind = Kind::text;
    std::string text;         // of a text
    std::size_t capture = 0;  // of a pick: its index
};

// One way of a route.
class Rule {
public:
    Rule(Side from, std::vector<Level> pattern, std::vector<Level> target);

    Side from() const { return from_; }

    // Fills captures if the pattern takes the topic. A pattern that begins with a wildcard takes
    // neither topics that begin with '$' nor replies ("_INBOX/...").
    bool takes(std::string_view topic, Captures& captures) const;

    // The topic that what was taken goes out on: a valid topic name in UTF-8 that both protocols
    // can have, or false. What a wildcard took cannot lead to '$' topics and replies.
    [[nodiscard]] bool make_topic(const Captures& captures, std::size_t levels_max,
                                  std::string& topic) const;

    // The same for a filter instead of a topic: what becomes of all that it matches, if the rule
    // takes all of that; else false.
    [[nodiscard]] bool make_filter(std::string_view filter, std::string& made) const;

    // The levels that every topic that is taken begins with: "a/b" of "a/b/+". May be empty.
    std::string prefix() const;
    std::size_t prefix_levels() const;

    // The filters that match what is taken, and what it becomes; for comparing rules.
    std::string source_filter() const;
    std::string target_filter() const;
    // The same, with the captures told apart: equal for rules that do the same.
    std::string target_text() const;
    bool keeps_order() const;  // the captures stand in the target as in the pattern

private:
    void fill(const Captures& captures, std::string& topic) const;

    Side from_;
    std::vector<Level> pattern_;
    std::vector<Level> target_;  // texts and picks
};

struct Route {
    RouteDefinition definition;
    std::vector<Rule> rules;  // one for each way; two where a literal subject has deeper ones
};

// Makes the rules of a definition. Returns what is wrong with it, as "mqtt_topic must be ...", or
// "". levels_max: of a topic.
[[nodiscard]] std::string make_route(const RouteDefinition& definition, std::size_t levels_max,
                                     Route& route);

// Commands for a service on a gateway: channels/ID/messages/services/NAME[/more] goes to
// commands.NAME[.more].
Route commands_route();

}  // namespace drawbridge::bridge
