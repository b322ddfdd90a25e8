// Topic names and filters, by sections 4.7 and 4.8 of MQTT 5.0 (4.7 of 3.1.1).
// Method: the standard's own examples, and random filters from a small alphabet against a naive
// matcher (tests/support/naive_topic.hpp).
#include "broker/wire/topic.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/naive_topic.hpp"

using namespace drawbridge::wire;
using drawbridge::test::joined;
using drawbridge::test::LevelList;
using drawbridge::test::naive_covers;
using drawbridge::test::naive_matches;

namespace {

constexpr std::size_t many = 1000;

bool is_filter(std::string_view filter) { return is_topic_filter(filter, many); }

std::string random_text(std::mt19937& random, std::string_view alphabet, std::size_t size_max) {
    std::string text;
    for (std::size_t left = 1 + random() % size_max; left > 0; --left)
        text += alphabet[random() % alphabet.size()];
    return text;
}

// All texts of one to `depth_max` of these levels.
std::vector<std::string> all_of(const LevelList& names, std::size_t depth_max) {
    std::vector<std::string> all(names);
    for (std::size_t begin = 0, depth = 1; depth < depth_max; ++depth) {
        const std::size_t end = all.size();
        for (; begin < end; ++begin)
            for (const std::string& name : names) all.push_back(all[begin] + "/" + name);
    }
    std::erase(all, "");
    return all;
}

}  // namespace

TEST_CASE("MQTT5-4.7.0-1, MQTT311-4.7.1-1: a topic name holds no wildcard", "[wire][topic]") {
    CHECK(is_topic_name("a/b", many));
    CHECK_FALSE(is_topic_name("a/+", many));
    CHECK_FALSE(is_topic_name("#", many));
    CHECK_FALSE(is_topic_name("a+b", many));
}

TEST_CASE("wildcards are found wherever they stand", "[wire][topic]") {
    for (std::size_t size = 1; size < 40; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            // The neighbours of '#' and '+' in ASCII, and bytes above it.
            for (const char c : {'"', '$', '*', ',', '\xA3', '\xAB', '\xFF'}) {
                std::string topic(size, 'x');
                topic[at] = c;
                CHECK_FALSE(has_wildcard(topic));
            }
            std::string topic(size, '\x2C');
            topic[at] = '#';
            CHECK(has_wildcard(topic));
            topic[at] = '+';
            CHECK(has_wildcard(topic));
        }
    }
    CHECK_FALSE(has_wildcard(""));
}

TEST_CASE("MQTT5-4.7.1-1, MQTT311-4.7.1-2: '#' stands alone in the last level", "[wire][topic]") {
    for (const char* good : {"#", "a/#", "/#", "+/#", "sport/tennis/#", "//#"})
        CHECK(is_filter(good));
    for (const char* bad : {"a#", "#a", "#/", "#/a", "a/#/b", "a/b#", "##", "a/##", "#/#", "+#"})
        CHECK_FALSE(is_filter(bad));
}

TEST_CASE("MQTT5-4.7.1-2, MQTT311-4.7.1-3: '+' fills a level, at any level", "[wire][topic]") {
    for (const char* good : {"+", "+/a", "a/+", "a/+/b", "+/+", "/+", "+/", "+/tennis/#"})
        CHECK(is_filter(good));
    for (const char* bad : {"a+", "+a", "a/b+", "a/+b/c", "++", "+/++", "a/+#"})
        CHECK_FALSE(is_filter(bad));
}

TEST_CASE("MQTT5-4.7.3-1, MQTT311-4.7.3-1: names and filters have at least one character",
          "[wire][topic]") {
    CHECK_FALSE(is_topic_name("", many));
    CHECK_FALSE(is_filter(""));
    CHECK(is_topic_name("/", many));
    CHECK(is_filter("/"));
    CHECK(is_topic_name(" ", many));
}

TEST_CASE("names and filters have no more levels than allowed", "[wire][topic]") {
    CHECK(is_topic_name("a/b/c", 3));
    CHECK_FALSE(is_topic_name("a/b/c", 2));
    CHECK(is_topic_name("//", 3));
    CHECK_FALSE(is_topic_name("//", 2));
    CHECK(is_topic_filter("a/+/#", 3));
    CHECK_FALSE(is_topic_filter("a/+/#", 2));
    CHECK(parse_filter("$share/g/a/b", 2));
    CHECK_FALSE(parse_filter("$share/g/a/b/c", 2));
}

