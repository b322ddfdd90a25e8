// RouteCache: topic -> who gets it, remembered.
// Method: by the statements; and after each of many seeded random changes a remembered route is
// compared with one that a new cache works out from the same index.
#include "broker/core/route_cache.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "broker/base/limits.hpp"
#include "broker/core/share_groups.hpp"
#include "tests/core/fake_subscriber.hpp"
#include "tests/core/random_topics.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using drawbridge::test::FakeSubscriber;
using drawbridge::test::random_filter;
using drawbridge::test::random_topic;
using From = Target::From;
using Ids = std::multiset<std::uint32_t>;

namespace {

// An index and its cache, changed together as a session changes them.
struct Routing {
    SubscriptionIndex index;
    RouteCache cache{index};

    void subscribe(FakeSubscriber& subscriber, std::string_view filter,
                   const wire::SubscriptionOptions& options = {}, std::uint32_t id = 0) {
        index.subscribe(subscriber, filter, options, id);
        cache.filter_changed(filter);
    }
    void unsubscribe(FakeSubscriber& subscriber, std::string filter) {
        if (index.unsubscribe(subscriber, filter)) cache.filter_changed(filter);
    }
};

wire::SubscriptionOptions options(std::uint8_t qos, bool no_local = false,
                                  bool retain_as_published = false) {
    wire::SubscriptionOptions made;
    made.qos = qos;
    made.no_local = no_local;
    made.retain_as_published = retain_as_published;
    return made;
}

Ids ids_of(const Route& route, const Target& target) {
    const auto ids = route.ids_of(target);
    return Ids(ids.begin(), ids.end());
}

// A route without what does not matter: the order of its parts.
using PlainTarget = std::tuple<const Subscriber*, From, int, bool, Ids>;
struct PlainRoute {
    std::multiset<PlainTarget> targets;
    std::multiset<const ShareGroup*> groups;
    friend bool operator==(const PlainRoute&, const PlainRoute&) = default;
};

PlainRoute plain(const Route& route) {
    PlainRoute made;
    for (const Target& target : route.targets)
        made.targets.emplace(target.subscriber, target.from, target.qos, target.retain_as_published,
                             ids_of(route, target));
    made.groups.insert(route.groups.begin(), route.groups.end());
    return made;
}

}  // namespace

TEST_CASE("a topic has a route for each tenant that publishes to it", "[core][route]") {
    Routing routing;
    FakeSubscriber one;
    FakeSubscriber two;
    one.tenant = 1;
    two.tenant = 2;
    const char* filter = GENERATE("a", "+");
    routing.subscribe(one, filter);
    const auto receivers = [&](core::TenantId tenant) {
        std::multiset<const Subscriber*> found;
        for (const Target& target : routing.cache.find("a", tenant).targets)
            found.insert(target.subscriber);
        return found;
    };
    for (int round = 0; round < 2; ++round) {
        CHECK(receivers(1) == std::multiset<const Subscriber*>{&one});
        CHECK(receivers(2).empty());
        CHECK(receivers(0) == std::multiset<const Subscriber*>{&one});
    }
    routing.subscribe(two, filter);  // all routes of the topic are out of date
    CHECK(receivers(1) == std::multiset<const Subscriber*>{&one});
    CHECK(receivers(2) == std::multiset<const Subscriber*>{&two});
    CHECK(receivers(0) == std::multiset<const Subscriber*>{&one, &two});
    routing.unsubscribe(one, filter);
    CHECK(receivers(1).empty());
    CHECK(receivers(2) == std::multiset<const Subscriber*>{&two});
}

TEST_CASE("a topic that nobody wants has an empty route", "[core][route]") {
    Routing routing;
    const Route& route = routing.cache.find("a/b");
    CHECK(route.targets.empty());
    CHECK(route.groups.empty());
}

