// `drawbridge psk`: set, show, remove.
#pragma once

#include <CLI/CLI.hpp>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// options must outlive app: the commands read them when they run. They leave as CommandFailed,
// auth::RefusedChange or another std::exception with one sentence.
void add_psk_commands(CLI::App& app, const GlobalOptions& options);

}  // namespace drawbridge::app