TEST_CASE("MQTT5-4.8.2-1: a shared filter has a share name", "[wire][topic][share]") {
    const std::optional<ParsedFilter> parsed = parse_filter("$share/group/a/+", many);
    REQUIRE(parsed.has_value());
    CHECK(parsed->share == "group");
    CHECK(parsed->filter == "a/+");
    CHECK_FALSE(parse_filter("$share//a", many));
    CHECK_FALSE(parse_filter("$share/", many));

    const std::optional<ParsedFilter> plain = parse_filter("$shared/group/a", many);
    REQUIRE(plain.has_value());
    CHECK(plain->share.empty());
    CHECK(plain->filter == "$shared/group/a");
}

TEST_CASE("MQTT5-4.8.2-2: a share name is one level without wildcards, a filter follows",
          "[wire][topic][share]") {
    CHECK_FALSE(parse_filter("$share/g+/a", many));
    CHECK_FALSE(parse_filter("$share/#/a", many));
    CHECK_FALSE(parse_filter("$share/+/a", many));
    CHECK_FALSE(parse_filter("$share/g", many));
    CHECK_FALSE(parse_filter("$share/g/", many));
    CHECK_FALSE(parse_filter("$share/g/a#", many));
    CHECK(parse_filter("$share/g//", many)->filter == "/");
    CHECK(parse_filter("$share/g/#", many)->filter == "#");
}