TEST_CASE(
    "MQTT5-3.3.4-2, MQTT311-3.3.5-1, MQTT5-3.3.4-4: overlapping subscriptions give one target with "
    "the "
    "highest QoS and all identifiers",
    "[core][route]") {
    Routing routing;
    FakeSubscriber subscriber;
    FakeSubscriber other;
    routing.subscribe(subscriber, "a/b", options(0), 3);
    routing.subscribe(subscriber, "a/+", options(2), 5);
    routing.subscribe(subscriber, "#", options(1), 3);
    routing.subscribe(subscriber, "a/#", options(1), 0);
    routing.subscribe(subscriber, "b/#", options(2), 9);
    routing.subscribe(other, "+/b", options(1), 7);
    const Route& route = routing.cache.find("a/b");
    REQUIRE(route.targets.size() == 2);
    for (const Target& target : route.targets) {
        CHECK(target.from == From::anyone);
        const bool first = target.subscriber == &subscriber;
        CHECK(target.qos == (first ? 2 : 1));
        CHECK(ids_of(route, target) == (first ? Ids{3, 3, 5} : Ids{7}));
    }
    CHECK(route.targets[0].subscriber != route.targets[1].subscriber);
}

TEST_CASE("MQTT5-3.3.1-13: RETAIN is kept if one of the overlapping subscriptions asks for that",
          "[core][route][v5]") {
    Routing routing;
    FakeSubscriber subscriber;
    routing.subscribe(subscriber, "a", options(0, false, false));
    CHECK_FALSE(routing.cache.find("a").targets.at(0).retain_as_published);
    routing.subscribe(subscriber, "+", options(0, false, true));
    REQUIRE(routing.cache.find("a").targets.size() == 1);
    CHECK(routing.cache.find("a").targets[0].retain_as_published);
}

TEST_CASE("MQTT5-3.8.3-3: a subscription with No Local counts for messages of others only",
          "[core][route][v5]") {
    Routing routing;
    FakeSubscriber subscriber;
    routing.subscribe(subscriber, "a", options(2, true), 1);
    {
        const Route& route = routing.cache.find("a");
        REQUIRE(route.targets.size() == 1);
        CHECK(route.targets[0].from == From::others);
        CHECK(route.targets[0].qos == 2);
    }
    routing.subscribe(subscriber, "+", options(1, false), 2);
    const Route& route = routing.cache.find("a");
    REQUIRE(route.targets.size() == 2);
    for (const Target& target : route.targets) {
        REQUIRE(target.from != From::anyone);
        const bool others = target.from == From::others;
        CHECK(target.qos == (others ? 2 : 1));
        CHECK(ids_of(route, target) == (others ? Ids{1, 2} : Ids{2}));
    }
    CHECK(route.targets[0].from != route.targets[1].from);
}

TEST_CASE("who may not receive a topic is not in its route, until that changes", "[core][route]") {
    Routing routing;
    FakeSubscriber subscriber;
    subscriber.denied.insert("a/secret");
    routing.subscribe(subscriber, "a/#");
    CHECK(routing.cache.find("a/open").targets.size() == 1);
    CHECK(routing.cache.find("a/secret").targets.empty());
    subscriber.denied = {"a/open"};
    routing.cache.forget_all();
    CHECK(routing.cache.find("a/open").targets.empty());
    CHECK(routing.cache.find("a/secret").targets.size() == 1);
}

TEST_CASE("a share group is in the routes of its filter", "[core][route]") {
    const std::string filter = GENERATE("a/b", "a/+");
    Routing routing;
    ShareGroup group(1, "g", filter);
    CHECK(routing.cache.find("a/b").groups.empty());
    routing.index.add_group(filter, group);
    routing.cache.filter_changed(filter);
    CHECK(routing.cache.find("a/b").groups == std::vector<ShareGroup*>{&group});
    routing.index.remove_group(filter, group);
    routing.cache.filter_changed(filter);
    CHECK(routing.cache.find("a/b").groups.empty());
}

