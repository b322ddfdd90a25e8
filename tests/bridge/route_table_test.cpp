// Many routes at once: where a message goes, through however many of them, and that it ends.
// Method: a table of routes written as the operator would, one message in.
#include "bridge/route_table.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

constexpr std::size_t levels_max = 8;

Route route(Direction direction, std::string nats_topic, std::string mqtt_topic) {
    Route made;
    REQUIRE(make_route({direction, std::move(nats_topic), std::move(mqtt_topic), "", "test:1"},
                       levels_max, made) == "");
    return made;
}
Route out(std::string nats_topic, std::string mqtt_topic) {
    return route(Direction::out, std::move(nats_topic), std::move(mqtt_topic));
}
Route in(std::string mqtt_topic, std::string nats_topic) {
    return route(Direction::in, std::move(nats_topic), std::move(mqtt_topic));
}

using Topics = std::vector<std::string>;

core::MessageView message(std::string_view topic, Side from) {
    core::MessageView view;
    view.topic = topic;
    view.bridged = from == Side::nats;
    return view;
}

Topics rewrite(const RouteTable& table, std::string_view topic, Side from) {
    std::vector<core::Rewritten> rewritten;
    table.rewrite(message(topic, from), rewritten);
    Topics topics;
    for (const core::Rewritten& one : rewritten) topics.push_back(one.topic);
    return topics;
}

TEST_CASE("a message goes out by every route that takes it", "[bridge][route_table]") {
    const RouteTable table({out("edge", "m1"), out("edge.>", "m2/#"), out("*.a", "m3/+/a"),
                            out("edge.b", "m4"), out(">", "all")},
                           levels_max);
    CHECK(rewrite(table, "edge", Side::nats) == Topics{"m1", "all/edge"});
    Topics topics = rewrite(table, "edge/a", Side::nats);
    std::sort(topics.begin(), topics.end());
    CHECK(topics == Topics{"all/edge/a", "m1/edge/a", "m2/a", "m3/edge/a"});
    topics = rewrite(table, "edge/b/c", Side::nats);
    std::sort(topics.begin(), topics.end());
    CHECK(topics == Topics{"all/edge/b/c", "m1/edge/b/c", "m2/b/c", "m4/edge/b/c"});
    CHECK(rewrite(table, "edged", Side::nats) == Topics{"all/edged"});
}

TEST_CASE("out routes are for NATS clients, in routes for MQTT clients", "[bridge][route_table]") {
    const RouteTable table({out("a", "b"), in("c", "d")}, levels_max);
    CHECK(rewrite(table, "a", Side::nats) == Topics{"b"});
    CHECK(rewrite(table, "a", Side::mqtt).empty());
    CHECK(rewrite(table, "c", Side::mqtt) == Topics{"d"});
    CHECK(rewrite(table, "c", Side::nats).empty());
    CHECK(rewrite(RouteTable({}, levels_max), "a", Side::nats).empty());
}

TEST_CASE("what goes out is retained there as well, what comes in is not",
          "[bridge][route_table]") {
    const RouteTable table({out("a", "b"), in("b", "c"), in("x", "y"), out("y", "z")}, levels_max);
    std::vector<core::Rewritten> rewritten{{"earlier", false}};
    table.rewrite(message("a", Side::nats), rewritten);
    REQUIRE(rewritten.size() == 3);  // appended
    CHECK(rewritten[1].topic == "b");
    CHECK(rewritten[1].keeps_retain);
    CHECK(rewritten[2].topic == "c");
    CHECK_FALSE(rewritten[2].keeps_retain);

    rewritten.clear();
    table.rewrite(message("x", Side::mqtt), rewritten);
    REQUIRE(rewritten.size() == 2);
    CHECK_FALSE(rewritten[0].keeps_retain);
    CHECK_FALSE(rewritten[1].keeps_retain);  // z: what was lost on the way stays lost
}

TEST_CASE("an export does not come back as a command unless it names a service",
          "[bridge][route_table]") {
    const RouteTable table({out("edge.>", "channels/1/messages/#"), commands_route()}, levels_max);
    CHECK(rewrite(table, "edge/temp", Side::nats) == Topics{"channels/1/messages/temp"});
    CHECK(rewrite(table, "edge/services/pump", Side::nats) ==
          Topics{"channels/1/messages/services/pump", "commands/pump"});
}

