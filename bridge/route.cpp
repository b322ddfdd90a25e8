#include "bridge/route.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "bridge/topic_subject.hpp"
#include "broker/base/assert.hpp"
#include "broker/wire/topic.hpp"
#include "broker/wire/utf8.hpp"

namespace drawbridge::bridge {
namespace {

using Kind = Level::Kind;

constexpr std::size_t topic_bytes_max = 65'535;  // section 1.5.4

bool is_wildcard(const Level& level) {
    return level.kind == Kind::one || level.kind == Kind::rest || level.kind == Kind::any;
}

std::size_t count_wildcards(const std::vector<Level>& levels) {
    return static_cast<std::size_t>(std::count_if(levels.begin(), levels.end(), is_wildcard));
}

bool is_reserved(std::string_view topic) {
    return topic.starts_with('$') || topic == "_INBOX" || topic.starts_with("_INBOX/");
}

// Does this level of a template say "$1", "$2", ...? Sets the capture's index.
bool is_pick(std::string_view text, std::size_t& capture) {
    if (text.size() < 2 || text[0] != '$' || text[1] == '0') return false;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data() + 1, end, capture);
    if (error != std::errc() || stopped != end) return false;
    --capture;
    return true;
}

// filter: valid. from_subject: as filter_of_pattern() made it, so "+/#" was ">".
std::vector<Level> levels_of(std::string_view filter, bool from_subject) {
    std::vector<Level> made;
    wire::Levels levels(filter);
    for (std::string_view level; levels.next(level);) {
        if (level == "#") {
            if (from_subject && filter != "#") made.pop_back();  // the '+' before it
            made.push_back({from_subject ? Kind::rest : Kind::any, {}, 0});
        } else if (level == "+") {
            made.push_back({Kind::one, {}, 0});
        } else {
            made.push_back({Kind::text, std::string(level), 0});
        }
    }
    return made;
}

// Reads nats_topic. Returns what is wrong with it.
std::string read_subject(const std::string& text, std::size_t levels_max,
                         std::vector<Level>& levels) {
    std::string filter;
    if (text.empty()) return "nats_topic is missing";
    if (text.size() > subject_bytes_max || !filter_of_pattern(text, filter))
        return fmt::format(
            "nats_topic must be a subject such as \"edge\" or \"state.*.>\", without blanks and "
            "empty tokens and with > at the end only, not \"{}\"",
            text);
    if (is_subject_only(filter))
        return fmt::format(
            "nats_topic \"{}\" cannot be written as a topic: the levels of a subject stand between "
            "dots, and hold no /, + or #",
            text);
    if (!wire::is_topic_filter(filter, levels_max))
        return fmt::format("nats_topic must have at most {} levels (max_topic_levels)", levels_max);
    levels = levels_of(filter, true);
    return "";
}

// Reads mqtt_topic. Returns what is wrong with it.
std::string read_topic(const std::string& text, std::size_t levels_max,
                       std::vector<Level>& levels) {
    if (text.empty()) return "mqtt_topic is missing";
    if (text.size() > topic_bytes_max || wire::utf8_fault(text) != wire::Utf8Fault::none ||
        !wire::is_topic_filter(text, levels_max))
        return fmt::format(
            "mqtt_topic must be a topic such as \"channels/1/messages\" of at most {} levels "
            "(max_topic_levels), with + alone in its level and # alone and last, not \"{}\"",
            levels_max, text);
    if (text.starts_with("$share/"))
        return "mqtt_topic must not be a shared subscription: leave $share/NAME/ out";
    levels = levels_of(text, false);
    return "";
}

// Turns the wildcards of a target into picks. Returns why it does not go with the pattern.
// What "#" takes from a topic depends on it: paired with ">" one level at least.
std::string pair_up(std::vector<Level>& pattern, std::vector<Level>& target) {
    std::vector<Kind> taken;
    for (const Level& level : pattern)
        if (is_wildcard(level)) taken.push_back(level.kind == Kind::any ? Kind::rest : level.kind);
    if (taken.size() > captures_max) return fmt::format("has more than {} wildcards", captures_max);

    bool has_picks = false;
    std::vector<Kind> wanted;
    for (Level& level : target) {
        std::size_t capture = 0;
        if (level.kind == Kind::text && is_pick(level.text, capture)) {
            has_picks = true;
            if (capture >= taken.size())
                return fmt::format("has {}, but the other side has {} wildcards", level.text,
                                   taken.size());
            level = {Kind::pick, {}, capture};
        } else if (is_wildcard(level)) {
            wanted.push_back(level.kind == Kind::any ? Kind::rest : level.kind);
            level = {Kind::pick, {}, wanted.size() - 1};
        }
    }
    if (has_picks && wanted.empty()) return "";
    if (has_picks) return "has both wildcards and $1, $2: write all of them in one way";
    if (wanted != taken)
        return "has wildcards that do not pair: nats_topic and mqtt_topic need as many, in the "
               "same order, * with + and > with #; or name them by $1, $2 where the message goes";
    for (Level& level : pattern)
        if (level.kind == Kind::any) level.kind = Kind::rest;
    return "";
}

Level text_level(std::string_view text) { return {Kind::text, std::string(text), 0}; }

// mqtt_topic/[subtopic/] and the whole name that the pattern takes.
std::vector<Level> whole_name_below(const RouteDefinition& definition,
                                    const std::vector<Level>& pattern) {
    std::vector<Level> target = levels_of(definition.mqtt_topic, false);
    if (!definition.subtopic.empty())
        for (Level& level : levels_of(definition.subtopic, false))
            target.push_back(std::move(level));
    std::size_t captures = 0;
    for (const Level& level : pattern)
        target.push_back(is_wildcard(level) ? Level{Kind::pick, {}, captures++}
                                            : text_level(level.text));
    return target;
}

std::string make_out(const RouteDefinition& definition, std::vector<Level> nats,
                     std::vector<Level> mqtt, std::vector<Rule>& rules) {
    std::size_t ignored = 0;
    const bool is_export = std::all_of(mqtt.begin(), mqtt.end(), [&](const Level& level) {
        return level.kind == Kind::text && !is_pick(level.text, ignored);
    });
    if (!is_export) {
        if (!definition.subtopic.empty())
            return "has a subtopic and wildcards in mqtt_topic: write it into mqtt_topic";
        if (const std::string mistake = pair_up(nats, mqtt); !mistake.empty()) return mistake;
        rules.emplace_back(Side::nats, std::move(nats), std::move(mqtt));
        return "";
    }
    if (count_wildcards(nats) == 0) {
        rules.emplace_back(Side::nats, nats, std::move(mqtt));
        nats.push_back({Kind::rest, {}, 0});
    }
    if (count_wildcards(nats) > captures_max)
        return fmt::format("has more than {} wildcards", captures_max);
    rules.emplace_back(Side::nats, nats, whole_name_below(definition, nats));
    return "";
}

std::string make_in(const RouteDefinition& definition, std::vector<Level> nats,
                    std::vector<Level> mqtt, std::vector<Rule>& rules) {
    if (definition.direction == Direction::in && !definition.subtopic.empty())
        return "has a subtopic, which only goes with direction = \"out\": write it into mqtt_topic";
    if (const std::string mistake = pair_up(mqtt, nats); !mistake.empty()) return mistake;
    rules.emplace_back(Side::mqtt, std::move(mqtt), std::move(nats));
    return "";
}

// Is what is taken sent to its own topic?
bool changes_nothing(const Rule& rule) {
    return rule.source_filter() == rule.target_filter() && rule.keeps_order();
}

// Levels as a filter; "" if a pick is not where a filter can have it.
std::string filter_of(const std::vector<Level>& levels) {
    std::string filter;
    for (const Level& level : levels) {
        if (!filter.empty() || &level != &levels.front()) filter += '/';
        switch (level.kind) {
            case Kind::text:
                filter += level.text;
                break;
            case Kind::one:
                filter += '+';
                break;
            case Kind::rest:
                filter += "+/#";
                break;
            case Kind::any:
                filter += '#';
                break;
            case Kind::pick:
                return "";
        }
        const bool is_open = level.kind == Kind::rest || level.kind == Kind::any;
        if (is_open && &level != &levels.back()) return "";
    }
    return filter;
}

}  // namespace

