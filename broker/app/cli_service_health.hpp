// Whether the services that send heartbeats are up: `drawbridge services`.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// options must outlive the parsing.
void add_service_health_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
