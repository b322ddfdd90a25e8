#include "broker/base/plain_id.hpp"

#include <algorithm>

#include "broker/base/limits.hpp"

namespace drawbridge {
namespace {

bool is_plain(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
}

}  // namespace

bool is_plain_id(std::string_view text) {
    return !text.empty() && text.size() <= limits::id_bytes_max &&
           std::ranges::all_of(text, is_plain);
}

}  // namespace drawbridge
