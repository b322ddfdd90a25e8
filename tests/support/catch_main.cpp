// The one main of every Catch2 test program, with the TAP reporter that Meson reads.
#define CATCH_CONFIG_MAIN
#include "tests/support/tap_reporter.hpp"
