// `drawbridge service`: add, list, show, set, enable, disable, remove.
//
// A service is an account of a back end. Unlike a device it may have several sessions. The commands
// `key`, `acl` and `device can` take a service's name as well as a device's id.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// Like add_device_commands (cli_devices.hpp).
void add_service_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
