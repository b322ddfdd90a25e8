// LongOutput: stdout for lists of any length, written as they are made.
//
// Owner: one command, which has nothing to do but to print. A reader that goes away (`| head`) ends
// the program, quietly; a disk that is full is CommandFailed. Limit: output_block bytes are held.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace drawbridge::app {

constexpr std::size_t output_block = 64u << 10;

class LongOutput {
public:
    LongOutput();

    void write(std::string_view text);
    // Writes what is held. To be called at the end; what has not been flushed is not printed.
    void flush();

private:
    std::string held_;
};

// One JSON document, an array whose elements are printed as they come, each on a line of its own.
class JsonArrayOutput {
public:
    void add(const boost::json::value& element);
    void end();

private:
    LongOutput out_;
    bool empty_ = true;
};

}  // namespace drawbridge::app
