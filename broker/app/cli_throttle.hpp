// Who is locked out, and letting somebody in at once: `drawbridge throttle`.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// options must outlive the parsing.
void add_throttle_commands(CLI::App& app, const GlobalOptions& options);

// For `device show`: "failures", "locked_until" and "locks" as the running broker tells them; null
// if none is running.
boost::json::object pressure_on(const GlobalOptions& options, const std::string& device_id);

// A lock in words: "device sensor-1 at 192.0.2.7, until ...".
std::string lock_in_words(const boost::json::value& lock);

}  // namespace drawbridge::app
