// [bridge] routes_file: routes in a file of another program, Connhex Edge's export.toml, as it is.
#pragma once

#include <filesystem>
#include <vector>

#include "broker/app/configuration.hpp"
#include "broker/app/configuration_notes.hpp"

namespace drawbridge::app {

// Reads the tables headed [[routes]], a single one headed [routes], or a route without a heading.
// Whatever else the file holds is that program's affair, and gets one warning. Throws
// ConfigurationError if it cannot be read or is no TOML.
std::vector<RouteConfiguration> read_routes_file(const std::filesystem::path& file,
                                                 ConfigurationNotes& mistakes,
                                                 ConfigurationNotes& warnings);

}  // namespace drawbridge::app
