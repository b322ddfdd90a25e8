// SubscriptionIndex: filter -> subscriptions, and topic -> all that match.
// Method: thousands of seeded random changes, compared with a plain list and the naive matcher
// (tests/support/naive_topic.hpp).
#include "broker/core/subscription_index.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "broker/core/share_groups.hpp"
#include "tests/core/fake_subscriber.hpp"
#include "tests/core/random_topics.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using drawbridge::test::FakeSubscriber;
using drawbridge::test::naive_matches;
using drawbridge::test::random_filter;
using drawbridge::test::random_topic;

namespace {

using Filters = std::multiset<std::string>;

Filters matching(const SubscriptionIndex& index, std::string_view topic) {
    std::vector<const FilterEntry*> entries;
    index.match(topic, entries);
    Filters filters;
    for (const FilterEntry* entry : entries) filters.insert(entry->filter);
    return filters;
}

wire::SubscriptionOptions options(std::uint8_t qos) {
    wire::SubscriptionOptions made;
    made.qos = qos;
    return made;
}

// What the index should know, in plain words.
struct Expected {
    std::uint32_t id = 0;
    wire::SubscriptionOptions options;
};
using Subscriptions = std::map<std::pair<const Subscriber*, std::string>, Expected>;

bool agrees(const Subscription& actual, const Expected& expected) {
    return actual.id == expected.id && actual.qos == expected.options.qos &&
           (actual.no_local != 0) == expected.options.no_local &&
           (actual.retain_as_published != 0) == expected.options.retain_as_published;
}

// The entries for topic are those of the expected filters that match it, each once and each with
// its subscriptions.
bool right_match(const SubscriptionIndex& index, const Subscriptions& expected,
                 std::string_view topic) {
    std::vector<const FilterEntry*> entries;
    index.match(topic, entries);
    std::size_t found = 0;
    std::set<std::string> filters;
    for (const FilterEntry* entry : entries) {
        if (!filters.insert(entry->filter).second) return false;
        for (const Subscription& subscription : entry->subscriptions) {
            const auto known = expected.find({subscription.subscriber, entry->filter});
            if (known == expected.end() || !agrees(subscription, known->second)) return false;
            ++found;
        }
    }
    const auto wanted = std::ranges::count_if(expected, [&](const auto& subscription) {
        return naive_matches(subscription.first.second, topic);
    });
    return found == static_cast<std::size_t>(wanted);
}

// Each subscriber's list and the entries point at each other.
bool right_references(const FakeSubscriber& subscriber, const Subscriptions& expected) {
    std::set<std::string> filters;
    for (std::uint32_t slot = 0; slot < subscriber.subscriptions.size(); ++slot) {
        const SubscriptionRef& ref = subscriber.subscriptions[slot];
        if (ref.position >= ref.entry->subscriptions.size()) return false;
        const Subscription& subscription = ref.entry->subscriptions[ref.position];
        if (subscription.subscriber != &subscriber || subscription.slot != slot) return false;
        if (!expected.contains({&subscriber, ref.entry->filter})) return false;
        filters.insert(ref.entry->filter);
    }
    const auto wanted = std::ranges::count_if(expected, [&](const auto& subscription) {
        return subscription.first.first == &subscriber;
    });
    return filters.size() == static_cast<std::size_t>(wanted);
}

}  // namespace

TEST_CASE("an index without subscriptions matches nothing", "[core][index]") {
    const SubscriptionIndex index;
    CHECK(index.size() == 0);
    for (const char* topic : {"a", "a/b", "/", "$SYS", "+", "#"})
        CHECK(matching(index, topic).empty());
}

TEST_CASE("MQTT5-4.7.1-1, MQTT311-4.7.1-2: '#' matches its parent and everything below it",
          "[core][index]") {
    SubscriptionIndex index;
    FakeSubscriber subscriber;
    index.subscribe(subscriber, "sport/tennis/#", {}, 0);
    CHECK(matching(index, "sport/tennis").size() == 1);
    CHECK(matching(index, "sport/tennis/").size() == 1);
    CHECK(matching(index, "sport/tennis/player1/score").size() == 1);
    CHECK(matching(index, "sport").empty());
    CHECK(matching(index, "sport/tennis2").empty());
}

