// `drawbridge device import` and `device export`: a fleet as a file, CSV or JSON lines.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// Adds both to the command `device`; like add_device_commands (cli_devices.hpp).
void add_device_file_commands(CLI::App* device, const GlobalOptions& options);

}  // namespace drawbridge::app