std::string_view to_text(Direction direction) {
    switch (direction) {
        case Direction::out:
            return "out";
        case Direction::in:
            return "in";
        case Direction::both:
            return "both";
    }
    return "";
}

Rule::Rule(Side from, std::vector<Level> pattern, std::vector<Level> target)
    : from_(from), pattern_(std::move(pattern)), target_(std::move(target)) {
    ASSERT(!pattern_.empty() && !target_.empty());
}

bool Rule::takes(std::string_view topic, Captures& captures) const {
    if (is_wildcard(pattern_.front()) && is_reserved(topic)) return false;
    std::size_t count = 0;
    std::size_t at = 0;  // where the next level begins; one past the end: there is none
    for (const Level& level : pattern_) {
        const bool is_over = at > topic.size();
        if (level.kind == Kind::rest || level.kind == Kind::any) {
            if (is_over && level.kind == Kind::rest) return false;
            captures[count] = is_over ? std::string_view() : topic.substr(at);
            return true;
        }
        if (is_over) return false;
        const std::size_t end = std::min(topic.find('/', at), topic.size());
        const std::string_view name = topic.substr(at, end - at);
        if (level.kind == Kind::one)
            captures[count++] = name;
        else if (name != level.text)
            return false;
        at = end + 1;
    }
    return at > topic.size();
}

