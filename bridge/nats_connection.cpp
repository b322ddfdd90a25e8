#include "bridge/nats_connection.hpp"

#include "broker/net/loop.hpp"

namespace drawbridge::bridge {

NatsConnection::NatsConnection(net::Loop& loop, net::Stream stream, Buffer unread,
                               PendingBytes& pending, const NatsSettings& settings,
                               std::uint64_t number, core::IdentityPtr identity)
    : Connection(loop, std::move(stream), std::move(unread), true),
      client_(loop.shard(), *this, pending, settings, number, std::move(identity)) {}

void NatsConnection::end_unfinished() {
    client_.close("", "it leaves too much unfinished (max_unfinished_bytes)");
}

}  // namespace drawbridge::bridge