TEST_CASE("a remembered route is always the one that would be worked out now", "[core][route]") {
    const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Routing routing;
    std::vector<FakeSubscriber> subscribers(8);
    ShareGroups groups(routing.index);
    bool right = true;
    for (int step = 0; step < 5'000 && right; ++step) {
        FakeSubscriber& subscriber = subscribers[random() % subscribers.size()];
        const std::string filter = random_filter(random);
        switch (random() % 6) {
            case 0:
            case 1:
                routing.subscribe(subscriber, filter,
                                  options(static_cast<std::uint8_t>(random() % 3),
                                          random() % 2 == 0, random() % 2 == 0),
                                  static_cast<std::uint32_t>(random() % 4));
                break;
            case 2:
            case 3:
                if (subscriber.subscriptions.empty()) break;
                routing.unsubscribe(
                    subscriber, subscriber.subscriptions[random() % subscriber.subscriptions.size()]
                                    .entry->filter);
                break;
            case 4: {
                ShareNews news;
                news.kind = random() % 2 == 0 ? ShareNews::Kind::joined : ShareNews::Kind::left;
                news.member = 1 + random() % 2;
                news.share = "g";
                news.filter = filter;
                if (groups.apply(news)) routing.cache.filter_changed(filter);
                break;
            }
            default:
                break;  // routes are asked for without a change in between
        }
        for (int i = 0; i < 3; ++i) {
            const std::string topic = random_topic(random);
            RouteCache fresh(routing.index);
            right &= plain(routing.cache.find(topic)) == plain(fresh.find(topic));
        }
    }
    CHECK(right);
}

TEST_CASE("a route is worked out once, and again when a filter that concerns it changes",
          "[core][route]") {
    Routing routing;
    FakeSubscriber subscriber;  // is asked each time a route is worked out
    FakeSubscriber other;
    routing.subscribe(subscriber, "a/b");
    for (int i = 0; i < 3; ++i) routing.cache.find("a/b");
    CHECK(subscriber.asked == 1);
    routing.subscribe(other, "a/c");  // another topic
    routing.cache.find("a/b");
    CHECK(subscriber.asked == 1);
    routing.subscribe(other, "a/b");
    routing.cache.find("a/b");
    CHECK(subscriber.asked == 2);
    routing.subscribe(other, "a/+");
    routing.cache.find("a/b");
    CHECK(subscriber.asked == 3);
}

TEST_CASE("topics in use are remembered, and those out of use forgotten", "[core][route]") {
    Routing routing;
    FakeSubscriber used;
    FakeSubscriber unused;
    routing.subscribe(used, "used");
    routing.subscribe(unused, "unused");
    routing.cache.find("used");
    routing.cache.find("unused");
    for (std::size_t i = 0; i < 3 * limits::route_cache_entries_max; ++i) {
        routing.cache.find("topic " + std::to_string(i));
        if (i % 1'000 == 0) routing.cache.find("used");
    }
    routing.cache.find("used");
    routing.cache.find("unused");
    CHECK(used.asked == 1);
    CHECK(unused.asked == 2);
}

TEST_CASE("of a topic that clients of very many tenants publish to, not all routes are remembered",
          "[core][route][tenants]") {
    const bool many = GENERATE(true, false);
    Routing routing;
    std::vector<FakeSubscriber> subscribers(1'000);  // so that each route takes 24 kB
    for (FakeSubscriber& one : subscribers) routing.subscribe(one, "a");
    const std::size_t tenants = (many ? 3 : 1) * limits::route_cache_bytes_max / 48'000;
    for (TenantId tenant = 1; tenant <= tenants; ++tenant) routing.cache.find("a", tenant);
    const int before = subscribers[0].asked;
    for (const TenantId tenant : {2u, 3u}) routing.cache.find("a", tenant);
    CHECK(subscribers[0].asked == before + (many ? 2 : 0));
    const auto last = static_cast<TenantId>(tenants);
    CHECK(routing.cache.find("a", last).targets.size() == 1'000);
}

TEST_CASE("a topic of the old generation is forgotten, too, when its filter changes",
          "[core][route]") {
    Routing routing;
    FakeSubscriber subscriber;
    routing.subscribe(subscriber, "t");
    CHECK(routing.cache.find("t").targets.size() == 1);
    for (std::size_t i = 0; i < limits::route_cache_entries_max; ++i)
        routing.cache.find("topic " + std::to_string(i));
    routing.unsubscribe(subscriber, "t");
    CHECK(routing.cache.find("t").targets.empty());
}
