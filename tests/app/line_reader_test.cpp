// Lines of files: ends of lines, numbers, and lines that are too long.
#include "broker/app/line_reader.hpp"

#include <catch2/catch.hpp>
#include <sstream>
#include <vector>

#include "broker/app/command_failed.hpp"

namespace drawbridge::app {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
    std::istringstream in(text);
    LineReader reader(in);
    Lines lines;
    while (reader.next()) {
        lines.emplace_back(reader.line());
        CHECK(reader.number() == lines.size());
    }
    CHECK_FALSE(reader.next());
    return lines;
}

TEST_CASE("lines end with LF or CRLF, and the last one needs no end", "[app][lines]") {
    CHECK(lines_of("") == Lines{});
    CHECK(lines_of("a") == Lines{"a"});
    CHECK(lines_of("a\n") == Lines{"a"});
    CHECK(lines_of("a\r\nb\r\n") == Lines{"a", "b"});
    CHECK(lines_of("a\n\nb") == Lines{"a", "", "b"});
    CHECK(lines_of("\n") == Lines{""});
}

TEST_CASE("a byte order mark is no part of the first line", "[app][lines]") {
    CHECK(lines_of("\xEF\xBB\xBF"
                   "a\n\xEF\xBB\xBF"
                   "b\n") == Lines{"a",
                                   "\xEF\xBB\xBF"
                                   "b"});
}

TEST_CASE("lines come whole where blocks of the file meet", "[app][lines]") {
    Lines lines;
    std::string text;
    for (std::size_t i = 0; text.size() < 1'000'000; ++i) {
        lines.push_back(std::string(i % 1'999, 'x') + std::to_string(i));
        text += lines.back() + '\n';
    }
    CHECK(lines_of(text) == lines);
}

TEST_CASE("a line that is too long is refused with its number", "[app][lines]") {
    CHECK(lines_of(std::string(import_line_bytes_max, 'x')).size() == 1);
    std::istringstream in("a\n" + std::string(2 * import_line_bytes_max, 'x'));
    LineReader reader(in);
    CHECK(reader.next());
    CHECK_THROWS_WITH(reader.next(), Catch::Matchers::Contains("line 2 is longer"));
}

}  // namespace
}  // namespace drawbridge::app
