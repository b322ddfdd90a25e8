// Durations, by the names that this folder knows them by.
#pragma once

#include "broker/base/duration.hpp"

namespace drawbridge::app {

using drawbridge::duration_max;
using drawbridge::parse_duration;
using drawbridge::to_text;

}  // namespace drawbridge::app
