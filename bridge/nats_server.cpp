#include "bridge/nats_server.hpp"

#include <algorithm>

#include "bridge/nats_handshake.hpp"
#include "broker/net/loop.hpp"

namespace drawbridge::bridge {

NatsServer::NatsServer(const NatsSettings& settings, unsigned loops)
    : settings_(settings),
      pending_(loops, PendingBytes(std::max<std::size_t>(
                          settings.max_pending_bytes, settings.max_pending_bytes_in_all / loops))) {
}

void NatsServer::listen(net::Network& network, std::shared_ptr<const net::CurrentTls> tls) {
    const auto greet = [this, tls](net::Loop& loop, std::uint64_t number, net::Stream stream) {
        return std::make_unique<NatsHandshake>(loop, number, std::move(stream), settings_,
                                               tls ? tls->get() : nullptr,
                                               pending_[loop.shard().index()]);
    };
    network.listen("nats", settings_.host, settings_.port, nullptr, {}, greet);
}

}  // namespace drawbridge::bridge
