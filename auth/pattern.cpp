#include "auth/pattern.hpp"

namespace drawbridge::auth {
namespace {

std::string_view value_of(std::string_view variable, const Variables& variables) {
    if (variable == "{device_id}") return variables.device_id;
    if (variable == "{tenant}") return variables.tenant;
    if (variable == "{key_id}") return variables.key_id;
    if (variable == channel_variable) return variables.channel;
    return {};
}

}  // namespace

bool fill_in(std::string_view pattern, const Variables& variables, std::string& filled) {
    filled.clear();
    while (true) {
        const std::size_t open = pattern.find('{');
        filled += pattern.substr(0, open);
        if (open == std::string_view::npos) return true;
        const std::size_t close = pattern.find('}', open);
        if (close == std::string_view::npos) return false;
        const std::string_view value = value_of(pattern.substr(open, close - open + 1), variables);
        if (value.empty()) return false;
        filled += value;
        pattern.remove_prefix(close + 1);
    }
}

std::optional<std::string> fill_in(std::string_view pattern, const Variables& variables) {
    std::string filled;
    if (!fill_in(pattern, variables, filled)) return std::nullopt;
    return filled;
}

bool fits(std::string_view pattern, const Variables& variables, std::string_view name) {
    const bool any_rest = pattern.ends_with('*');
    if (any_rest) pattern.remove_suffix(1);
    const std::optional<std::string> filled = fill_in(pattern, variables);
    if (!filled) return false;
    return any_rest ? name.starts_with(*filled) : name == *filled;
}

}  // namespace drawbridge::auth
