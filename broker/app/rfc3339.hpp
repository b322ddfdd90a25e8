// Times in RFC 3339, by the names that this folder knows them by.
#pragma once

#include "broker/base/rfc3339.hpp"

namespace drawbridge::app {

using drawbridge::parse_rfc3339;
using drawbridge::to_rfc3339;

}  // namespace drawbridge::app
