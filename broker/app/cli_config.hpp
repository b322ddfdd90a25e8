// `drawbridge config check` and `drawbridge config show`.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// options must outlive app: the commands read them when they run. A bad configuration leaves a
// command as ConfigurationError, or, when it has been printed as JSON, as CLI::RuntimeError with
// exit status 1.
void add_config_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
