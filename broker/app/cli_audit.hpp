// The answers to "why?": `drawbridge device why`, `drawbridge audit list`.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// After add_device_commands. options must outlive the parsing.
void add_audit_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
