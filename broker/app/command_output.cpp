#include "broker/app/command_output.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "broker/app/rfc3339.hpp"

namespace drawbridge::app {

void print_json(const boost::json::value& document) {
    fmt::print("{}\n", boost::json::serialize(document));
}

boost::json::value json_time(std::optional<WallTime> time) {
    if (!time) return nullptr;
    return boost::json::string(to_rfc3339(*time));
}

std::string text_time(std::optional<WallTime> time) { return time ? to_rfc3339(*time) : "never"; }

}  // namespace drawbridge::app
