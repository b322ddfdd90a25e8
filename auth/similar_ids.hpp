// Similar ids: what somebody may have meant who typed an id that does not exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge::auth {

// At most three of `known` that are one or two typing mistakes away from `typed` (a letter wrong,
// missing or too much), or begin with it; the nearest first.
std::vector<std::string> similar_ids(std::string_view typed, const std::vector<std::string>& known);

}  // namespace drawbridge::auth