bool Rule::make_topic(const Captures& captures, std::size_t levels_max, std::string& topic) const {
    fill(captures, topic);
    if (target_.front().kind == Kind::pick && is_reserved(topic)) return false;
    return topic.size() <= topic_bytes_max && wire::is_topic_name(topic, levels_max) &&
           !is_subject_only(topic);
}

// A filter's wildcards are captured as if they were names, which is what they stand for.
bool Rule::make_filter(std::string_view filter, std::string& made) const {
    Captures captures;
    if (!wire::covers(source_filter(), filter) || !takes(filter, captures)) return false;
    fill(captures, made);
    return wire::is_topic_filter(made, std::numeric_limits<std::size_t>::max());
}

void Rule::fill(const Captures& captures, std::string& topic) const {
    topic.clear();
    bool is_first = true;
    for (const Level& level : target_) {
        std::string_view text = level.text;
        if (level.kind == Kind::pick) {
            text = captures[level.capture];
            if (text.data() == nullptr) continue;  // no level
        }
        if (!is_first) topic += '/';
        is_first = false;
        topic += text;
    }
}

std::string Rule::prefix() const {
    std::string prefix;
    for (const Level& level : pattern_) {
        if (level.kind != Kind::text) break;
        if (&level != &pattern_.front()) prefix += '/';
        prefix += level.text;
    }
    return prefix;
}

std::size_t Rule::prefix_levels() const {
    const auto end = std::find_if(pattern_.begin(), pattern_.end(), is_wildcard);
    return static_cast<std::size_t>(end - pattern_.begin());
}

std::string Rule::source_filter() const { return filter_of(pattern_); }

std::string Rule::target_filter() const {
    std::vector<Kind> captured;
    for (const Level& level : pattern_)
        if (is_wildcard(level)) captured.push_back(level.kind);
    std::vector<Level> levels = target_;
    for (Level& level : levels)
        if (level.kind == Kind::pick) level = {captured[level.capture], {}, 0};
    return filter_of(levels);
}

std::string Rule::target_text() const {
    std::string text;
    for (const Level& level : target_)
        text +=
            level.kind == Kind::pick ? fmt::format("/${}", level.capture + 1) : "/" + level.text;
    return text;
}

bool Rule::keeps_order() const {
    std::size_t next = 0;
    return std::all_of(target_.begin(), target_.end(), [&](const Level& level) {
        return level.kind != Kind::pick || level.capture == next++;
    });
}

std::string make_route(const RouteDefinition& definition, std::size_t levels_max, Route& route) {
    std::vector<Level> nats;
    std::vector<Level> mqtt;
    std::string mistake = read_subject(definition.nats_topic, levels_max, nats);
    if (mistake.empty()) mistake = read_topic(definition.mqtt_topic, levels_max, mqtt);
    if (!mistake.empty()) return mistake;
    const bool has_bad_subtopic = !definition.subtopic.empty() &&
                                  (!wire::is_topic_name(definition.subtopic, levels_max) ||
                                   wire::utf8_fault(definition.subtopic) != wire::Utf8Fault::none);
    if (has_bad_subtopic)
        return fmt::format("subtopic must be levels such as \"a/b\" without wildcards, not \"{}\"",
                           definition.subtopic);

    route.definition = definition;
    route.rules.clear();
    if (definition.direction != Direction::in)
        mistake = make_out(definition, nats, mqtt, route.rules);
    if (mistake.empty() && definition.direction != Direction::out)
        mistake = make_in(definition, nats, mqtt, route.rules);
    if (mistake.empty() && std::any_of(route.rules.begin(), route.rules.end(), changes_nothing))
        mistake =
            "leads to where the message is already: a subject is another spelling of a "
            "topic, so this needs no route";
    return mistake;
}

Route commands_route() {
    RouteDefinition definition;
    definition.direction = Direction::in;
    definition.mqtt_topic = "channels/+/messages/services/+/#";
    definition.nats_topic = "commands.$2.$3";
    Route route;
    const std::string mistake = make_route(definition, definition.mqtt_topic.size(), route);
    ASSERT(mistake.empty());
    return route;
}

}  // namespace drawbridge::bridge
