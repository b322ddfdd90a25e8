// Routes that do the same, and routes that lead in a circle.
// Method: a few routes, each at a line of its own; the lines of those that are named.
#include "bridge/route_review.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

using namespace drawbridge::bridge;

namespace {

// One route a line: "out SUBJECT TOPIC".
std::vector<Route> routes_of(std::initializer_list<std::array<const char*, 3>> lines) {
    std::vector<Route> routes;
    for (const auto& [direction, nats_topic, mqtt_topic] : lines) {
        RouteDefinition definition;
        for (const Direction one : {Direction::out, Direction::in, Direction::both})
            if (to_text(one) == direction) definition.direction = one;
        definition.nats_topic = nats_topic;
        definition.mqtt_topic = mqtt_topic;
        definition.source = fmt::format("test.toml:{}", routes.size());
        REQUIRE(make_route(definition, 128, routes.emplace_back()) == "");
    }
    return routes;
}

std::vector<std::size_t> named(std::initializer_list<std::array<const char*, 3>> lines) {
    std::vector<std::size_t> named;
    for (const RouteMistake& mistake : review_routes(routes_of(lines)))
        named.push_back(mistake.route);
    return named;
}

using Named = std::vector<std::size_t>;

TEST_CASE("a route that does the same as an earlier one is named", "[bridge][route_review]") {
    CHECK(named({{"out", "a", "b"}, {"out", "c", "d"}, {"out", "a", "b"}}) == Named{2});
    CHECK(named({{"both", "a", "b"}, {"in", "a", "b"}}) == Named{1});
    CHECK(named({{"in", "x.*", "a/+"}, {"in", "x.$1", "a/+"}}) == Named{1});
    CHECK(named({{"out", "a", "b"}, {"out", "a", "c"}, {"out", "c", "b"}}).empty());
    CHECK(named({{"in", "x.$1.$2", "a/+/+"}, {"in", "x.$2.$1", "a/+/+"}}).empty());
    const auto mistakes = review_routes(routes_of({{"out", "a", "b"}, {"out", "a", "b"}}));
    REQUIRE(mistakes.size() == 1);
    CHECK_THAT(mistakes[0].text, Catch::Contains("the same as the route at test.toml:0"));
}

TEST_CASE("routes that lead in a circle are named", "[bridge][route_review]") {
    CHECK(named({{"out", "a", "b"}, {"in", "a", "b"}}) == Named{1});
    CHECK(named({{"in", "a", "b"}, {"out", "a", "b"}}) == Named{1});
    CHECK(named({{"out", "a.*", "b/+"}, {"in", "a.*", "b/+"}}) == Named{1});
    CHECK(named({{"out", "a.>", "b/#"}, {"in", "a.x.>", "b/#"}}) == Named{1});
    CHECK(named({{"out", "a.>", "b/#"}, {"in", "a.1", "b/1"}}) == Named{1});
    CHECK(named({{"out", "a", "b"}, {"in", "c", "b"}, {"out", "c", "d"}, {"in", "a", "d"}}) ==
          Named{3});
    const auto mistakes = review_routes(routes_of({{"out", "a", "b"}, {"in", "a", "b"}}));
    REQUIRE(mistakes.size() == 1);
    CHECK_THAT(mistakes[0].text, Catch::Contains("circular"));
    CHECK_THAT(mistakes[0].text, Catch::Contains("the route at test.toml:0"));
}

TEST_CASE("a circle with the built-in route is named at the other one", "[bridge][route_review]") {
    auto routes = routes_of({{"out", "commands.*", "channels/1/messages/services/+"}});
    routes.push_back(commands_route());
    const auto mistakes = review_routes(routes);
    REQUIRE(mistakes.size() == 1);
    CHECK(mistakes[0].route == 0);
    CHECK_THAT(mistakes[0].text, Catch::Contains("the built-in route for commands"));
}

TEST_CASE("what is no circle, or only with some topics, is no mistake", "[bridge][route_review]") {
    CHECK(named({{"both", "a", "b"}}).empty());
    CHECK(named({{"both", "a.*", "b/+"}, {"both", "c.*", "d/+"}}).empty());
    CHECK(named({{"out", "a", "b"}, {"in", "c", "b"}}).empty());
    CHECK(named({{"out", "a", "b"}, {"out", "b", "a"}}).empty());
    CHECK(named({{"out", "a.*.x", "b/+/x"}, {"in", "a.y.*", "b/y/+"}}).empty());
    CHECK(named({{"out", ">", "channels/1/messages"},
                 {"in", "commands.$2.$3", "channels/+/messages/services/+/#"}})
              .empty());
}

TEST_CASE("each circle is named, once", "[bridge][route_review]") {
    CHECK(named({{"out", "a", "b"}, {"in", "a", "b"}, {"out", "c", "d"}, {"in", "c", "d"}}) ==
          Named{1, 3});
    CHECK(named({{"out", "a", "b"}, {"in", "a", "b"}, {"in", "a", "b"}}) == Named{1, 2});
}

}  // namespace
