// What is wrong with routes together: some that do the same, and some that lead in a circle.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bridge/route.hpp"

namespace drawbridge::bridge {

struct RouteMistake {
    std::size_t route = 0;  // the later one of those that are concerned
    std::string text;
};

// A circle is found if it is certain: everything that leaves a route comes back to it. What could
// only happen with some topics is cut when it does, see RouteTable. The two ways of one route with
// direction "both" are no circle.
std::vector<RouteMistake> review_routes(const std::vector<Route>& routes);

}  // namespace drawbridge::bridge