TEST_CASE("the standard's examples match as it says", "[wire][topic]") {
    CHECK(matches("sport/tennis/player1/#", "sport/tennis/player1"));
    CHECK(matches("sport/tennis/player1/#", "sport/tennis/player1/ranking"));
    CHECK(matches("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
    CHECK(matches("sport/#", "sport"));
    CHECK_FALSE(matches("sport/#", "sports"));
    CHECK(matches("sport/tennis/+", "sport/tennis/player1"));
    CHECK_FALSE(matches("sport/tennis/+", "sport/tennis/player1/ranking"));
    CHECK_FALSE(matches("sport/+", "sport"));
    CHECK(matches("sport/+", "sport/"));
    CHECK(matches("+/+", "/finance"));
    CHECK(matches("/+", "/finance"));
    CHECK_FALSE(matches("+", "/finance"));
}

TEST_CASE("MQTT5-4.7.2-1, MQTT311-4.7.2-1: a leading wildcard does not match a topic with '$'",
          "[wire][topic]") {
    CHECK_FALSE(matches("#", "$SYS/monitor"));
    CHECK_FALSE(matches("+/monitor", "$SYS/monitor"));
    CHECK_FALSE(matches("+", "$SYS"));
    CHECK(matches("$SYS/#", "$SYS/monitor"));
    CHECK(matches("$SYS/monitor/+", "$SYS/monitor/Clients"));
    CHECK(matches("a/+", "a/$SYS"));
    CHECK(matches("#", "a/$SYS"));
}

TEST_CASE("MQTT5-4.7.3-4, MQTT311-4.7.3-4: topics are compared byte by byte", "[wire][topic]") {
    CHECK_FALSE(matches("ACCOUNTS", "Accounts"));
    CHECK_FALSE(matches("a", "a/"));
    CHECK_FALSE(matches("/a", "a"));
    CHECK_FALSE(matches("caf\xC3\xA9", "cafe\xCC\x81"));
    CHECK(matches("caf\xC3\xA9", "caf\xC3\xA9"));
}

TEST_CASE("one filter covers another if it matches all of its topics", "[wire][topic][covers]") {
    CHECK(covers("#", "a"));
    CHECK(covers("#", "a/+/#"));
    CHECK(covers("#", "#"));
    CHECK(covers("#", "+/a"));
    CHECK_FALSE(covers("#", "$SYS"));
    CHECK_FALSE(covers("#", "$SYS/#"));
    CHECK_FALSE(covers("+", "$SYS"));
    CHECK(covers("$SYS/#", "$SYS/+/a"));
    CHECK_FALSE(covers("$SYS/#", "#"));

    CHECK(covers("a/#", "a"));
    CHECK(covers("a/#", "a/+"));
    CHECK(covers("a/#", "a/#"));
    CHECK_FALSE(covers("a/#", "#"));
    CHECK_FALSE(covers("a/#", "+/b"));

    CHECK(covers("+/b", "x/b"));
    CHECK(covers("+/b", "+/b"));
    CHECK_FALSE(covers("+/b", "#"));
    CHECK_FALSE(covers("+/b", "x/+"));

    CHECK_FALSE(covers("a/+", "a/#"));
    CHECK_FALSE(covers("a/+/#", "a/#"));
    CHECK_FALSE(covers("a", "+"));
    CHECK_FALSE(covers("a", "a/b"));
    CHECK_FALSE(covers("a/b", "a"));
    CHECK(covers("+/#", "#"));  // every topic has a first level
    CHECK_FALSE(covers("+/+/#", "#"));
    CHECK(covers("/+/#", "/#"));  // and none is empty
    CHECK(covers("+/+/#", "/#"));
    CHECK_FALSE(covers("/+", "/#"));
}

TEST_CASE("matches() agrees with the naive matcher", "[wire][topic]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    int matched = 0;
    for (int i = 0; i < 200'000; ++i) {
        const std::string filter = random_text(random, "ab$/+#", 7);
        const std::string topic = random_text(random, "ab$/", 7);
        if (!is_filter(filter)) continue;
        const bool expected = naive_matches(filter, topic);
        matched += expected;
        if (matches(filter, topic) != expected) FAIL(filter << " and " << topic);
    }
    CHECK(matched > 100);
}

TEST_CASE("covers() is true exactly if all topics of one filter are topics of the other",
          "[wire][topic][covers]") {
    std::vector<std::string> filters = all_of({"a", "b", "$a", "", "+", "#"}, 3);
    std::erase_if(filters, [](const std::string& filter) { return !is_filter(filter); });
    // 'z' is in no filter, and a topic may be deeper than every filter.
    const std::vector<std::string> topics = all_of({"a", "b", "$a", "", "z"}, 4);

    std::vector<std::vector<bool>> matched;
    for (const std::string& filter : filters) {
        matched.emplace_back();
        for (const std::string& topic : topics)
            matched.back().push_back(naive_matches(filter, topic));
    }
    for (std::size_t wide = 0; wide < filters.size(); ++wide) {
        for (std::size_t narrow = 0; narrow < filters.size(); ++narrow) {
            bool expected = true;
            for (std::size_t i = 0; i < topics.size() && expected; ++i)
                expected = !matched[narrow][i] || matched[wide][i];
            if (covers(filters[wide], filters[narrow]) != expected ||
                naive_covers(filters[wide], filters[narrow]) != expected)
                FAIL(filters[wide] << " and " << filters[narrow]);
        }
    }
    CHECK(filters.size() > 150);
}

TEST_CASE("covers() agrees with the naive decision on deeper filters", "[wire][topic][covers]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    int covered = 0;
    for (int i = 0; i < 200'000; ++i) {
        const std::string wide = random_text(random, "a$//++#", 9);
        const std::string narrow = random_text(random, "a$//+#", 9);
        if (!is_filter(wide) || !is_filter(narrow)) continue;
        const bool expected = naive_covers(wide, narrow);
        covered += expected;
        if (covers(wide, narrow) != expected) FAIL(wide << " and " << narrow);
    }
    CHECK(covered > 100);
}

TEST_CASE("the levels of a topic include the empty ones", "[wire][topic]") {
    const auto walked = [](std::string_view topic) {
        LevelList list;
        Levels levels(topic);
        for (std::string_view level; levels.next(level);) list.emplace_back(level);
        return list;
    };
    CHECK(walked("a//b") == LevelList{"a", "", "b"});
    CHECK(walked("/") == LevelList{"", ""});
    CHECK(walked("a") == LevelList{"a"});
    CHECK(joined(walked("/a/b/")) == "/a/b/");
}
