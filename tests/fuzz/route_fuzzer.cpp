// Random routes and messages: it ends, the results are bounded and valid, none is the message's own
// topic, none comes twice, and each has a rule that leads to it. Input: lines; a route is two of
// them behind a byte for its direction, and the last line is the topic. Every byte stands for one
// of a few characters, so that many routes are valid and many topics match.
#include <algorithm>
#include <string>
#include <vector>

#include "bridge/route_review.hpp"
#include "bridge/route_table.hpp"
#include "bridge/topic_subject.hpp"
#include "broker/base/assert.hpp"
#include "broker/base/bytes.hpp"
#include "broker/base/log.hpp"
#include "broker/wire/topic.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

constexpr std::size_t levels_max = 6;
constexpr std::size_t text_bytes_max = 40;
constexpr std::size_t routes_at_once_max = 100;

std::string next_text(std::string_view& input, std::string_view alphabet) {
    const std::size_t end = input.find('\n');
    std::string text(input.substr(0, std::min(end, text_bytes_max)));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    for (char& c : text)
        if (alphabet.find(c) == std::string_view::npos)
            c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
    return text;
}

// Does a rule that takes messages of this side lead from one topic to the other?
bool leads(const Route& route, std::string_view from, std::string_view to, Side side) {
    return std::any_of(route.rules.begin(), route.rules.end(), [&](const Rule& rule) {
        Captures captures;
        std::string made;
        return rule.from() == side && rule.takes(from, captures) &&
               rule.make_topic(captures, levels_max, made) && made == to;
    });
}

void check(const RouteTable& table, const std::string& topic, Side from) {
    core::MessageView message;
    message.topic = topic;
    message.bridged = from == Side::nats;
    std::vector<core::Rewritten> out;
    table.rewrite(message, out);
    const std::vector<RouteTable::Step> steps = table.trace(topic, from);
    ASSERT(out.size() == steps.size());
    ASSERT(out.size() <= route_results_max);

    std::vector<std::size_t> passed;
    std::vector<std::string_view> topics{topic};
    std::vector<Side> sides{from};
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const RouteTable::Step& step = steps[i];
        ASSERT(step.topic == out[i].topic);
        ASSERT(wire::is_topic_name(step.topic, levels_max));
        ASSERT(!is_subject_only(step.topic));
        ASSERT(std::find(topics.begin(), topics.end(), step.topic) == topics.end());
        ASSERT(std::find(passed.begin(), passed.end(), step.route) == passed.end());
        ASSERT(step.after <= i);
        const Side side = sides[step.after];
        ASSERT(leads(table.routes()[step.route], topics[step.after], step.topic, side));
        ASSERT(!out[i].keeps_retain || side == Side::nats);
        passed.push_back(step.route);
        topics.push_back(step.topic);
        sides.push_back(other(side));
    }
    // Whoever takes the message itself has been asked, and led somewhere that it has been.
    for (const Route& route : table.routes())
        for (const Rule& rule : route.rules) {
            Captures captures;
            std::string made;
            if (rule.from() != from || !rule.takes(topic, captures)) continue;
            ASSERT(wire::matches(rule.source_filter(), topic));
            if (out.size() == route_results_max || route.rules.size() > 1) continue;
            if (!rule.make_topic(captures, levels_max, made)) continue;
            ASSERT(std::find(topics.begin(), topics.end(), made) != topics.end());
        }
}

}  // namespace

// Topics that cannot be are no news here.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
    log::set_level(log::Level::error);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = as_text({data, size});
    std::vector<Route> routes;
    while (input.find('\n') != std::string_view::npos && routes.size() < routes_at_once_max) {
        RouteDefinition definition;
        definition.direction = static_cast<Direction>(static_cast<unsigned char>(input[0]) % 3);
        definition.source = "fuzz";
        input.remove_prefix(1);
        definition.nats_topic = next_text(input, ".*>ab$12");
        definition.mqtt_topic = next_text(input, "/+#ab$12");
        Route route;
        if (make_route(definition, levels_max, route).empty()) routes.push_back(std::move(route));
    }
    const std::string topic = next_text(input, "/ab$12");
    for (const RouteMistake& mistake : review_routes(routes)) ASSERT(mistake.route < routes.size());
    if (topic.empty()) return 0;
    const RouteTable table(std::move(routes), levels_max);
    check(table, topic, Side::mqtt);
    check(table, topic, Side::nats);
    return 0;
}
