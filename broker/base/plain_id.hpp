// Plain ids: the names of devices, tenants, channels and services: 1 to limits::id_bytes_max
// characters of A-Z a-z 0-9 . _ : -
//
// So one is a level of a topic as it is, never a separator or a wildcard, and stands in JSON and in
// a line of the log without being quoted.
#pragma once

#include <string_view>

namespace drawbridge {

bool is_plain_id(std::string_view text);

}  // namespace drawbridge
