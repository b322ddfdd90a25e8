#include "broker/app/routes.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "bridge/route_review.hpp"

namespace drawbridge::app {
namespace {

bridge::RouteDefinition definition_of(const RouteConfiguration& route) {
    bridge::RouteDefinition definition;
    definition.direction = route.direction;
    definition.nats_topic = route.nats_topic;
    definition.mqtt_topic = route.mqtt_topic;
    definition.subtopic = route.subtopic;
    definition.source = fmt::format("{}:{}", route.file.string(), route.line);
    return definition;
}

// A route where it was written, and where to note what is wrong with it.
struct Written {
    const RouteConfiguration* route;
    ConfigurationNotes* mistakes;
};

std::size_t line_for(const RouteConfiguration& route, std::string_view mistake) {
    if (mistake.starts_with("nats_topic")) return route.nats_topic_line;
    if (mistake.starts_with("mqtt_topic")) return route.mqtt_topic_line;
    return route.line;
}

}  // namespace

void check_routes(const Configuration& configuration, ConfigurationNotes& mistakes,
                  ConfigurationNotes& file_mistakes) {
    std::vector<bridge::Route> routes;
    std::vector<Written> written;  // those in routes
    const auto check = [&](const std::vector<RouteConfiguration>& list, ConfigurationNotes& notes) {
        for (const RouteConfiguration& route : list) {
            if (route.nats_topic.empty() || route.mqtt_topic.empty()) continue;
            if (routes.size() == bridge::routes_max)
                return notes.add(route.line, fmt::format("[[routes]] is one more than the {} "
                                                         "routes that there may be",
                                                         bridge::routes_max));
            bridge::Route made;
            const std::string mistake = bridge::make_route(
                definition_of(route), configuration.limits.max_topic_levels, made);
            if (!mistake.empty()) {
                notes.add(line_for(route, mistake), "[[routes]] " + mistake);
                continue;
            }
            routes.push_back(std::move(made));
            written.push_back({&route, &notes});
        }
    };
    check(configuration.routes, mistakes);
    check(configuration.file_routes, file_mistakes);
    if (configuration.bridge.commands) routes.push_back(bridge::commands_route());

    for (const bridge::RouteMistake& mistake : bridge::review_routes(routes)) {
        if (mistake.route >= written.size()) continue;  // the built-in one: the other is told
        const Written& at = written[mistake.route];
        at.mistakes->add(at.route->line, "[[routes]] " + mistake.text);
    }
}

std::shared_ptr<const bridge::RouteTable> make_route_table(const Configuration& configuration) {
    std::vector<bridge::Route> routes;
    const std::size_t levels_max = configuration.limits.max_topic_levels;
    for (const auto* list : {&configuration.routes, &configuration.file_routes})
        for (const RouteConfiguration& route : *list) {
            bridge::Route made;
            const std::string mistake = bridge::make_route(definition_of(route), levels_max, made);
            if (!mistake.empty()) throw ConfigurationError({mistake});
            routes.push_back(std::move(made));
        }
    if (configuration.bridge.commands) routes.push_back(bridge::commands_route());
    return std::make_shared<bridge::RouteTable>(std::move(routes), levels_max);
}

}  // namespace drawbridge::app
