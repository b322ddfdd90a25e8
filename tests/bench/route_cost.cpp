// What routes cost for each message: with none, ten and a thousand of them, of which none or one
// takes it.
//
// Prints nanoseconds a message. It asserts nothing.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "bridge/route_review.hpp"
#include "bridge/route_table.hpp"

namespace {

using namespace drawbridge;
using namespace drawbridge::bridge;

constexpr int rounds = 20'000;
constexpr int tries = 40;  // the quickest counts

std::size_t seen = 0;  // so that nothing is left out

template <class Work>
double quickest_ns(int times, Work work) {
    std::chrono::duration<double, std::nano> best = std::chrono::hours(1);
    for (int i = 0; i < tries; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        for (int round = 0; round < times; ++round) work();
        best = std::min<decltype(best)>(best, std::chrono::steady_clock::now() - begin);
    }
    return best.count() / times;
}

void measure(const std::string& what, const RouteTable& table, std::string_view topic, Side from) {
    core::MessageView message;
    message.topic = topic;
    message.bridged = from == Side::nats;
    std::vector<core::Rewritten> out;
    const double ns = quickest_ns(rounds, [&] {
        out.clear();
        table.rewrite(message, out);
        seen += out.size();
    });
    fmt::print("{:58} {:7.1f} ns\n", what, ns);
}

Route make(const RouteDefinition& definition) {
    Route route;
    if (!make_route(definition, 128, route).empty()) std::abort();
    return route;
}

enum class Kind { exports, patterns, open };

std::vector<Route> routes_of(int count, Kind kind) {
    std::vector<Route> routes;
    for (int i = 0; i < count; ++i) {
        RouteDefinition definition;
        definition.source = "bench";
        definition.nats_topic = fmt::format("edge.line-{}", i);
        definition.mqtt_topic = fmt::format("channels/{}/messages", i);
        if (kind == Kind::patterns) {
            definition.nats_topic += ".*.>";
            definition.mqtt_topic += "/+/#";
        }
        if (kind == Kind::open) {
            definition.nats_topic = fmt::format("*.line-{}", i);
            definition.mqtt_topic += "/+";
        }
        routes.push_back(make(definition));
    }
    routes.push_back(commands_route());
    return routes;
}

}  // namespace

int main() {
    constexpr std::string_view telemetry = "devices/d7b1c0e2/telemetry/full";
    measure("no route, NATS", RouteTable({}, 128), telemetry, Side::nats);
    measure("the built-in route, MQTT, telemetry", RouteTable({commands_route()}, 128), telemetry,
            Side::mqtt);
    measure("the built-in route, MQTT, channels/6abf/messages", RouteTable({commands_route()}, 128),
            "channels/6abf/messages", Side::mqtt);
    measure("the built-in route, MQTT, a command", RouteTable({commands_route()}, 128),
            "channels/6abf/messages/services/pump/start", Side::mqtt);
    for (const int count : {1, 10, 1'000}) {
        const RouteTable exports(routes_of(count, Kind::exports), 128);
        measure(fmt::format("{} exports, NATS, none takes it", count), exports, telemetry,
                Side::nats);
        measure(fmt::format("{} exports, NATS, edge.x.y, none takes it", count), exports,
                "edge/x/y", Side::nats);
        measure(fmt::format("{} exports, NATS, one takes it", count), exports, "edge/line-0/temp",
                Side::nats);
        const RouteTable patterns(routes_of(count, Kind::patterns), 128);
        measure(fmt::format("{} with wildcards, NATS, one takes it", count), patterns,
                "edge/line-0/a/b/c", Side::nats);
        const RouteTable open(routes_of(count, Kind::open), 128);
        measure(fmt::format("{} that begin with a wildcard, NATS, none takes it", count), open,
                telemetry, Side::nats);
    }
    for (const Kind kind : {Kind::exports, Kind::patterns, Kind::open}) {
        const auto routes = routes_of(1'000, kind);
        const auto begin = std::chrono::steady_clock::now();
        seen += review_routes(routes).size();
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - begin;
        fmt::print("{:58} {:7.1f} ms\n", "review of 1,000 routes", took.count());
    }
    return seen == 0 ? 1 : 0;
}
