// Kinds of accounts: a device has one session, a service of a back end may have several. Both are
// rows of one table and share its ids, so a name belongs to one of them only.
#pragma once

#include <cstdint>
#include <string_view>

namespace drawbridge::auth {

enum class AccountKind : std::uint8_t { device, service };

// "device" or "service", as in the database and in the commands.
constexpr std::string_view to_text(AccountKind kind) {
    return kind == AccountKind::device ? "device" : "service";
}

}  // namespace drawbridge::auth
