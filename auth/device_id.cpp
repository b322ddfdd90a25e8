#include "auth/device_id.hpp"

#include <algorithm>

#include "broker/base/limits.hpp"

namespace drawbridge::auth {
namespace {

bool is_id_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
}

}  // namespace

bool is_device_id(std::string_view text) {
    return !text.empty() && text.size() <= limits::id_bytes_max &&
           std::all_of(text.begin(), text.end(), is_id_character);
}

}  // namespace drawbridge::auth
