// Times as commands print them: RFC 3339, UTC, with milliseconds, "2026-03-01T12:30:05.250Z".
#pragma once

#include <string>

#include "broker/base/clock.hpp"

namespace drawbridge::app {

std::string to_rfc3339(WallTime time);

}  // namespace drawbridge::app
