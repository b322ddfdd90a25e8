// `drawbridge completion bash`: the script with which bash completes the commands of drawbridge.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// Also the command that the script calls, which --help does not show. Both must outlive app.
void add_completion_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