TEST_CASE("MQTT5-4.7.1-2, MQTT311-4.7.1-3: '+' matches one level, an empty one, too",
          "[core][index]") {
    SubscriptionIndex index;
    FakeSubscriber subscriber;
    index.subscribe(subscriber, "sport/+", {}, 0);
    index.subscribe(subscriber, "+/+", {}, 0);
    index.subscribe(subscriber, "/+", {}, 0);
    CHECK(matching(index, "sport/tennis") == Filters{"+/+", "sport/+"});
    CHECK(matching(index, "sport/") == Filters{"+/+", "sport/+"});
    CHECK(matching(index, "/finance") == Filters{"+/+", "/+"});
    CHECK(matching(index, "sport").empty());
    CHECK(matching(index, "sport/tennis/player1").empty());
}

TEST_CASE("MQTT5-4.7.2-1, MQTT311-4.7.2-1: a wildcard in the first level does not match '$'",
          "[core][index]") {
    SubscriptionIndex index;
    FakeSubscriber subscriber;
    for (const char* filter :
         {"#", "+", "+/monitor/Clients", "+/#", "$SYS/#", "$SYS/monitor/+", "$SYS"})
        index.subscribe(subscriber, filter, {}, 0);
    CHECK(matching(index, "$SYS/monitor/Clients") == Filters{"$SYS/#", "$SYS/monitor/+"});
    CHECK(matching(index, "$SYS") == Filters{"$SYS", "$SYS/#"});
    CHECK(matching(index, "SYS/monitor/Clients") == Filters{"#", "+/#", "+/monitor/Clients"});
    CHECK(matching(index, "a/$SYS") == Filters{"#", "+/#"});
}

TEST_CASE("MQTT5-3.8.4-3, MQTT311-3.8.4-3: the same filter again replaces the subscription",
          "[core][index]") {
    const std::string filter = GENERATE("a/b", "a/+");
    SubscriptionIndex index;
    FakeSubscriber first;
    FakeSubscriber second;
    CHECK(index.subscribe(first, filter, options(1), 5));
    CHECK(index.subscribe(second, filter, options(0), 0));
    CHECK_FALSE(index.subscribe(first, filter, options(2), 6));
    CHECK(index.size() == 2);
    std::vector<const FilterEntry*> entries;
    index.match("a/b", entries);
    REQUIRE(entries.size() == 1);
    REQUIRE(entries[0]->subscriptions.size() == 2);
    CHECK(entries[0]->subscriptions[0].subscriber == &first);
    CHECK(entries[0]->subscriptions[0].qos == 2);
    CHECK(entries[0]->subscriptions[0].id == 6);
    CHECK(entries[0]->subscriptions[1].qos == 0);
}

TEST_CASE("MQTT5-3.10.4-1, MQTT311-3.10.4-1: filters are compared character by character",
          "[core][index]") {
    SubscriptionIndex index;
    FakeSubscriber subscriber;
    FakeSubscriber other;
    index.subscribe(subscriber, "a/+", {}, 0);
    index.subscribe(subscriber, "a/b", {}, 0);
    CHECK_FALSE(index.unsubscribe(subscriber, "a/#"));
    CHECK_FALSE(index.unsubscribe(subscriber, "A/b"));
    CHECK_FALSE(index.unsubscribe(subscriber, "a"));
    CHECK_FALSE(index.unsubscribe(other, "a/b"));
    CHECK(index.size() == 2);
    CHECK(index.unsubscribe(subscriber, "a/+"));
    CHECK(matching(index, "a/b") == Filters{"a/b"});
    CHECK_FALSE(index.unsubscribe(subscriber, "a/+"));
    CHECK(index.unsubscribe(subscriber, "a/b"));
    CHECK(index.size() == 0);
}

TEST_CASE("the index finds what the naive matcher finds, and its references stay right",
          "[core][index]") {
    const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    SubscriptionIndex index;
    std::vector<FakeSubscriber> subscribers(12);
    Subscriptions expected;
    bool right = true;
    for (int step = 0; step < 3'000 && right; ++step) {
        FakeSubscriber& subscriber = subscribers[random() % subscribers.size()];
        const bool growing = step / 500 % 2 == 0;
        if (random() % 10 < (growing ? 7u : 2u)) {
            const std::string filter = random_filter(random);
            Expected subscription;
            subscription.id = static_cast<std::uint32_t>(random() % 5);
            subscription.options.qos = static_cast<std::uint8_t>(random() % 3);
            subscription.options.no_local = random() % 2 == 0;
            subscription.options.retain_as_published = random() % 2 == 0;
            const bool is_new =
                index.subscribe(subscriber, filter, subscription.options, subscription.id);
            right &=
                expected.insert_or_assign({&subscriber, filter}, subscription).second == is_new;
        } else {
            std::string filter = random_filter(random);
            if (!subscriber.subscriptions.empty() && random() % 5 > 0)
                filter = subscriber.subscriptions[random() % subscriber.subscriptions.size()]
                             .entry->filter;
            right &= index.unsubscribe(subscriber, filter) ==
                     (expected.erase({&subscriber, filter}) > 0);
        }
        right &= index.size() == expected.size();
        right &= right_match(index, expected, random_topic(random));
        right &= right_references(subscriber, expected);
        if (step % 50 != 0) continue;
        for (const FakeSubscriber& each : subscribers) right &= right_references(each, expected);
    }
    CHECK(right);

    for (FakeSubscriber& subscriber : subscribers) {
        while (!subscriber.subscriptions.empty()) {
            const std::string filter = subscriber.subscriptions.back().entry->filter;
            REQUIRE(index.unsubscribe(subscriber, filter));
        }
        CHECK(subscriber.subscriptions.capacity() == 0);
    }
    CHECK(index.size() == 0);
    for (int i = 0; i < 200; ++i) CHECK(matching(index, random_topic(random)).empty());
}

