// What a decoder said, in words that a failed check can print: "ok", or reason and rule.
#pragma once

#include <string>

#include "broker/base/result.hpp"

namespace drawbridge::test {

inline std::string verdict(const Violation& violation) {
    if (violation.reason == Reason::success) return "ok";
    return std::string(to_text(violation.reason)) + " " + violation.rule;
}

template <class T>
std::string verdict(const Result<T>& result) {
    return result ? "ok" : verdict(result.error());
}

}  // namespace drawbridge::test
