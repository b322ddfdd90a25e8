// Work on every shard from the control side: each shard does it on its own thread, in a turn of its
// own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "broker/net/network.hpp"

namespace drawbridge::app {

// Resumes on the caller's executor once all have done it. work is called on different threads at
// the same time. What it refers to must live until then.
boost::asio::awaitable<void> on_every_shard(net::Network& network,
                                            std::function<void(core::Shard&)> work);

}  // namespace drawbridge::app
