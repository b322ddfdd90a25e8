// ASSERT: the third kind of failure, "we are wrong". On in every build; it ends the process with
// the place and the words, because whatever follows would be a guess.
#pragma once

namespace drawbridge {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace drawbridge

#define ASSERT(expression)         \
    (static_cast<bool>(expression) \
         ? static_cast<void>(0)    \
         : ::drawbridge::assertion_failed(#expression, __FILE__, __LINE__))
