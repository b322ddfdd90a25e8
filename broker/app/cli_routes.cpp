#include "broker/app/cli_routes.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>

#include "bridge/topic_subject.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/configuration.hpp"
#include "broker/app/example.hpp"
#include "broker/app/routes.hpp"
#include "broker/app/text_table.hpp"
#include "broker/base/printable.hpp"
#include "broker/wire/topic.hpp"
#include "broker/wire/utf8.hpp"

namespace drawbridge::app {
namespace {

namespace json = boost::json;
using bridge::Direction;
using bridge::RouteDefinition;
using bridge::RouteTable;
using bridge::Side;

std::string mqtt_end(const RouteDefinition& route) {
    if (route.subtopic.empty()) return route.mqtt_topic;
    return fmt::format("{} (deeper: {}/{})", route.mqtt_topic, route.mqtt_topic, route.subtopic);
}

std::string source_of(const RouteDefinition& route) {
    return route.source.empty() ? "built in" : route.source;
}

json::object as_json(const RouteDefinition& route) {
    const bool is_in = route.direction == Direction::in;
    json::object object = {{"direction", to_text(route.direction)},
                           {"from", is_in ? route.mqtt_topic : route.nats_topic},
                           {"to", is_in ? route.nats_topic : route.mqtt_topic},
                           {"nats_topic", route.nats_topic},
                           {"mqtt_topic", route.mqtt_topic},
                           {"subtopic", route.subtopic},
                           {"source", nullptr},
                           {"built_in", route.source.empty()}};
    if (!route.source.empty()) object["source"] = route.source;
    return object;
}

void list_routes(const GlobalOptions& options) {
    const auto table = make_route_table(load_configuration(options.config));
    if (options.json) {
        json::array routes;
        for (const bridge::Route& route : table->routes())
            routes.push_back(as_json(route.definition));
        return print_json(routes);
    }
    TextTable text;
    text.add({"DIRECTION", "FROM", "TO", "SOURCE"});
    for (const bridge::Route& route : table->routes()) {
        const RouteDefinition& definition = route.definition;
        const std::string nats = printable(definition.nats_topic);
        const std::string mqtt = printable(mqtt_end(definition));
        const bool is_in = definition.direction == Direction::in;
        text.add({std::string(to_text(definition.direction)), is_in ? mqtt : nats,
                  is_in ? nats : mqtt, source_of(definition)});
    }
    fmt::print("{}", text.text());
}

struct Arguments {
    std::string name;
    std::string from;
    bool is_topic = false;
    bool is_subject = false;
};

// One name in its spellings. Nothing where there is none.
struct Name {
    std::string spelled;  // by the router
    std::optional<std::string> topic;
    std::optional<std::string> subject;
};

Name name_of_topic(const std::string& topic) {
    Name name{topic, std::nullopt, std::nullopt};
    if (!bridge::is_subject_only(topic)) name.topic = topic;
    std::string subject;
    if (bridge::subject_of_topic(topic, subject)) name.subject = subject;
    return name;
}

// The name that was asked for: with a "/" a topic, else a subject.
Name name_asked_for(const Arguments& arguments, std::size_t levels_max) {
    const std::string& text = arguments.name;
    const bool has_slash = text.find('/') != std::string::npos;
    if (arguments.is_topic || (has_slash && !arguments.is_subject)) {
        if (!wire::is_topic_name(text, levels_max) || text.size() > 65'535 ||
            wire::utf8_fault(text) != wire::Utf8Fault::none)
            throw CommandFailed(
                fmt::format("\"{}\" is no topic that can be published to: it must have no + or #, "
                            "and at most {} levels; with --subject it is read as a subject",
                            printable(text), levels_max));
        return name_of_topic(text);
    }
    std::string topic;
    if (!bridge::is_literal_subject(text) ||
        bridge::topic_of_subject(text, topic) == bridge::Spelling::none)
        throw CommandFailed(
            fmt::format("\"{}\" is no subject that can be published to: it must have no blanks, no "
                        "empty tokens, and no token that is * or >; with --topic it is read as a "
                        "topic",
                        printable(text)));
    return name_of_topic(topic);
}

std::string shown(const std::optional<std::string>& name, const char* otherwise) {
    return name ? printable(*name) : otherwise;
}

constexpr const char* no_topic = "none: MQTT clients cannot get it";
constexpr const char* no_subject = "none: NATS clients cannot get it";

json::value json_name(const std::optional<std::string>& name) {
    if (!name) return nullptr;
    return json::string(*name);
}

void print_steps(const RouteTable& table, const std::vector<RouteTable::Step>& steps) {
    TextTable text;
    text.add({"  TOPIC", "SUBJECT", "ROUTE"});
    for (const RouteTable::Step& step : steps) {
        const Name name = name_of_topic(step.topic);
        std::string route = source_of(table.routes()[step.route].definition);
        if (step.after > 0) route += ", after " + printable(steps[step.after - 1].topic);
        text.add({"  " + shown(name.topic, "-"), shown(name.subject, "-"), route});
    }
    fmt::print("{}", text.text());
}

json::array steps_as_json(const RouteTable& table, const std::vector<RouteTable::Step>& steps,
                          std::string_view from) {
    json::array results;
    for (const RouteTable::Step& step : steps) {
        const Name name = name_of_topic(step.topic);
        json::object result = {{"from", from},
                               {"topic", json_name(name.topic)},
                               {"subject", json_name(name.subject)},
                               {"route", as_json(table.routes()[step.route].definition)},
                               {"after", nullptr}};
        if (step.after > 0) result["after"] = steps[step.after - 1].topic;
        results.push_back(std::move(result));
    }
    return results;
}

void test_route(const GlobalOptions& options, const Arguments& arguments) {
    const Configuration configuration = load_configuration(options.config);
    const auto table = make_route_table(configuration);
    const Name name = name_asked_for(arguments, configuration.limits.max_topic_levels);
    if (!options.json)
        fmt::print("topic    {}\nsubject  {}\n", shown(name.topic, no_topic),
                   shown(name.subject, no_subject));

    json::array results;
    for (const Side side : {Side::nats, Side::mqtt}) {
        const std::string_view from = side == Side::nats ? "nats" : "mqtt";
        if (!arguments.from.empty() && arguments.from != from) continue;
        if (!(side == Side::nats ? name.subject : name.topic)) continue;  // cannot be published
        const auto steps = table->trace(name.spelled, side);
        if (options.json) {
            for (json::value& result : steps_as_json(*table, steps, from))
                results.push_back(std::move(result));
            continue;
        }
        const char* const who = side == Side::nats ? "a NATS client" : "an MQTT client";
        fmt::print("published by {}: {}\n", who,
                   steps.empty() ? "no route takes it, it stays there" : "goes there, and to");
        if (!steps.empty()) print_steps(*table, steps);
    }
    if (options.json)
        print_json({{"topic", json_name(name.topic)},
                    {"subject", json_name(name.subject)},
                    {"results", std::move(results)}});
}

}  // namespace

void add_route_commands(CLI::App& app, const GlobalOptions& options) {
    CLI::App* route = app.add_subcommand("route", "routes between NATS subjects and MQTT topics");
    route->require_subcommand(1)->fallthrough();
    add_examples(route, {"route list", "route test edge.temp"});

    CLI::App* list = route->add_subcommand("list", "every route, and where it is configured");
    list->callback([&options] { list_routes(options); });
    add_examples(list, {"route list"});

    const auto arguments = std::make_shared<Arguments>();
    CLI::App* test = route->add_subcommand(
        "test", "where a message on a subject or topic goes, and by which route");
    test->add_option("SUBJECT_OR_TOPIC", arguments->name,
                     "with a / it is a topic, otherwise a subject")
        ->required();
    test->add_option("--from", arguments->from, "published by clients of this protocol only")
        ->type_name("nats|mqtt")
        ->check(CLI::IsMember({"nats", "mqtt"}));
    CLI::Option* topic = test->add_flag("--topic", arguments->is_topic, "it is a topic");
    test->add_flag("--subject", arguments->is_subject, "it is a subject")->excludes(topic);
    test->callback([&options, arguments] { test_route(options, *arguments); });
    add_examples(test, {"route test edge.temp", "route test channels/1/messages/services/pump",
                        "route test --from nats edge.temp"});
}

}  // namespace drawbridge::app
