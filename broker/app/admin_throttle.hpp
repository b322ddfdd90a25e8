// What the admin socket tells of the login throttle, and does to it: see admin_client.hpp.
//
// Threads: any.
#pragma once

#include <boost/json/object.hpp>

#include "auth/login_guard.hpp"

namespace drawbridge::app {

boost::json::object answer_throttle(auth::LoginGuard& guard, const boost::json::object& request);

// Adds "lockouts", how many there are (limits::locks_listed_max are counted), and "locked_out",
// those that end last, a screen of them.
void add_locks(boost::json::object& status, auth::LoginGuard& guard);

}  // namespace drawbridge::app
