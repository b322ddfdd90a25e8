// `drawbridge serve`: wires the broker together and runs it in the foreground until SIGTERM or
// SIGINT.
#pragma once

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

// Throws what start-up finds wrong, as a std::exception with one sentence; after "ready" it does
// not throw.
void serve(const GlobalOptions& options);

}  // namespace drawbridge::app