TEST_CASE("two out routes are no chain: what goes out is on the MQTT side",
          "[bridge][route_table]") {
    const RouteTable table({out("a", "b"), out("b", "c")}, levels_max);
    CHECK(rewrite(table, "a", Side::nats) == Topics{"b"});
    CHECK(rewrite(table, "b", Side::nats) == Topics{"c"});
}

TEST_CASE("a message passes a route at most once, and never comes to a topic again",
          "[bridge][route_table]") {
    const RouteTable mirror({out("a", "b"), in("b", "a")}, levels_max);
    CHECK(rewrite(mirror, "a", Side::nats) == Topics{"b"});
    CHECK(rewrite(mirror, "b", Side::mqtt) == Topics{"a"});

    const RouteTable growing({out("a.>", "b/#"), in("b/#", "a.x.>")}, levels_max);
    CHECK(rewrite(growing, "a/1", Side::nats) == Topics{"b/1", "a/x/1"});
    CHECK(rewrite(growing, "b/1", Side::mqtt) == Topics{"a/x/1", "b/x/1"});

    const RouteTable both({route(Direction::both, "state.*", "site/+/state")}, levels_max);
    CHECK(rewrite(both, "state/1", Side::nats) == Topics{"site/1/state"});
    CHECK(rewrite(both, "site/1/state", Side::mqtt) == Topics{"state/1"});

    const RouteTable same({out("a", "b"), out("*", "$1/x"), out("a.b", "y"), in("b", "a.x")},
                          levels_max);
    CHECK(rewrite(same, "a", Side::nats) == Topics{"b", "a/x"});
}

TEST_CASE("a message goes out on a bounded number of topics", "[bridge][route_table]") {
    std::vector<Route> routes;
    for (std::size_t i = 0; i <= route_results_max; ++i)
        routes.push_back(out("a", fmt::format("b/{}", i)));
    routes.push_back(in("b/7", "c"));
    const RouteTable table(std::move(routes), levels_max);
    CHECK(rewrite(table, "a", Side::nats).size() == route_results_max);
    CHECK(table.dropped() == 2);
    CHECK(rewrite(table, "b/7", Side::mqtt) == Topics{"c"});
    CHECK(table.dropped() == 2);
}

TEST_CASE("a result that is no topic is dropped and counted", "[bridge][route_table]") {
    const RouteTable table({in("up/#", ">"), in("up/+", "x.*")}, levels_max);
    CHECK(rewrite(table, "up/$SYS", Side::mqtt) == Topics{"x/$SYS"});
    CHECK(table.dropped() == 1);
    CHECK(table.trace("up/$SYS", Side::mqtt).size() == 1);
    CHECK(table.dropped() == 1);  // nothing has happened
}

TEST_CASE("tracing tells by which route, and after which other one", "[bridge][route_table]") {
    const RouteTable table({out("a", "b"), in("b", "c"), out("a.x", "d")}, levels_max);
    const auto steps = table.trace("a", Side::nats);
    REQUIRE(steps.size() == 2);
    CHECK(steps[0].topic == "b");
    CHECK(steps[0].route == 0);
    CHECK(steps[0].after == 0);
    CHECK(steps[1].topic == "c");
    CHECK(steps[1].route == 1);
    CHECK(steps[1].after == 1);
}

TEST_CASE("prefixes of every length find their routes", "[bridge][route_table]") {
    const RouteTable table({in("a/b/c/+", "r3.*"), in("a/#", "r1.>"), in("a", "r0"),
                            in("a//+", "r2.*"), in("/x", "slash")},
                           levels_max);
    CHECK(rewrite(table, "a", Side::mqtt) == Topics{"r0"});
    CHECK(rewrite(table, "a/b/c", Side::mqtt) == Topics{"r1/b/c"});
    CHECK(rewrite(table, "a/b/c/d", Side::mqtt) == Topics{"r1/b/c/d", "r3/d"});
    CHECK(rewrite(table, "a//d", Side::mqtt) == Topics{"r1//d", "r2/d"});
    CHECK(rewrite(table, "/x", Side::mqtt) == Topics{"slash"});
    CHECK(rewrite(table, "", Side::mqtt).empty());
    CHECK(rewrite(table, "/", Side::mqtt).empty());
}

}  // namespace
