// What a pattern gets: the filter made of it matches the router's spelling of a subject exactly
// when NATS says so. Method: the mapping's table, NATS' own examples, and all short patterns and
// subjects of a few tokens against a naive matcher (tests/support/naive_subject.hpp).
#include <catch2/catch.hpp>

#include "bridge/topic_subject.hpp"
#include "broker/wire/topic.hpp"
#include "tests/support/naive_subject.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

// Does a NATS subscription get what is published to this subject?
bool gets(std::string_view pattern, std::string_view subject) {
    std::string filter;
    std::string topic;
    return filter_of_pattern(pattern, filter) &&
           topic_of_subject(subject, topic) != Spelling::none && wire::matches(filter, topic);
}

// All texts of one to three of these tokens.
std::vector<std::string> all_of(const test::TokenList& tokens) {
    std::vector<std::string> all(tokens);
    for (std::size_t begin = 0, depth = 1; depth < 3; ++depth)
        for (const std::size_t end = all.size(); begin < end; ++begin)
            for (const std::string& token : tokens) all.push_back(all[begin] + "." + token);
    return all;
}

}  // namespace

TEST_CASE("'*' is one token and '>' one or more", "[bridge][subject]") {
    CHECK(gets("foo.>", "foo.bar"));
    CHECK(gets("foo.>", "foo.bar.baz"));
    CHECK_FALSE(gets("foo.>", "foo"));
    CHECK(gets(">", "foo"));
    CHECK(gets("*.*", "foo.bar"));
    CHECK_FALSE(gets("*.*", "foo"));
    CHECK_FALSE(gets("*", "foo.bar"));
}

TEST_CASE("'foo.*' published literally is a name of its own", "[bridge][subject]") {
    CHECK(gets(">", "foo.*"));
    CHECK(gets("foo.*", "foo.*"));
    CHECK(gets("foo.>", "foo.*"));
    CHECK(gets("foo.>", "foo.>"));
    CHECK_FALSE(gets("foo.bar", "foo.*"));
    CHECK_FALSE(gets("foo", "foo.>"));
    CHECK_FALSE(gets(">", "foo..bar"));
    CHECK_FALSE(gets(">", ".a"));
}

TEST_CASE("a wildcard in a longer token is a character", "[bridge][subject]") {
    CHECK(gets("*foo", "*foo"));
    CHECK_FALSE(gets("*foo", "xfoo"));
    CHECK(gets("foo>", "foo>"));
    CHECK_FALSE(gets("foo>", "foox"));
}

TEST_CASE("wildcards get subjects that no topic becomes", "[bridge][subject]") {
    for (const char* subject : {"x.a+b", "x.a/b", "x./", "x.#", "x.*", "x.\x01", "x.\xFF"}) {
        CHECK(gets(">", subject));
        CHECK(gets("x.*", subject));
        CHECK(gets("*.>", subject));
        CHECK(gets(subject, subject));
        CHECK_FALSE(gets("x.a", subject));
        CHECK_FALSE(gets("*", subject));
    }
    CHECK(gets("*", "/"));
    CHECK(gets("/", "/"));
    CHECK(gets("/.*", "/.a+b"));
}

TEST_CASE("a wildcard in front does not get what begins with '$'", "[bridge][subject]") {
    CHECK_FALSE(gets(">", "$SYS.x"));
    CHECK_FALSE(gets("*.x", "$SYS.x"));
    CHECK_FALSE(gets(">", "$a+b"));
    CHECK(gets("$SYS.>", "$SYS.x"));
    CHECK(gets("$SYS.*", "$SYS.x"));
    CHECK(gets("x.>", "x.$SYS"));
}

TEST_CASE("two hundred tokens are a subject", "[bridge][subject]") {
    std::string subject = "t";
    for (int i = 1; i < 200; ++i) subject += ".t";
    CHECK(gets(subject, subject));
    CHECK(gets("t.>", subject));
    CHECK_FALSE(gets("t.t", subject));
}

TEST_CASE("a filter gets what its patterns get", "[bridge][subject]") {
    struct Row {
        std::string filter;
        std::vector<std::string> topics;
        std::vector<std::string> others;
    };
    const std::vector<Row> rows{
        {"foo/#", {"foo", "foo/", "foo/bar", "foo/bar/baz", "foo//"}, {"fooo", "/foo"}},
        {"#", {"foo", "/"}, {"$SYS/x", "$foo"}},
        {"+", {"foo"}, {"/", "$foo"}},
        {"+/+", {"foo/bar", "/bar", "foo/", "/"}, {"foo"}},
        {"/+", {"/foo", "/"}, {"/foo/", "//"}},
        {"foo/+", {"foo/bar", "foo/"}, {"foo", "foo//"}},
        {"foo/+/", {"foo/bar/", "foo//"}, {"foo/bar"}},
        {"/#", {"/", "/foo", "//", "/foo/bar"}, {"foo"}},
    };
    const auto is_got = [](const std::string& filter, const std::string& topic) {
        std::string pattern;
        std::string parent;
        std::string subject;
        REQUIRE(patterns_of_filter(filter, pattern, parent));
        REQUIRE(subject_of_topic(topic, subject));
        const bool by_patterns =
            gets(pattern, subject) || (!parent.empty() && gets(parent, subject));
        CHECK(by_patterns == wire::matches(filter, topic));
        return by_patterns;
    };
    for (const Row& row : rows) {
        for (const std::string& topic : row.topics) CHECK(is_got(row.filter, topic));
        for (const std::string& topic : row.others) CHECK_FALSE(is_got(row.filter, topic));
    }
}

TEST_CASE("every short pattern gets what NATS says", "[bridge][subject]") {
    const std::vector<std::string> texts = all_of({"a", "a+", "/", "*", ">", "$a", ""});
    std::size_t wrong = 0;
    std::size_t count = 0;
    for (const std::string& pattern : texts) {
        CHECK(is_valid_pattern(pattern) == test::naive_is_pattern(pattern));
        CHECK(is_valid_subject(pattern) == test::naive_is_subject(pattern));
        if (!test::naive_is_pattern(pattern)) continue;
        for (const std::string& subject : texts) {
            if (!test::naive_is_subject(subject)) continue;
            ++count;
            if (gets(pattern, subject) != test::naive_subject_matches(pattern, subject)) {
                ++wrong;
                UNSCOPED_INFO(pattern << " and " << subject);
            }
        }
    }
    CHECK(count > 40'000);
    CHECK(wrong == 0);
}
