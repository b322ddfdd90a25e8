// What the admin socket tells of the login throttle, and does to it: see admin_client.hpp.
//
// Threads: any.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "auth/login_guard.hpp"

namespace drawbridge::app {

boost::json::object answer_throttle(auth::LoginGuard& guard, const boost::json::object& request);

// Those that end last, a screen of them.
boost::json::array locks_in_status(auth::LoginGuard& guard);

}  // namespace drawbridge::app
