// Network: the loops, and what all connections have in common.
//
// Threads: any, once started; what changes is atomic.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/core/authenticator.hpp"
#include "broker/core/broker.hpp"
#include "broker/net/listener.hpp"
#include "broker/net/loop.hpp"

namespace drawbridge::net {

struct NetworkSettings {
    milliseconds connect_timeout{10'000};
    std::uint32_t max_connections = 100'000;
};

class Network {
public:
    Network(core::Broker& broker, core::Authenticator& authenticator,
            const NetworkSettings& settings);
    ~Network();

    // Opens a port. Before start(). tls: null for none. ws: empty for MQTT without WebSocket.
    // Throws std::runtime_error.
    void listen(const std::string& name, const std::string& address, std::uint16_t port,
                std::shared_ptr<const TlsContext> tls, std::optional<WsRules> ws);
    // One thread per shard; returns once all listeners accept.
    void start();
    // Tells the clients (5.0: server shutting down), then ends the threads.
    void stop();

    const NetworkSettings& settings() const { return settings_; }
    core::Authenticator& authenticator() { return authenticator_; }
    core::Broker& broker() { return broker_; }
    unsigned loops() const { return static_cast<unsigned>(loops_.size()); }
    Loop& loop(unsigned index) { return *loops_[index]; }

    // Counts a connection in; false if there are max_connections already.
    bool count_in();
    void count_out() { connections_.fetch_sub(1, std::memory_order_relaxed); }

private:
    core::Broker& broker_;
    core::Authenticator& authenticator_;
    const NetworkSettings settings_;
    std::atomic<std::uint32_t> connections_{0};
    std::vector<std::unique_ptr<Loop>> loops_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::vector<std::unique_ptr<Listener>> listeners_;  // each port on each loop
    std::vector<std::thread> threads_;
};

}  // namespace drawbridge::net
