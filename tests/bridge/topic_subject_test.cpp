// Topics and subjects, both ways, and filters and patterns: what is spelled how.
// Method: the tables of the mapping, each direction by hand.
#include "bridge/topic_subject.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "broker/wire/topic.hpp"
#include "tests/support/naive_subject.hpp"

using namespace drawbridge::bridge;
using namespace std::string_literals;

namespace {

struct Pair {
    std::string topic;
    std::string subject;
};

// Sections of the mapping: names, names with a dot, characters that are kept.
const std::vector<Pair> pairs{
    {"foo", "foo"},
    {"foo/bar", "foo.bar"},
    {"/foo", "/.foo"},
    {"/foo/bar", "/.foo.bar"},
    {"foo/", "foo./"},
    {"foo/bar/", "foo.bar./"},
    {"/", "/./"},
    {"//", "/././"},
    {"///", "/./././"},
    {"//foo", "/./.foo"},
    {"foo//", "foo././"},
    {"foo//bar", "foo./.bar"},
    {"foo///bar", "foo././.bar"},
    {"foo////bar", "foo./././.bar"},
    {"/foo/", "/.foo./"},
    {"//foo//", "/./.foo././"},
    {"A/b", "A.b"},
    {"é/ü", "é.ü"},
    {"a\"b", "a\"b"},
    {"a{b}", "a{b}"},
    {"$SYS/x", "$SYS.x"},
    {"_INBOX/a", "_INBOX.a"},
    {"foo*", "foo*"},
    {"foo*/bar", "foo*.bar"},
    {"foo>/bar", "foo>.bar"},
    {"**", "**"},
    {"foo.bar", "foo//bar"},
    {".", "//"},
    {"..", "////"},
    {"foo.", "foo//"},
    {".foo", "//foo"},
    {"foo/.bar", "foo.//bar"},
    {"foo./bar", "foo//.bar"},
    {"/.", "/.//"},
    {"./", "//./"},
    {"foo/./bar", "foo.//.bar"},
    {"a.b/c.d", "a//b.c//d"},
    {"spBv1.0/grp/NBIRTH/n", "spBv1//0.grp.NBIRTH.n"},
    {"\u00A0\u00FF", "\u00A0\u00FF"},  // the first characters after the control characters
    {"!~", "!~"},
};

std::string subject_of(std::string_view topic) {
    std::string subject = "left over";
    return subject_of_topic(topic, subject) ? subject : "none";
}

// The topic, or the router's spelling in brackets, or "none".
std::string topic_of(std::string_view subject) {
    std::string topic = "left over";
    switch (topic_of_subject(subject, topic)) {
        case Spelling::none:
            return "none";
        case Spelling::subject_only:
            return "[" + topic + "]";
        case Spelling::exact:
            break;
    }
    return topic;
}

std::string filter_of(std::string_view pattern) {
    std::string filter = "left over";
    return filter_of_pattern(pattern, filter) ? filter : "none";
}

std::vector<std::string> patterns_of(std::string_view filter) {
    std::string pattern = "left over";
    std::string parent = "left over";
    if (!patterns_of_filter(filter, pattern, parent)) return {};
    return parent.empty() ? std::vector{pattern} : std::vector{pattern, parent};
}

}  // namespace

TEST_CASE("a topic and its subject, both ways", "[bridge][subject]") {
    for (const auto& [topic, subject] : pairs) {
        CHECK(subject_of(topic) == subject);
        CHECK(topic_of(subject) == topic);
        CHECK_FALSE(is_subject_only(topic));
        CHECK(is_valid_subject(subject));
        CHECK(is_literal_subject(subject));
    }
}

TEST_CASE("a topic that NATS could not spell has no subject", "[bridge][subject]") {
    for (const char* topic : {"",
                              "foo bar",
                              " ",
                              "foo/ /bar",
                              "foo\tbar",
                              "foo\r\nbar",
                              "a\fb",
                              "a\nb",
                              "*",
                              "foo/*",
                              "foo/*/bar",
                              ">",
                              "foo/>",
                              ">/foo",
                              "a\x01"
                              "b",
                              "a\x7F",
                              "\u0080",
                              "a\u009Fb",
                              "a\xC3",
                              "+",
                              "foo/#",
                              "a+b"})
        CHECK(subject_of(topic) == "none");
    CHECK(subject_of("a\0b"s) == "none");
}

