#include "broker/app/acting_user.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace drawbridge::app {
namespace {

std::string name_of(uid_t uid) {
    std::array<char, 4'096> text;
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, text.data(), text.size(), &found) != 0 || found == nullptr)
        return "?";
    return found->pw_name;
}

// Who has logged in, whoever it has become since. Most containers do not know.
std::optional<uid_t> login_uid() {
    std::ifstream file("/proc/self/loginuid");
    uid_t uid = 0;
    if (!(file >> uid) || uid == static_cast<uid_t>(-1)) return std::nullopt;
    return uid;
}

}  // namespace

std::string acting_user() {
    const uid_t uid = ::getuid();
    std::string user = fmt::format("{} (uid {})", name_of(uid), uid);
    const std::optional<uid_t> login = login_uid();
    const char* const sudo_user = std::getenv("SUDO_USER");
    if (login && *login != uid)
        user += fmt::format(", logged in as {}", name_of(*login));
    else if (uid == 0 && sudo_user != nullptr)
        user += fmt::format(", by sudo of {}", sudo_user);
    return user;
}

}  // namespace drawbridge::app
