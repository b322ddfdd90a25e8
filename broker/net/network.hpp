// Network: the loops, and what all connections have in common.
//
// Threads: any, once started; what changes is atomic.
#pragma once

#include <algorithm>
#include <atomic>
#include <barrier>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/core/authenticator.hpp"
#include "broker/core/broker.hpp"
#include "broker/net/headcount.hpp"
#include "broker/net/listener.hpp"
#include "broker/net/loop.hpp"

namespace drawbridge::net {

// Bounds are for the whole broker; those on strangers and farewells are divided among the loops.
struct NetworkSettings {
    milliseconds connect_timeout{10'000};
    std::uint32_t max_connections = 100'000;        // clients
    std::uint32_t max_connections_per_address = 0;  // clients, and as many strangers; 0: no limit
    std::uint32_t max_handshakes = 4'096;           // strangers
    std::uint64_t max_handshake_bytes = 64u << 20;  // that strangers have sent
    std::uint32_t max_farewells = limits::farewells_max;
    std::uint32_t max_sockets = UINT32_MAX;  // all of these together
};

// What the network counts beside core::Stats. Written by any thread.
struct NetworkStats {
    std::atomic<std::uint64_t> refused_broker_full{0};
    std::atomic<std::uint64_t> refused_address_full{0};  // clients and strangers
    std::atomic<std::uint64_t> refused_locked_out{0};    // before TLS
    std::atomic<std::uint64_t> strangers_pushed_out{0};
    std::atomic<std::uint64_t> accept_pauses{0};
};

class Network {
public:
    Network(core::Broker& broker, core::Authenticator& authenticator,
            const NetworkSettings& settings);
    ~Network();

    // Opens a port. Before start(). tls: null for none, or if the greeter sees to it. ws: empty for
    // MQTT without WebSocket. Throws std::runtime_error.
    void listen(const std::string& name, const std::string& address, std::uint16_t port,
                std::shared_ptr<const CurrentTls> tls, std::optional<WsRules> ws,
                Greeter greeter = greet_mqtt());
    // One thread per shard; returns once all listeners accept.
    void start();
    // Tells the clients (5.0: server shutting down), then ends the threads.
    void stop();

    const NetworkSettings& settings() const { return settings_; }
    core::Authenticator& authenticator() { return authenticator_; }
    core::Broker& broker() { return broker_; }
    unsigned loops() const { return static_cast<unsigned>(loops_.size()); }
    Loop& loop(unsigned index) { return *loops_[index]; }

    Headcount& headcount() { return headcount_; }
    NetworkStats& stats() { return stats_; }
    // One loop's share of a bound: at least 1.
    std::size_t share_of(std::uint64_t bound) const {
        return std::max<std::size_t>(1, bound / broker_.shards());
    }

    // For the loops, which all call it as they end: waits until all have, and says to all the same:
    // whether one of them has mail.
    bool mail_is_left();

    // A listener cannot accept, or can again. However many there are and however often each tries,
    // the log has one line when the first stops and one when the last goes on.
    void accepting_paused(const std::string& why);
    void accepting_resumed();

private:
    core::Broker& broker_;
    core::Authenticator& authenticator_;
    const NetworkSettings settings_;
    Headcount headcount_;  // before the sockets, which have seats in it
    NetworkStats stats_;
    std::atomic<int> paused_{0};  // listeners
    std::barrier<> all_loops_;
    std::vector<std::unique_ptr<Loop>> loops_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::vector<std::unique_ptr<Listener>> listeners_;  // each port on each loop
    std::vector<std::thread> threads_;
};

}  // namespace drawbridge::net
