// Header blocks of NATS messages: reading and writing. ADR-4.
//
//     "NATS/1.0" [ " " status [ " " description ] ] CRLF *( name ":" value CRLF ) CRLF
//
// A block comes from any publisher and has been checked by nobody: the reader takes what it
// understands and skips every other line. It copies nothing; names and values point into the block.
#pragma once

#include <optional>
#include <string_view>

#include "broker/base/buffer.hpp"

namespace drawbridge::bridge {

struct HeaderField {
    std::string_view name;   // as it was written, not empty
    std::string_view value;  // without the blanks around it, as the client libraries do
};

// Reads a block: a range of its fields, in order, repeated names and all.
class HeaderReader {
public:
    explicit HeaderReader(Bytes block);

    // The status of the first line, as "503"; empty if it has none.
    std::string_view status() const { return status_; }
    std::string_view description() const { return description_; }

    // The next field; false after the last one.
    bool next(HeaderField& field);

private:
    std::string_view status_;
    std::string_view description_;
    std::string_view rest_;  // lines that have not been read
};

// The value of the first field with this name, in any case; nothing if there is none.
std::optional<std::string_view> find_header(Bytes block, std::string_view name);

// Writes one block to the end of a buffer. Nothing else is appended to it meanwhile.
class HeaderWriter {
public:
    explicit HeaderWriter(Buffer& out);

    // False, and nothing is written, if the block cannot hold the field: a name is visible ASCII
    // without ":", at least one character; a value has no CR, LF or NUL.
    bool add(std::string_view name, std::string_view value);

    // The empty line. Returns the bytes of the block, for HMSG. The last call.
    std::size_t finish();

private:
    Buffer& out_;
    const std::size_t begin_;
};

}  // namespace drawbridge::bridge
