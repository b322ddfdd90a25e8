// `drawbridge serve`: wires the broker together and runs it in the foreground until SIGTERM or
// SIGINT.
#pragma once

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

struct ServeOptions {
    bool salvage = false;  // damaged databases are replaced by what can be read of them
};

// Throws what start-up finds wrong, as a std::exception with one sentence; after "ready" it does
// not throw.
void serve(const GlobalOptions& options, const ServeOptions& serve_options);

}  // namespace drawbridge::app
