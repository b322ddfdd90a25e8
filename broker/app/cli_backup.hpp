// Commands on the whole state: `drawbridge backup` and `drawbridge restore`.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// options must outlive app: the commands read them when they run. What goes wrong leaves as an
// exception with one sentence.
void add_backup_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
