// `drawbridge device`: add, list, show, set, enable, disable, remove, connect, disconnect, can,
// import, export.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// options must outlive app: the commands read them when they run. They leave as CommandFailed,
// auth::RefusedChange or another std::exception with one sentence; and `device can`, when it has
// printed that the answer is no, as CLI::RuntimeError with exit status 1.
void add_device_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
