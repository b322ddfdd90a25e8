// Cuts the byte stream of a NATS client into operations. NATS client protocol, as nats-server reads
// it:
//
//     line   = op [ 1*BLANK args ] *BLANK [CR] LF      ; op: in any case; BLANK: space, TAB
//     client = CONNECT json | PING | PONG | SUB subject [queue] sid | UNSUB sid [max]
//            | PUB subject [reply] size CRLF payload CRLF
//            | HPUB subject [reply] header-size total-size CRLF header payload CRLF
//
// Holds no state: who has an incomplete operation calls again with the same bytes and more. A line
// is looked at again then, but it is short; an operation whose size is known need not be cut before
// it is all there. Allocates nothing.
//
// Limits: a line's arguments are bounded before the line's end has come, and a payload before its
// first byte has. Whether subjects are valid is not asked here: see topic_subject.hpp.
#pragma once

#include <string_view>

#include "broker/base/bytes.hpp"

namespace drawbridge::bridge {

// nats-server's max_control_line: bytes of all arguments, from the first to the line's end.
constexpr std::size_t control_line_bytes_max = 4'096;

enum class OperationType : std::uint8_t {
    none,  // not known yet
    connect,
    info,  // from a client: means nothing
    ok,    // the same
    ping,
    pong,
    pub,
    hpub,
    sub,
    unsub,
};

// One operation. The views point into the input. What the operation does not have is empty.
struct Operation {
    OperationType type = OperationType::none;
    std::size_t size = 0;      // of the whole operation; 0: the line's end has not come yet
    std::string_view json;     // connect, info
    std::string_view subject;  // pub, hpub, sub; not validated
    std::string_view reply;    // pub, hpub
    std::string_view queue;    // sub
    std::string_view sid;      // sub, unsub
    Bytes header;              // hpub: the header block with its empty line; may be empty
    Bytes payload;             // pub, hpub
    std::uint32_t max = 0;     // unsub: messages since SUB; 0: remove it now
};

enum class OperationCut : std::uint8_t {
    complete,           // operation is filled
    incomplete,         // operation.type and .size say what is known, the rest is undefined
    unknown_operation,  // and what else is no NATS: "Unknown Protocol Operation"
    line_too_long,      // "maximum control line exceeded"
    payload_too_large,  // "Maximum Payload Violation"
    bad_arguments,      // their number or a size is wrong: the connection is closed without a word
};

// Looks at the first operation of input. payload_bytes_max: with the header block, for hpub. A
// connection that may not publish yet should look at the type of what is incomplete, rather than
// wait for its payload.
OperationCut cut_operation(Bytes input, std::size_t payload_bytes_max, Operation& operation);

// The text of the -ERR before the connection is closed, "" for none and for what is no error.
std::string_view error_text(OperationCut cut);

}  // namespace drawbridge::bridge
