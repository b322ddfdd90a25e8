// Device ids, and the tenants' names, which obey the same rule: 1 to 128 characters of A-Z a-z 0-9
// . _ : -
//
// So an id never holds a level separator or a wildcard, and may be filled into a topic filter as it
// is.
#pragma once

#include <string_view>

namespace drawbridge::auth {

bool is_device_id(std::string_view text);

}  // namespace drawbridge::auth
