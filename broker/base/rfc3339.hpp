// Times as commands print them and imports read them: RFC 3339, UTC, with milliseconds,
// "2026-03-01T12:30:05.250Z".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/base/clock.hpp"

namespace drawbridge {

std::string to_rfc3339(WallTime time);

// With or without a fraction of a second, of which milliseconds are kept; in UTC ("Z") only.
// Nothing if the text is anything else, no date of the calendar, or before 1970 or after 2199.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace drawbridge