TEST_CASE("a filter that has gone leaves its place to the next one", "[core][index]") {
    SubscriptionIndex index;
    FakeSubscriber subscriber;
    std::uint32_t highest = 0;
    for (int i = 0; i < 1'000; ++i) {
        const std::string name = std::to_string(i);
        const std::string filter = name + "/+/" + name + "/#";
        index.subscribe(subscriber, filter, {}, 0);
        highest = std::max(highest, subscriber.subscriptions[0].entry->node);
        REQUIRE(matching(index, name + "/x/" + name) == Filters{filter});
        REQUIRE(index.unsubscribe(subscriber, filter));
    }
    CHECK(highest < 10);  // three nodes of the trie serve them all
}

TEST_CASE("the wildcard generation grows when, and only when, a filter with wildcards changes",
          "[core][index]") {
    SubscriptionIndex index;
    FakeSubscriber subscriber;
    const std::uint64_t begin = index.wildcard_generation();
    index.subscribe(subscriber, "a/b", {}, 0);
    index.subscribe(subscriber, "a/b", options(1), 0);
    index.unsubscribe(subscriber, "a/b");
    index.unsubscribe(subscriber, "a/+");  // which it does not have
    CHECK(index.wildcard_generation() == begin);

    index.subscribe(subscriber, "a/+", {}, 0);
    const std::uint64_t subscribed = index.wildcard_generation();
    CHECK(subscribed > begin);
    index.subscribe(subscriber, "a/+", options(1), 0);
    const std::uint64_t changed = index.wildcard_generation();
    CHECK(changed > subscribed);
    index.unsubscribe(subscriber, "a/+");
    CHECK(index.wildcard_generation() > changed);

    ShareGroup group(1, "g", "a/#");
    const std::uint64_t before = index.wildcard_generation();
    index.add_group("a/#", group);
    const std::uint64_t added = index.wildcard_generation();
    CHECK(added > before);
    index.remove_group("a/#", group);
    CHECK(index.wildcard_generation() > added);
}

TEST_CASE("a filter stays while a group or a subscriber has it, and goes with the last of them",
          "[core][index]") {
    const std::string filter = GENERATE("a/b", "a/+", "#");
    SubscriptionIndex index;
    FakeSubscriber subscriber;
    ShareGroup first(1, "g", filter);
    ShareGroup second(2, "h", filter);
    index.add_group(filter, first);
    index.subscribe(subscriber, filter, {}, 0);
    index.add_group(filter, second);
    CHECK(index.size() == 1);  // groups do not count
    CHECK(index.unsubscribe(subscriber, filter));
    CHECK(matching(index, "a/b") == Filters{filter});
    index.remove_group(filter, first);
    std::vector<const FilterEntry*> entries;
    index.match("a/b", entries);
    REQUIRE(entries.size() == 1);
    CHECK(*entries[0]->groups == std::vector<ShareGroup*>{&second});
    CHECK(entries[0]->subscriptions.empty());
    index.remove_group(filter, second);
    CHECK(matching(index, "a/b").empty());
}

TEST_CASE("a topic of many levels is matched to its end", "[core][index]") {
    SubscriptionIndex index;
    FakeSubscriber subscriber;
    std::string topic = "l";
    std::string filter = "+";
    for (int level = 1; level < 128; ++level) {
        topic += "/l";
        filter += level % 2 == 0 ? "/+" : "/l";
    }
    index.subscribe(subscriber, filter, {}, 0);
    CHECK(matching(index, topic) == Filters{filter});
    CHECK(matching(index, topic + "/l").empty());
    CHECK(matching(index, topic.substr(2)).empty());
}
