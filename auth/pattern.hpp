// Patterns: topic filters, client ids and user names with {device_id}, {tenant}, {key_id} and
// {channel} to fill in.
//
// Kept once per profile and filled in when something is asked, not once per device: a million
// devices of one profile hold one copy. A pattern that names a variable which is empty fits
// nothing, so that "tenants/{tenant}/#" never becomes "tenants//#".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drawbridge::auth {

struct Variables {
    std::string_view device_id;
    std::string_view tenant;
    std::string_view key_id;
    std::string_view channel = {};  // one of the device's; which, is the caller's choice
};

constexpr std::string_view channel_variable = "{channel}";

// The pattern with its variables filled in; nothing if one is empty, or unknown.
std::optional<std::string> fill_in(std::string_view pattern, const Variables& variables);

// The same, in place of what `filled` holds; false: nothing. For who keeps the string, so that
// memory is allocated once and not each time.
bool fill_in(std::string_view pattern, const Variables& variables, std::string& filled);

// Is the name what the pattern says? A '*' at the pattern's end stands for any rest, also none.
bool fits(std::string_view pattern, const Variables& variables, std::string_view name);

}  // namespace drawbridge::auth
