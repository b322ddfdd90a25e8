#include "broker/net/network.hpp"

#include "broker/base/log.hpp"
#include "broker/net/farewell.hpp"
#include "broker/net/handshake.hpp"
#include "broker/net/mqtt_connection.hpp"
#include "broker/net/socket.hpp"
#include "broker/net/wslay.hpp"

namespace drawbridge::net {

Network::Network(core::Broker& broker, core::Authenticator& authenticator,
                 const NetworkSettings& settings)
    : broker_(broker),
      authenticator_(authenticator),
      settings_(settings),
      headcount_({.clients_max = settings.max_connections,
                  .clients_per_network_max = settings.max_connections_per_address,
                  .sockets_max = settings.max_sockets}),
      all_loops_(broker.shards()) {
    for (unsigned index = 0; index < broker.shards(); ++index)
        loops_.push_back(std::make_unique<Loop>(*this, broker.shard(index)));
}

Network::~Network() { stop(); }

void Network::listen(const std::string& name, const std::string& address, std::uint16_t port,
                     std::shared_ptr<const CurrentTls> tls, std::optional<WsRules> ws,
                     Greeter greeter) {
    if (ws) wslay();
    ports_.push_back(std::make_unique<Port>(name, listen_on(address, port), std::move(greeter),
                                            std::move(tls), std::move(ws)));
    for (const auto& loop : loops_) {
        listeners_.push_back(std::make_unique<Listener>(*loop, *ports_.back()));
        listeners_.back()->open();
    }
}

void Network::start() {
    for (const auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
}

void Network::stop() {
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    listeners_.clear();
}

bool Network::mail_is_left() {
    all_loops_.arrive_and_wait();  // nobody mails any more
    bool left = false;
    for (unsigned index = 0; index < broker_.shards(); ++index)
        left |= broker_.shard(index).mailbox().has_mail();
    all_loops_.arrive_and_wait();  // all have looked
    return left;
}

void Network::accepting_paused(const std::string& why) {
    if (paused_.fetch_add(1) > 0) return;
    stats_.accept_pauses.fetch_add(1, std::memory_order_relaxed);
    log::error("new connections have to wait: {}", why);
}

void Network::accepting_resumed() {
    if (paused_.fetch_sub(1) == 1) log::info("new connections are accepted again");
}

}  // namespace drawbridge::net
