// RetainedStore: the retained message of each topic. MQTT 5.0, section 3.3.1.3.
// Method: by the statements; searches in pieces of every size against a plain map; and a search
// while another thread stores, to be run with the thread sanitizer, too.
#include "broker/core/retained_store.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/random_topics.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using drawbridge::test::naive_matches;
using drawbridge::test::random_filter;
using drawbridge::test::random_topic;

namespace {

const TimePoint now{seconds(1'000)};
const RetainedOrigin origin{2, 77};

MessageView message(std::string_view topic, std::string_view payload,
                    TimePoint expires_at = TimePoint::max()) {
    MessageView made;
    made.topic = topic;
    made.payload = as_bytes(payload);
    made.retain = true;
    made.expires_at = expires_at;
    return made;
}

bool store(RetainedStore& retained, std::string_view topic, std::string_view payload) {
    return retained.store(message(topic, payload), origin, now);
}

using Found = std::vector<std::string>;  // "topic=payload"

// Searches to the end in pieces of `steps`; between() is called between two pieces.
Found search(
    const RetainedStore& retained, std::string_view filter, std::size_t steps = 1'000'000,
    const std::function<void()>& between = [] {}, TimePoint when = now) {
    Found found;
    const auto visit = [&](const MessagePtr& kept, RetainedOrigin) {
        found.push_back(std::string(kept->view().topic) + "=" +
                        std::string(as_text(kept->view().payload)));
        return true;
    };
    std::optional<RetainedPlace> rest = RetainedPlace();
    for (std::size_t left = steps; (rest = retained.search(filter, 0, *rest, left, when, visit));
         left = steps)
        between();
    return found;
}

}  // namespace

TEST_CASE("an empty store finds nothing", "[core][retained]") {
    const Limits limits;
    const RetainedStore retained(limits);
    CHECK(search(retained, "#").empty());
    CHECK(search(retained, "a").empty());
    CHECK(retained.messages() == 0);
    CHECK(retained.bytes() == 0);
}

TEST_CASE("MQTT5-3.3.1-5, MQTT311-3.3.1-5: a retained message replaces the one of its topic",
          "[core][retained]") {
    const Limits limits;
    RetainedStore retained(limits);
    CHECK(store(retained, "a/b", "old"));
    CHECK(store(retained, "a/c", "other"));
    CHECK(store(retained, "a/b", "newer"));
    CHECK(search(retained, "a/b") == Found{"a/b=newer"});
    CHECK(search(retained, "a/+") == Found{"a/b=newer", "a/c=other"});
    CHECK(retained.messages() == 2);
    CHECK(retained.bytes() == 3 + 5 + 3 + 5);
}

TEST_CASE("a retained message keeps its QoS, its expiry, its properties and where it came from",
          "[core][retained]") {
    const Limits limits;
    RetainedStore retained(limits);
    MessageView stored = message("a", "payload", now + seconds(5));
    stored.qos = 2;
    stored.properties = as_bytes("properties");
    CHECK(retained.store(stored, origin, now));
    int visited = 0;
    std::size_t steps = 1;
    retained.search("a", 0, {}, steps, now, [&](const MessagePtr& kept, RetainedOrigin from) {
        ++visited;
        CHECK(kept->view().qos == 2);
        CHECK(kept->view().expires_at == now + seconds(5));
        CHECK(as_text(kept->view().properties) == "properties");
        CHECK(from.shard == 2);
        CHECK(from.turn == 77);
        return true;
    });
    CHECK(visited == 1);
}

TEST_CASE(
    "MQTT5-3.3.1-6, MQTT5-3.3.1-7, MQTT311-3.3.1-10, MQTT311-3.3.1-11: an empty payload removes "
    "and is "
    "not stored",
    "[core][retained]") {
    const Limits limits;
    RetainedStore retained(limits);
    CHECK(store(retained, "a", "1"));
    CHECK(store(retained, "a/b", "2"));
    CHECK(store(retained, "a", ""));
    CHECK(search(retained, "#") == Found{"a/b=2"});
    CHECK(store(retained, "never stored", ""));
    CHECK(retained.messages() == 1);
    CHECK(retained.bytes() == 4);
    CHECK(store(retained, "a/b", ""));
    CHECK(retained.messages() == 0);
    CHECK(retained.bytes() == 0);
}

TEST_CASE("a retained message that has expired is found no more", "[core][retained][v5]") {
    const Limits limits;
    RetainedStore retained(limits);
    CHECK(retained.store(message("a", "1", now + seconds(10)), origin, now));
    CHECK(store(retained, "b", "2"));
    const auto at = [&](TimePoint when, std::string_view filter) {
        return search(
            retained, filter, 100, [] {}, when);
    };
    CHECK(at(now + seconds(10) - Duration(1), "#") == Found{"a=1", "b=2"});
    CHECK(at(now + seconds(10), "#") == Found{"b=2"});
    CHECK(at(now + seconds(10) - Duration(1), "a") == Found{"a=1"});
    CHECK(at(now + seconds(10), "a").empty());
}

TEST_CASE(
    "MQTT5-3.3.1-5: a retained message that expires at once replaces the one before all the same",
    "[core][retained][v5]") {
    const Limits limits;
    RetainedStore retained(limits);
    CHECK(store(retained, "a", "old"));
    CHECK(retained.store(message("a", "gone already", now), origin, now));
    CHECK(search(retained, "a").empty());
    CHECK(retained.messages() == 0);
    CHECK(retained.bytes() == 0);
}

TEST_CASE("MQTT5-4.7.2-1: a search with a wildcard in the first level finds no topics with '$'",
          "[core][retained]") {
    const Limits limits;
    RetainedStore retained(limits);
    store(retained, "$SYS/a", "1");
    store(retained, "a", "2");
    CHECK(search(retained, "#") == Found{"a=2"});
    CHECK(search(retained, "+/a").empty());
    CHECK(search(retained, "$SYS/#") == Found{"$SYS/a=1"});
}

TEST_CASE("a search ends where the filter's fixed beginning does", "[core][retained]") {
    const Limits limits;
    RetainedStore retained(limits);
    for (const char* topic : {"a", "a!", "a/", "a/b", "a/b/c", "a0", "ab", "ab/c", "b", "/", "/a"})
        store(retained, topic, "x");
    CHECK(search(retained, "a/#") == Found{"a=x", "a/=x", "a/b=x", "a/b/c=x"});
    CHECK(search(retained, "a/+") == Found{"a/=x", "a/b=x"});
    CHECK(search(retained, "a/b/#") == Found{"a/b=x", "a/b/c=x"});
    CHECK(search(retained, "/#") == Found{"/=x", "/a=x"});
    CHECK(search(retained, "/+") == Found{"/=x", "/a=x"});
    CHECK(search(retained, "+") == Found{"a=x", "a!=x", "a0=x", "ab=x", "b=x"});
    CHECK(search(retained, "#").size() == 11);
}

TEST_CASE("a search in pieces visits each match once, in the order of topics", "[core][retained]") {
    const unsigned seed = GENERATE(1u, 2u, 3u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Limits limits;
    RetainedStore retained(limits);
    std::map<std::string, std::string> expected;
    bool right = true;
    for (int step = 0; step < 1'500; ++step) {
        const std::string topic = random_topic(random);
        const std::string payload = random() % 3 == 0 ? "" : std::to_string(step);
        store(retained, topic, payload);
        if (payload.empty())
            expected.erase(topic);
        else
            expected.insert_or_assign(topic, payload);
        right &= retained.messages() == expected.size();

        const std::string filter = random_filter(random);
        Found wanted;
        for (const auto& [name, value] : expected)
            if (naive_matches(filter, name)) wanted.push_back(name + "=" + value);
        const std::size_t steps = 1 + random() % 20;
        right &= search(retained, filter, steps) == wanted;
    }
    CHECK(right);
}

TEST_CASE("a search looks at so many topics at a time and no more", "[core][retained]") {
    const Limits limits;
    RetainedStore retained(limits);
    for (const char* topic : {"a/1", "a/2", "a/3", "a/4", "a/5"}) store(retained, topic, "x");
    int visited = 0;
    const auto look = [&](std::string_view filter, std::string_view after,
                          std::size_t steps) -> std::optional<std::string> {
        const auto rest = retained.search(filter, 0, RetainedPlace(after), steps, now,
                                          [&](const MessagePtr&, RetainedOrigin) {
                                              ++visited;
                                              return true;
                                          });
        if (!rest) return std::nullopt;
        return rest->topic;
    };
    const auto rest = look("a/+", "", 2);
    CHECK(rest == "a/2");
    CHECK(visited == 2);
    CHECK(look("a/+", "a/2", 2) == "a/4");
    CHECK(look("a/+", "a/4", 2) == std::nullopt);
    CHECK(visited == 5);
    // What does not match counts as well: a search is never long because it finds nothing.
    CHECK(look("+/none", "", 3) == "a/3");
    CHECK(visited == 5);
}

TEST_CASE("what is stored, replaced and removed between the pieces disturbs no other topic",
          "[core][retained]") {
    const unsigned seed = GENERATE(1u, 2u, 3u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Limits limits;
    RetainedStore retained(limits);
    Found lasting;
    for (int i = 1'000; i < 1'200; ++i) {
        const std::string topic = "a/" + std::to_string(i) + "/lasting";
        store(retained, topic, "x");
        lasting.push_back(topic + "=x");
    }
    for (const std::size_t steps : {1u, 2u, 3u, 7u, 50u}) {
        const auto disturb = [&] {
            for (int i = 0; i < 5; ++i)
                store(retained, "a/" + std::to_string(1'000 + random() % 200) + "/passing",
                      random() % 2 == 0 ? "y" : "");
        };
        Found found = search(retained, "a/#", steps, disturb);
        CHECK(std::is_sorted(found.begin(), found.end()));
        CHECK(std::adjacent_find(found.begin(), found.end()) == found.end());
        std::erase_if(found, [](const std::string& one) { return one.ends_with("y"); });
        CHECK(found == lasting);
    }
}

TEST_CASE("a store takes so many topics and no more, but a known one is replaced",
          "[core][retained]") {
    Limits limits;
    limits.max_retained_messages = 2;
    RetainedStore retained(limits);
    CHECK(store(retained, "a", "1"));
    CHECK(store(retained, "b", "1"));
    CHECK_FALSE(store(retained, "c", "1"));
    CHECK(store(retained, "a", "2"));
    CHECK(search(retained, "#") == Found{"a=2", "b=1"});
    CHECK(store(retained, "b", ""));
    CHECK(store(retained, "c", "1"));
    CHECK(search(retained, "#") == Found{"a=2", "c=1"});
}

TEST_CASE("a store takes so many bytes and no more, and has them back when they go",
          "[core][retained]") {
    Limits limits;
    limits.max_retained_bytes = 10;
    RetainedStore retained(limits);
    CHECK_FALSE(store(retained, "a", "ten  bytes"));
    CHECK(store(retained, "a", "four"));
    CHECK(store(retained, "b", "four"));
    CHECK_FALSE(store(retained, "c", "1"));
    CHECK_FALSE(store(retained, "a", "five5"));
    CHECK(search(retained, "a") == Found{"a=four"});  // refused, so the old one stays
    CHECK(store(retained, "a", "two"));
    CHECK(retained.bytes() == 9);
    CHECK(store(retained, "b", ""));
    CHECK(store(retained, "a", "ninebytes"));
    CHECK(retained.bytes() == 10);
}

TEST_CASE("what has expired does not count against the bounds", "[core][retained]") {
    Limits limits;
    limits.max_retained_messages = 2;
    RetainedStore retained(limits);
    const TimePoint now = TimePoint() + seconds(100);
    const auto put = [&](std::string_view topic, TimePoint expires_at, TimePoint at) {
        MessageView message;
        message.topic = topic;
        message.payload = as_bytes("x");
        message.expires_at = expires_at;
        return retained.store(message, RetainedOrigin{}, at);
    };
    CHECK(put("a", now + seconds(2), now));
    CHECK(put("b", TimePoint::max(), now));
    CHECK_FALSE(put("c", TimePoint::max(), now + milliseconds(1999)));
    CHECK(put("c", TimePoint::max(), now + seconds(2)));
    CHECK(retained.messages() == 2);
    CHECK(retained.bytes() == 4);
    CHECK(put("b", now + seconds(3), now + seconds(2)));  // replaced: expires now
    CHECK(put("d", TimePoint::max(), now + seconds(3)));
    CHECK(retained.messages() == 2);
}

TEST_CASE("a search that is stopped goes on with the message it was stopped before",
          "[core][retained]") {
    const Limits limits;
    RetainedStore retained(limits);
    for (const char* topic : {"a/1", "a/2", "a/3"}) store(retained, topic, "x");
    Found found;
    std::size_t room = 0;
    const auto visit = [&](const MessagePtr& kept, RetainedOrigin) {
        if (room == 0) return false;
        --room;
        found.emplace_back(kept->view().topic);
        return true;
    };
    std::optional<RetainedPlace> rest = RetainedPlace();
    for (int calls = 0; rest && calls < 10; ++calls) {
        std::size_t steps = 100;
        rest = retained.search("a/+", 0, *rest, steps, now, visit);
        room = 1;
    }
    CHECK_FALSE(rest);
    CHECK(found == Found{"a/1", "a/2", "a/3"});

    room = 0;  // the same without a wildcard
    std::size_t steps = 100;
    rest = retained.search("a/1", 0, {}, steps, now, visit);
    REQUIRE(rest);
    room = 1;
    CHECK_FALSE(retained.search("a/1", 0, *rest, steps, now, visit));
    CHECK(found.back() == "a/1");
}

TEST_CASE("threads may store and search at the same time", "[core][retained]") {
    const Limits limits;
    RetainedStore retained(limits);
    Found lasting;
    for (int i = 100; i < 200; ++i) {
        const std::string topic = "a/" + std::to_string(i) + "/lasting";
        store(retained, topic, "x");
        lasting.push_back(topic + "=x");
    }
    std::atomic<bool> done = false;
    std::thread storing([&] {
        std::mt19937 random(1);
        while (!done) {
            const std::string topic = "a/" + std::to_string(100 + random() % 100) + "/passing";
            store(retained, topic, random() % 3 == 0 ? "" : "y");
        }
    });
    bool right = true;
    for (int round = 0; round < 300; ++round) {
        Found found = search(retained, "a/#", 10);
        right &= std::is_sorted(found.begin(), found.end());
        std::erase_if(found, [](const std::string& one) { return one.ends_with("y"); });
        right &= found == lasting;
        retained.messages();
        retained.bytes();
    }
    done = true;
    storing.join();
    CHECK(right);
}
