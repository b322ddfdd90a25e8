// Routes between subjects and topics: `drawbridge route`.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// options must outlive the parsing. The commands read the configuration, not the running broker.
void add_route_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
