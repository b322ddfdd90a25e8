// Commands that ask the running broker: `drawbridge client list`, `client kick` and `status`.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// options must outlive app: the commands read them when they run. They leave as CommandFailed.
void add_broker_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
