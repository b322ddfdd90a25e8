#include "auth/device_id.hpp"

#include "broker/base/plain_id.hpp"

namespace drawbridge::auth {

bool is_device_id(std::string_view text) { return is_plain_id(text); }

}  // namespace drawbridge::auth
