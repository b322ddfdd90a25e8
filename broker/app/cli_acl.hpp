// `drawbridge acl`: a device's or service's own rules, on top of its profile's.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// Like add_device_commands (cli_devices.hpp).
void add_acl_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
