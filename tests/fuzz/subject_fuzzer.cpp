// Topics and subjects, filters and patterns, against the naive ones
// (tests/support/naive_subject.hpp and naive_topic.hpp). Input: a byte, and up to four texts, one a
// line: a subject, a pattern, a topic, a filter. If the byte is even, every byte of them stands for
// one of a few characters, so that most of them are valid and many match.
#include <string>

#include "bridge/topic_subject.hpp"
#include "broker/base/assert.hpp"
#include "broker/base/bytes.hpp"
#include "broker/wire/topic.hpp"
#include "tests/support/naive_subject.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

constexpr std::size_t levels_max = 1'000;
constexpr std::size_t text_bytes_max = 300;

// Takes the next line off input.
std::string next_text(std::string_view& input, std::string_view alphabet) {
    const std::size_t end = input.find('\n');
    std::string text(input.substr(0, std::min(end, text_bytes_max)));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    for (char& c : text)
        if (!alphabet.empty() && alphabet.find(c) == std::string_view::npos)
            c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
    return text;
}

void check_subject(const std::string& subject) {
    std::string topic;
    const Spelling spelling = topic_of_subject(subject, topic);
    ASSERT(is_valid_subject(subject) == test::naive_is_subject(subject));
    ASSERT((spelling != Spelling::none) == is_valid_subject(subject));
    if (spelling == Spelling::none) return;

    const std::optional<std::string> exact = test::naive_topic_of(subject);
    ASSERT((spelling == Spelling::exact) == exact.has_value());
    ASSERT(is_subject_only(topic) == !exact.has_value());
    ASSERT(!exact || *exact == topic);
    ASSERT(wire::is_topic_name(topic, levels_max));
    std::string back;
    ASSERT(subject_of_topic(topic, back));
    ASSERT(back == subject);
}

void check_topic(const std::string& topic) {
    std::string subject;
    const bool has_subject = subject_of_topic(topic, subject);
    const std::optional<std::string> expected = test::naive_subject_of(topic);
    ASSERT(has_subject == expected.has_value());
    if (!has_subject) return;
    ASSERT(subject == *expected);
    ASSERT(is_literal_subject(subject));
    std::string back;
    ASSERT(topic_of_subject(subject, back) == Spelling::exact);
    ASSERT(back == topic);
}

void check_pattern(const std::string& pattern, const std::string& subject) {
    std::string filter;
    std::string topic;
    ASSERT(is_valid_pattern(pattern) == test::naive_is_pattern(pattern));
    ASSERT(filter_of_pattern(pattern, filter) == is_valid_pattern(pattern));
    if (!is_valid_pattern(pattern)) return;
    ASSERT(wire::is_topic_filter(filter, levels_max));
    std::string back;
    ASSERT(pattern_of_filter(filter, back));
    ASSERT(back == pattern);
    if (topic_of_subject(subject, topic) == Spelling::none) return;
    ASSERT(wire::matches(filter, topic) == test::naive_subject_matches(pattern, subject));
}

void check_filter(const std::string& filter, const std::string& topic) {
    std::string pattern;
    std::string parent;
    std::string subject;
    if (!patterns_of_filter(filter, pattern, parent)) return;
    ASSERT(wire::is_topic_filter(filter, levels_max));
    ASSERT(is_valid_pattern(pattern));
    if (!subject_of_topic(topic, subject)) return;
    const bool is_got = test::naive_subject_matches(pattern, subject) ||
                        (!parent.empty() && test::naive_subject_matches(parent, subject));
    ASSERT(is_got == wire::matches(filter, topic));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bool is_raw = data[0] % 2 == 1;
    std::string_view input = as_text({data + 1, size - 1});
    const std::string subject = next_text(input, is_raw ? "" : ".*>/+ab$");
    const std::string pattern = next_text(input, is_raw ? "" : ".*>/+ab$");
    const std::string topic = next_text(input, is_raw ? "" : "/.*>ab$");
    const std::string filter = next_text(input, is_raw ? "" : "/+#.ab$");

    check_subject(subject);
    check_pattern(pattern, subject);
    // The rest comes from MQTT clients, and so is UTF-8.
    if (wire::utf8_fault(topic) != wire::Utf8Fault::none) return 0;
    check_topic(topic);
    if (wire::utf8_fault(filter) == wire::Utf8Fault::none) check_filter(filter, topic);
    return 0;
}
