// The configured routes, together with the built-in one: checked, and made into the table that the
// shards ask.
#pragma once

#include <memory>

#include "bridge/route_table.hpp"
#include "broker/app/configuration.hpp"
#include "broker/app/configuration_notes.hpp"

namespace drawbridge::app {

// What is wrong with the routes, each by itself and all together: notes on the configuration file,
// and on bridge.routes_file. A route that lacks an end is left out: that has been said.
void check_routes(const Configuration& configuration, ConfigurationNotes& mistakes,
                  ConfigurationNotes& file_mistakes);

// configuration: with routes that are right. Never null.
std::shared_ptr<const bridge::RouteTable> make_route_table(const Configuration& configuration);

}  // namespace drawbridge::app
