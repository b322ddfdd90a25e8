// Topics and filters, against the naive matcher (tests/support/naive_topic.hpp).
// Input: up to three texts, one a line: a filter, another one, a topic. Every byte stands for one
// of a few characters, so that most inputs are filters and many of them match.
#include <string>

#include "broker/base/assert.hpp"
#include "broker/base/bytes.hpp"
#include "broker/wire/topic.hpp"
#include "tests/support/naive_topic.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;

namespace {

constexpr std::size_t levels_max = 20;

// Takes the next line off input.
std::string next_text(std::string_view& input) {
    constexpr std::string_view alphabet = "/+#$abc";
    const std::size_t end = input.find('\n');
    std::string text(input.substr(0, end));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    for (char& c : text)
        if (alphabet.find(c) == std::string_view::npos)
            c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = as_text({data, size});
    const std::string wide = next_text(input);
    const std::string narrow = next_text(input);
    const std::string topic = next_text(input);

    const auto parsed = parse_filter("$share/g/" + wide, levels_max);
    ASSERT(parsed.has_value() == is_topic_filter(wide, levels_max));
    if (!is_topic_filter(wide, levels_max)) return 0;
    ASSERT(has_wildcard(wide) == (wide.find_first_of("+#") != std::string::npos));

    if (is_topic_name(topic, levels_max))
        ASSERT(matches(wide, topic) == test::naive_matches(wide, topic));
    if (is_topic_filter(narrow, levels_max))
        ASSERT(covers(wide, narrow) == test::naive_covers(wide, narrow));
    return 0;
}
