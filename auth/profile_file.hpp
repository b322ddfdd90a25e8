// Profile files: an operator's own profile as TOML, and any profile written as such a file.
// docs/profiles.md describes them for users.
//
// Threads: any; nothing here keeps state.
#pragma once

#include <string>
#include <string_view>

#include "auth/profile.hpp"

namespace drawbridge::auth {

// name: what the profile is to be called; the file may leave it out, or must say the same. file:
// what mistakes are reported under. Throws RefusedChange, which names every mistake on a line of
// its own, "FILE:LINE: ...".
Profile parse_profile(std::string_view text, std::string_view file, std::string_view name);

// A file that parse_profile() reads back to the same profile.
std::string write_profile(const Profile& profile);

}  // namespace drawbridge::auth
