// Routes as an operator writes them: which topics they take, and what becomes of them.
// Method: one route, one topic in, the other topic out; and every way to write a route wrongly.
#include "bridge/route.hpp"

#include <catch2/catch.hpp>

using namespace drawbridge::bridge;

namespace {

constexpr std::size_t levels_max = 8;

RouteDefinition out(std::string nats_topic, std::string mqtt_topic, std::string subtopic = "") {
    return {Direction::out, std::move(nats_topic), std::move(mqtt_topic), std::move(subtopic),
            "test.toml:1"};
}
RouteDefinition in(std::string mqtt_topic, std::string nats_topic) {
    return {Direction::in, std::move(nats_topic), std::move(mqtt_topic), "", "test.toml:1"};
}
RouteDefinition both(std::string nats_topic, std::string mqtt_topic) {
    return {Direction::both, std::move(nats_topic), std::move(mqtt_topic), "", "test.toml:1"};
}

std::string mistake_in(const RouteDefinition& definition) {
    Route route;
    return make_route(definition, levels_max, route);
}

// Where the route sends a topic: "" if it does not take it, "!" if that is no topic.
std::string sent(const Route& route, std::string_view topic, Side from) {
    for (const Rule& rule : route.rules) {
        Captures captures;
        if (rule.from() != from || !rule.takes(topic, captures)) continue;
        std::string made;
        return rule.make_topic(captures, levels_max, made) ? made : "!";
    }
    return "";
}

std::string sent(const RouteDefinition& definition, std::string_view topic) {
    Route route;
    REQUIRE(make_route(definition, levels_max, route) == "");
    return sent(route, topic, definition.direction == Direction::in ? Side::mqtt : Side::nats);
}

TEST_CASE("the bare subject goes to mqtt_topic, a deeper one below it, by its whole name",
          "[bridge][route]") {
    const RouteDefinition route = out("edge", "channels/6abf/messages");
    CHECK(sent(route, "edge") == "channels/6abf/messages");
    CHECK(sent(route, "edge/a") == "channels/6abf/messages/edge/a");
    CHECK(sent(route, "edge/a/b") == "channels/6abf/messages/edge/a/b");
    CHECK(sent(route, "edge/") == "channels/6abf/messages/edge/");
    CHECK(sent(route, "edged") == "");
    CHECK(sent(route, "edg") == "");
    CHECK(sent(route, "my/edge") == "");
    CHECK(sent(out("edge.temp", "m"), "edge/temp/1") == "m/edge/temp/1");
    CHECK(sent(out("edge.temp", "m"), "edge") == "");
}

TEST_CASE("the subtopic stands before a deeper subject, not behind the bare one",
          "[bridge][route]") {
    const RouteDefinition route = out("edge", "channels/1/messages", "line/3");
    CHECK(sent(route, "edge") == "channels/1/messages");
    CHECK(sent(route, "edge/a/b") == "channels/1/messages/line/3/edge/a/b");
}

TEST_CASE("subjects with wildcards go below an mqtt_topic without, by their whole names",
          "[bridge][route]") {
    CHECK(sent(out("edge.*", "m", "s"), "edge/a") == "m/s/edge/a");
    CHECK(sent(out("edge.*", "m"), "edge") == "");
    CHECK(sent(out("edge.*", "m"), "edge/a/b") == "");
    CHECK(sent(out(">", "m"), "edge/a") == "m/edge/a");
    CHECK(sent(out("*.state.>", "m"), "a/state/b/c") == "m/a/state/b/c");
}

TEST_CASE("wildcards pair in their order, whichever way", "[bridge][route]") {
    CHECK(sent(out("state.*", "site/+/state"), "state/7") == "site/7/state");
    CHECK(sent(out("a.*.*.>", "+/b/+/#"), "a/1/2/3/4") == "1/b/2/3/4");
    CHECK(sent(in("site/+/state", "state.*"), "site/7/state") == "state/7");
    CHECK(sent(in("up/+/#", "down.*.>"), "up/1/2/3") == "down/1/2/3");
    CHECK(sent(in("a/b", "c.d"), "a/b") == "c/d");
    CHECK(sent(in("a/b", "c.d"), "a/b/c") == "");
    CHECK(sent(out("a.*", "b/+"), "a/") == "b/");  // an empty level is a level
}

TEST_CASE("# that pairs with > wants at least one level, as > does", "[bridge][route]") {
    CHECK(sent(in("a/#", "b.>"), "a/x") == "b/x");
    CHECK(sent(in("a/#", "b.>"), "a/") == "b/");
    CHECK(sent(in("a/#", "b.>"), "a") == "");
    CHECK(sent(out("edge.>", "m/#"), "edge/temp/1") == "m/temp/1");
    CHECK(sent(out("edge.>", "m/#"), "edge") == "");
}

TEST_CASE("$1, $2 stand for what the wildcards took, and need not name all of them",
          "[bridge][route]") {
    CHECK(sent(in("a/+/b/+", "x.$2.$1"), "a/1/b/2") == "x/2/1");
    CHECK(sent(in("a/+/b/+", "x.$2.$2"), "a/1/b/2") == "x/2/2");
    CHECK(sent(in("a/+/#", "x.$2"), "a/1/b/2") == "x/b/2");
    CHECK(sent(in("a/+/#", "x.$2"), "a/1") == "x");
    CHECK(sent(in("a/+/#", "x.$2.y"), "a/1") == "x/y");
    CHECK(sent(out("a.*", "$1/state"), "a/1") == "1/state");
    CHECK(sent(in("a/+", "x.$SYS.$1"), "a/1") == "x/$SYS/1");  // $SYS is no number
}

TEST_CASE("both ways are one route and back", "[bridge][route]") {
    Route route;
    REQUIRE(make_route(both("state.*", "site/+/state"), levels_max, route) == "");
    CHECK(sent(route, "state/7", Side::nats) == "site/7/state");
    CHECK(sent(route, "site/7/state", Side::mqtt) == "state/7");
    CHECK(sent(route, "state/7", Side::mqtt) == "");
}

TEST_CASE("levels and tokens are spelled as everywhere", "[bridge][route]") {
    CHECK(sent(out("foo//bar", "m"), "foo.bar") == "m");
    CHECK(sent(in("a", "foo//bar"), "a") == "foo.bar");
    CHECK(sent(out("/.foo", "m"), "/foo") == "m");
    CHECK(sent(in("devices/+", "d.*"), "devices/v1.0") == "d/v1.0");
}

TEST_CASE("a route that begins with a wildcard takes no $ topics and no replies",
          "[bridge][route]") {
    CHECK(sent(out(">", "m"), "$SYS/x") == "");
    CHECK(sent(out("*.x", "m"), "$JS/x") == "");
    CHECK(sent(out(">", "m"), "_INBOX/abc") == "");
    CHECK(sent(out(">", "m"), "_INBOXES/abc") == "m/_INBOXES/abc");
    CHECK(sent(out("_INBOX.>", "m"), "_INBOX/abc") == "m/_INBOX/abc");
    CHECK(sent(out("$SYS.>", "m"), "$SYS/x") == "m/$SYS/x");
}

TEST_CASE("what a client put into a wildcard's place cannot lead to $ topics and replies",
          "[bridge][route]") {
    CHECK(sent(in("up/#", ">"), "up/a/b") == "a/b");
    CHECK(sent(in("up/#", ">"), "up/$SYS/x") == "!");
    CHECK(sent(in("up/#", ">"), "up/_INBOX/x") == "!");
    CHECK(sent(in("up/+/#", "$2.$1"), "up/$JS") == "!");
    CHECK(sent(in("up/#", "x.>"), "up/$SYS/x") == "x/$SYS/x");
}

TEST_CASE("a result that is no topic for both sides is none", "[bridge][route]") {
    CHECK(sent(in("a/+", "*"), "a/") == "!");  // empty
    CHECK(sent(out("a.>", "b/c/#"), "a/1/2/3/4/5/6") == "b/c/1/2/3/4/5/6");
    CHECK(sent(out("a.>", "b/c/#"), "a/1/2/3/4/5/6/7") == "!");  // nine levels
    CHECK(sent(out("a.>", "b/#"),
               "a/x\xFF"
               "2by") == "!");  // "x+y": a subject only
    CHECK(sent(in("a/#", "bc.>"), "a/" + std::string(65'532, 'x')).size() == 65'535);
    CHECK(sent(in("a/#", "bc.>"), "a/" + std::string(65'533, 'x')) == "!");
}

TEST_CASE("commands for services are there without being configured", "[bridge][route]") {
    const Route route = commands_route();
    const auto to = [&](std::string_view topic) { return sent(route, topic, Side::mqtt); };
    CHECK(to("channels/6abf/messages/services/pump") == "commands/pump");
    CHECK(to("channels/6abf/messages/services/pump/a/b") == "commands/pump/a/b");
    CHECK(to("channels/6abf/messages/services") == "");
    CHECK(to("channels/6abf/messages") == "");
    CHECK(to("channels/6abf/x/services/pump") == "");
    CHECK(sent(route, "channels/6abf/messages/services/pump", Side::nats) == "");
}

TEST_CASE("a bad subject or topic is refused, with the reason", "[bridge][route]") {
    using Catch::Contains;
    for (const char* subject : {"a b", "a..b", ".a", "a.", ">.a", "a.>.b"})
        CHECK_THAT(mistake_in(out(subject, "m")), Contains("nats_topic must be a subject"));
    for (const char* subject : {"edge/a", "a.b+c", "a#",
                                "a\x01"
                                "b"})
        CHECK_THAT(mistake_in(out(subject, "m")), Contains("cannot be written as a topic"));
    for (const char* topic : {"a/#/b", "a+", "a/b#", "1/2/3/4/5/6/7/8/9", "\xFF"})
        CHECK_THAT(mistake_in(out("a", topic)), Contains("mqtt_topic must be a topic"));
    CHECK_THAT(mistake_in(out("1.2.3.4.5.6.7.8.9", "m")), Contains("at most 8 levels"));
    CHECK_THAT(mistake_in(in("$share/g/a", "b")), Contains("shared"));
    CHECK(mistake_in(out("", "m")) == "nats_topic is missing");
    CHECK(mistake_in(out("a", "")) == "mqtt_topic is missing");
    CHECK_THAT(mistake_in(out("a", "m", "s/+")), Contains("subtopic must be"));
    CHECK(mistake_in(out("a", "m", "s/t")) == "");
}

TEST_CASE("wildcards that do not pair are refused", "[bridge][route]") {
    using Catch::Contains;
    for (const RouteDefinition& route : {out("a", "b/+"), out("a.*", "b/+/+"), out("a.*", "b/#"),
                                         out("a.>", "b/+"), out("a.*.>", "b/+"), in("a/+", "b"),
                                         in("a/+/+", "b.*"), in("a/#", "b.*"), both("a.*", "b")})
        CHECK_THAT(mistake_in(route), Contains("do not pair"));
    CHECK_THAT(mistake_in(in("a/+", "b.$2")), Contains("has $2"));
    CHECK_THAT(mistake_in(out("a", "b/$1")), Contains("has $1"));
    CHECK_THAT(mistake_in(in("a/+/+", "b.$1.*")), Contains("both wildcards and $1"));
    CHECK_THAT(mistake_in(out("a.*", "b/+", "s")), Contains("subtopic"));
    RouteDefinition with_subtopic = in("a", "b");
    with_subtopic.subtopic = "s";
    CHECK_THAT(mistake_in(with_subtopic), Contains("subtopic"));
}

TEST_CASE("a route to where the message is already is refused", "[bridge][route]") {
    CHECK(mistake_in(out("a.b", "a/b")) != "");
    CHECK(mistake_in(in("a/+/b", "a.*.b")) != "");
    CHECK(mistake_in(in("a/#", "a.>")) != "");
    CHECK(mistake_in(in("a/+/+", "a.$2.$1")) == "");
    CHECK(mistake_in(out("a.b", "a//b")) == "");
}

}  // namespace
