// CSV as RFC 4180 has it: fields between commas, with quotes around those that need them.
//
// One line is one record: a field that holds a line break, which RFC 4180 would allow, is refused.
// So a mistake in one line says nothing of the next, and every line has its number.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge::app {

// A line of a file that cannot be taken; says in one sentence why.
class BadLine : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// The fields of a line, without quotes. An empty line has one field, which is empty. Throws
// BadLine.
std::vector<std::string> split_csv(std::string_view line);

// Appends a field to a line that is being made, with a comma before it unless it is the first one.
void append_csv(std::string& line, std::string_view field, bool first);

}  // namespace drawbridge::app
