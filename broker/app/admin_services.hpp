// What the running broker answers about the services that send heartbeats.
//
// Threads: the control thread's io_context; the health of services is on the first shard, which is
// asked.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "bridge/service_monitor.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::app {

// The fields of `drawbridge services`.
boost::json::object describe(const bridge::Service& service);

boost::asio::awaitable<boost::json::object> list_services(net::Network& network,
                                                          const bridge::ServiceMonitor& services);
// Answers once it is forgotten in the database as well.
boost::asio::awaitable<boost::json::object> forget_service(net::Network& network,
                                                           bridge::ServiceMonitor& services,
                                                           std::string tenant, std::string name);

}  // namespace drawbridge::app
