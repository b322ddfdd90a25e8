#include "auth/allowed_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/device_id.hpp"
#include "auth/limits.hpp"
#include "auth/refused_change.hpp"
#include "broker/base/printable.hpp"
#include "broker/wire/utf8.hpp"

namespace drawbridge::auth {
namespace {

constexpr const char* id_rule = "use 1 to 128 characters of A-Z a-z 0-9 . _ : -";

}  // namespace

std::string in_message(std::string_view text) {
    if (wire::utf8_fault(text) != wire::Utf8Fault::none) return "(not UTF-8)";
    std::size_t size = std::min(text.size(), limits::text_bytes_max);
    while (size < text.size() && (text[size] & 0xC0) == 0x80) --size;  // no half character
    return printable(std::string(text.substr(0, size)));
}

void check_id(std::string_view kind, std::string_view id) {
    if (!is_device_id(id))
        throw RefusedChange(
            fmt::format("'{}' cannot be a {} id; {}", in_message(id), kind, id_rule));
}

void check_tenant(std::string_view tenant) {
    if (!tenant.empty() && !is_device_id(tenant))
        throw RefusedChange(
            fmt::format("'{}' cannot be a tenant; {}", in_message(tenant), id_rule));
}

void check_text(std::string_view what, std::string_view text) {
    if (text.size() > limits::text_bytes_max)
        throw RefusedChange(
            fmt::format("the {} is longer than {} bytes", what, limits::text_bytes_max));
    if (wire::utf8_fault(text) != wire::Utf8Fault::none || printable(std::string(text)) != text)
        throw RefusedChange(
            fmt::format("the {} must be UTF-8 and hold no control characters", what));
}

}  // namespace drawbridge::auth
