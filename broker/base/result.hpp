// Result<T>: what a peer sent, or the rule it broke. The first of the three kinds of failure: a
// value, free until it happens, never thrown.
#pragma once

#include <boost/system/result.hpp>

#include "broker/base/reason.hpp"

namespace drawbridge {

// rule is the statement id of the standard, so that the log line, the test and the standard say the
// same word. A string literal: it lives for ever.
struct Violation {
    Violation() = default;
    constexpr Violation(Reason why, const char* statement) : reason(why), rule(statement) {}

    Reason reason = Reason::success;
    const char* rule = "";

    friend bool operator==(const Violation& a, const Violation& b) { return a.reason == b.reason; }
};

template <class T>
using Result = boost::system::result<T, Violation>;

// Only reached when somebody calls value() on a failure without asking first: our mistake.
[[noreturn]] void throw_exception_from_error(const Violation& violation,
                                             const boost::source_location& where);

}  // namespace drawbridge
