// Asks the broker that runs on a data directory, through its admin.sock: one JSON object in a line
// each way.
//
//     {"command":"changed"}  -> {"ok":true}, once the broker has acted on all changes in the
//     database
//     {"command":"clients"}  -> {"ok":true,"clients":[{"client_id":..., ...}, ...]}
//     {"command":"kick","client_id":X} -> {"ok":true,"kicked":true}
//     {"command":"audit"}    -> {"ok":true}, once all that has happened is in the database
//     {"command":"throttle"} -> {"ok":true,"locks":[{"kind":..., ...}, ...]}
//     {"command":"throttle","device_id":X} -> {"ok":true,"failures":2,"locks":[...]}
//     {"command":"throttle","clear":true}, with "device_id":X, "address":A or neither
//                            -> {"ok":true,"cleared":1}
//     {"command":"services"} -> {"ok":true,"services":[{"name":..., ...}, ...]}
//     {"command":"forget_service","tenant":T,"name":X} -> {"ok":true,"forgotten":true}
//     {"command":"status"}   -> {"ok":true,"version":..., ...}
//     failure                -> {"ok":false,"error":"one sentence"}
//
// Threads: any; it blocks, for admin_timeout at most. Limit: admin_reply_bytes_max.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <filesystem>
#include <optional>

#include "broker/base/clock.hpp"

namespace drawbridge::app {

constexpr seconds admin_timeout{5};
// A list of a million clients has some 200 bytes for each.
constexpr std::size_t admin_reply_bytes_max = 256u << 20;

// The reply; nothing if no broker is running there. Throws CommandFailed if it refuses, does not
// answer in time, or may not be asked by this user.
std::optional<boost::json::object> ask_broker(const std::filesystem::path& data,
                                              const boost::json::object& request);

// Likewise, for commands that make no sense without a broker: throws CommandFailed if none is
// running.
boost::json::object ask_running_broker(const std::filesystem::path& data,
                                       const boost::json::object& request);

}  // namespace drawbridge::app
