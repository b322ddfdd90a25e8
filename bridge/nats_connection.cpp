#include "bridge/nats_connection.hpp"

#include "broker/net/loop.hpp"

namespace drawbridge::bridge {

NatsConnection::NatsConnection(net::Loop& loop, net::Stream stream, Buffer unread,
                               PendingBytes& pending, const NatsSettings& settings,
                               std::uint64_t number, core::IdentityPtr identity)
    : Connection(loop, std::move(stream), std::move(unread), true),
      pending_(pending),
      client_(loop.shard(), *this, settings, number, std::move(identity)) {}

NatsConnection::~NatsConnection() { pending_.set(*this, 0); }

void NatsConnection::written() {
    client_.written();
    pending_.set(*this, output.size());
}

void NatsConnection::cut_off_as_slow() { client_.close_as_slow(); }

void NatsConnection::end_unfinished() {
    client_.close("", "it leaves too much unfinished (max_unfinished_bytes)");
}

}  // namespace drawbridge::bridge