TEST_CASE("a subject that no topic becomes is spelled apart", "[bridge][subject]") {
    const std::vector<Pair> only{
        {"foo\xFF"
         "2fbar",
         "foo/bar"},
        {"foo\xFF"
         "2f",
         "foo/"},
        {"\xFF"
         "2ffoo",
         "/foo"},
        {"\xFF"
         "2f",
         "/"},
        {".\xFF"
         "2f",
         "///"},
        {"a.\xFF"
         "2fb",
         "a///b"},
        {"a/\xFF"
         "2fb",
         "a./b"},
        {"a\xFF"
         "2f/b",
         "a/.b"},
        {"foo/\xFF"
         "2b",
         "foo.+"},
        {"foo/\xFF"
         "23",
         "foo.#"},
        {"a\xFF"
         "2bb",
         "a+b"},
        {"a\xFF"
         "23b",
         "a#b"},
        {"foo/\xFF"
         "2a",
         "foo.*"},
        {"\xFF"
         "2a/foo",
         "*.foo"},
        {"foo/\xFF"
         "3e",
         "foo.>"},
        {"\xFF"
         "3e/foo",
         ">.foo"},
        {"a\xFF"
         "01b",
         "a\x01"
         "b"},
        {"a\xFF"
         "7f",
         "a\x7F"},
        {"a\xFF"
         "c2\xFF"
         "80",
         "a\u0080"},
        {"a\xFF"
         "c3",
         "a\xC3"},
        {"\xFF"
         "ffab",
         "\xFF"
         "ab"},
        {"/\xFF"
         "2b",
         "/.+"},
        {"a.b/\xFF"
         "2b/*x",
         "a//b.+.*x"},
    };
    for (const auto& [topic, subject] : only) {
        CHECK(topic_of(subject) == "[" + topic + "]");
        CHECK(subject_of(topic) == subject);
        CHECK(is_subject_only(topic));
        CHECK(is_valid_subject(subject));
    }
    CHECK(topic_of("a\0b"s) ==
          "[a\xFF"
          "00b]");
    CHECK(subject_of("a\xFF"
                     "00b") == "a\0b"s);
}

TEST_CASE("an escape that was cut is no subject", "[bridge][subject]") {
    for (const char* topic : {"a\xFF",
                              "a\xFF"
                              "2",
                              "a\xFF"
                              "2/b",
                              "a\xFF"
                              "2g",
                              "\xFF"
                              "2F"})
        CHECK(subject_of(topic) == "none");
}

TEST_CASE("a subject has tokens, and no blanks", "[bridge][subject]") {
    for (const char* subject : {"foo..bar", ".a", "a.", ".", "..", "", "a b", "a\tb", "a.\rb",
                                "a\n", "\f", "+..a", "a+.", ".a+"}) {
        CHECK_FALSE(is_valid_subject(subject));
        CHECK_FALSE(is_literal_subject(subject));
        CHECK_FALSE(is_valid_pattern(subject));
        CHECK(topic_of(subject) == "none");
        CHECK(filter_of(subject) == "none");
    }
}

TEST_CASE("a wildcard is a name to publish to, but no literal one", "[bridge][subject]") {
    for (const char* subject : {"*", ">", "foo.*", "foo.>", ">.foo", "foo.*.bar"}) {
        CHECK(is_valid_subject(subject));
        CHECK_FALSE(is_literal_subject(subject));
    }
    for (const char* subject : {"foo*", "f*o", "foo>", ">>", "**", "*>"})
        CHECK(is_literal_subject(subject));
}

TEST_CASE("'>' is the last token of a pattern", "[bridge][subject]") {
    for (const char* good : {">", "foo.>", "*.>", "foo>.bar", ">>.a", "*", "*.*", "foo.*.bar"})
        CHECK(is_valid_pattern(good));
    for (const char* bad : {">.foo", "foo.>.bar", ">.>", "foo.>.", "*..>"}) {
        CHECK_FALSE(is_valid_pattern(bad));
        CHECK(filter_of(bad) == "none");
    }
}

