#include "broker/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace drawbridge {

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "drawbridge: assertion failed: %s at %s:%d\n", expression, file, line);
    std::abort();
}

}  // namespace drawbridge
