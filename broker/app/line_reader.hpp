// LineReader: the lines of a file of any size, one at a time, with their numbers.
//
// Owner: the import. Ends of lines may be LF or CRLF, the last one may be missing, and a byte order
// mark at the beginning is passed over. Limit: import_line_bytes_max for each line.
#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <string_view>

namespace drawbridge::app {

// A device with 32 keys and 256 rules of the longest kind has 300 KB.
constexpr std::size_t import_line_bytes_max = 1u << 20;

class LineReader {
public:
    // in must outlive the reader.
    explicit LineReader(std::istream& in) : in_(in) {}

    // Reads the next line; false at the end. Throws CommandFailed if a line is too long, or the
    // file cannot be read.
    bool next();

    std::string_view line() const { return line_; }  // until the next next()
    std::size_t number() const { return number_; }   // from 1

private:
    bool read_more();

    std::istream& in_;
    std::string read_;    // what has been read from the file
    std::size_t at_ = 0;  // where the next line begins in it
    std::string_view line_;
    std::size_t number_ = 0;
};

}  // namespace drawbridge::app
