// NatsServer: the listener for NATS clients, on all loops.
//
// Owner: the app; it outlives the network's loops.
#pragma once

#include <memory>
#include <vector>

#include "bridge/nats_settings.hpp"
#include "bridge/pending_bytes.hpp"
#include "broker/net/current_tls.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::bridge {

class NatsServer {
public:
    NatsServer(const NatsSettings& settings, unsigned loops);

    // Opens the port. Before the network's start(). tls: null for none. Throws std::runtime_error.
    void listen(net::Network& network, std::shared_ptr<const net::CurrentTls> tls);

private:
    const NatsSettings settings_;
    std::vector<PendingBytes> pending_;  // by loop
};

}  // namespace drawbridge::bridge
