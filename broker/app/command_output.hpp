// What commands print: JSON documents for programs, and times for both kinds of readers.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "broker/base/clock.hpp"

namespace drawbridge::app {

// One document on one line of stdout.
void print_json(const boost::json::value& document);

boost::json::value json_time(std::optional<WallTime> time);  // RFC 3339; null if there is none
std::string text_time(std::optional<WallTime> time);         // likewise; "never"

}  // namespace drawbridge::app