TEST_CASE("a pattern is a filter, both ways", "[bridge][subject]") {
    const std::vector<Pair> patterns{
        {"foo", "foo"},
        {"+", "*"},
        {"+/+", "*.*"},
        {"foo/+/bar", "foo.*.bar"},
        {"#", ">"},
        {"foo/+/#", "foo.>"},
        {"+/+/#", "*.>"},
        {"foo/+/+/#", "foo.*.>"},
        {"/+/#", "/.>"},
        {"/+", "/.*"},
        {"+/", "*./"},
        {"foo.bar/+", "foo//bar.*"},
        {"$SYS/+/#", "$SYS.>"},
        {"foo*", "foo*"},
        {"foo>", "foo>"},
        {"f*o/+", "f*o.*"},
        {"a\xFF"
         "2bb/+",
         "a+b.*"},
        {"\xFF"
         "2f",
         "/"},
        {"\xFF"
         "23/+/#",
         "#.>"},
    };
    for (const auto& [filter, pattern] : patterns) {
        CHECK(filter_of(pattern) == filter);
        CHECK(drawbridge::wire::is_topic_filter(filter, 100));
        std::string back;
        CHECK(pattern_of_filter(filter, back));
        CHECK(back == pattern);
    }
}

TEST_CASE("a filter that no pattern became has no pattern of its own", "[bridge][subject]") {
    std::string pattern;
    for (const char* filter : {"", "foo/#", "/#", "+/#", "#/a", "foo+", "*", "foo/>", "a b"})
        CHECK_FALSE(pattern_of_filter(filter, pattern));
}

TEST_CASE("a filter of MQTT takes one pattern, or two for '#'", "[bridge][subject]") {
    using List = std::vector<std::string>;
    const std::vector<std::pair<std::string, List>> filters{
        {"foo", {"foo"}},
        {"+", {"*"}},
        {"+/+", {"*.*"}},
        {"/+", {"/.*"}},
        {"+/", {"*./"}},
        {"foo/+", {"foo.*"}},
        {"foo/+/", {"foo.*./"}},
        {"foo/+/bar", {"foo.*.bar"}},
        {"#", {">"}},
        {"foo/#", {"foo.>", "foo"}},
        {"/#", {"/.>", "/"}},
        {"//#", {"/./.>", "/./"}},
        {"foo//#", {"foo./.>", "foo./"}},
        {"+/#", {"*.>", "*"}},
        {"+/bar/#", {"*.bar.>", "*.bar"}},
        {"foo/+/+/#", {"foo.*.*.>", "foo.*.*"}},
        {"$SYS/#", {"$SYS.>", "$SYS"}},
        {"foo.bar", {"foo//bar"}},
        {"foo.bar/+", {"foo//bar.*"}},
    };
    for (const auto& [filter, expected] : filters) CHECK(patterns_of(filter) == expected);
    for (const char* bad : {"foo/#/bar", "foo+", "foo/b+", "foo#", "foo bar", "", "foo/*", "*",
                            "foo/>", ">", "foo\tbar", ">/#"})
        CHECK(patterns_of(bad).empty());
}

TEST_CASE("a subject is as long as fits into a control line", "[bridge][subject]") {
    const std::string longest(subject_bytes_max, 'a');
    CHECK(subject_of(longest) == longest);
    CHECK(topic_of(longest) == longest);
    CHECK(subject_of(longest + "a") == "none");
    CHECK(subject_of(std::string(subject_bytes_max / 2, '.')) ==
          std::string(subject_bytes_max, '/'));
    CHECK(subject_of(std::string(subject_bytes_max / 2 + 1, '.')) == "none");
    // The router's spelling may be longer, and comes back whole.
    const std::string marked(subject_bytes_max, '+');
    std::string topic;
    CHECK(topic_of_subject(marked, topic) == Spelling::subject_only);
    CHECK(subject_of(topic) == marked);
}

TEST_CASE("a byte is treated the same wherever it stands", "[bridge][subject]") {
    std::size_t wrong = 0;
    for (const std::size_t size : {1, 2, 7, 8, 9, 15, 16, 17}) {
        for (std::size_t at = 0; at < size; ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                for (const std::string_view before : {"x", "/", ".", "\xC2"}) {
                    std::string name(size, 'x');
                    if (at > 0) name[at - 1] = before[0];
                    name[at] = static_cast<char>(byte);
                    if (byte != 0xFF)
                        wrong += subject_of(name) !=
                                 drawbridge::test::naive_subject_of(name).value_or("none");

                    std::string topic;
                    const Spelling spelling = topic_of_subject(name, topic);
                    const bool is_valid = drawbridge::test::naive_is_subject(name);
                    const std::optional<std::string> exact = drawbridge::test::naive_topic_of(name);
                    wrong += (spelling != Spelling::none) != is_valid;
                    wrong += (spelling == Spelling::exact) != (is_valid && exact.has_value());
                    wrong += spelling == Spelling::exact && topic != exact;
                    wrong += spelling != Spelling::none && subject_of(topic) != name;
                }
            }
        }
    }
    CHECK(wrong == 0);
}
