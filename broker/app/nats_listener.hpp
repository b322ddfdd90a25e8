// The listener for NATS clients, as it is configured.
#pragma once

#include <memory>

#include "bridge/nats_server.hpp"
#include "broker/app/configuration.hpp"
#include "broker/app/tls_files.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::app {

// Null if it is off, or if nobody has asked for it and something else listens there: then the log
// says so. Must live as long as the network. Throws std::runtime_error.
std::unique_ptr<bridge::NatsServer> listen_for_nats(const NatsConfiguration& nats,
                                                    TlsFiles& tls_files, net::Network& network);

}  // namespace drawbridge::app
