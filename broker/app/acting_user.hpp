// Acting user: who runs this command, for the audit.
#pragma once

#include <string>

namespace drawbridge::app {

// "alice (uid 1000)"; "root (uid 0), by sudo of alice" if sudo says so, which whoever became root
// could have made up; "root (uid 0), logged in as alice" if the kernel says so.
std::string acting_user();

}  // namespace drawbridge::app
