// NatsConnection: the network half of a NatsClient.
//
// Owner: the loop that accepted it.
#pragma once

#include "bridge/nats_client.hpp"
#include "bridge/pending_bytes.hpp"
#include "broker/net/connection.hpp"

namespace drawbridge::bridge {

class NatsConnection final : public net::Connection {
public:
    // number: of the connection. unread: its CONNECT, if it has sent one, and what came behind it.
    // pending: of this loop.
    NatsConnection(net::Loop& loop, net::Stream stream, Buffer unread, PendingBytes& pending,
                   const NatsSettings& settings, std::uint64_t number, core::IdentityPtr identity);

private:
    std::size_t take_in(Bytes bytes) override { return client_.receive(bytes); }
    bool is_admitted() const override { return true; }
    // Who does not read is read all the same: it is cut off by its bound, not slowed down.
    bool is_full() const override { return false; }
    void written(std::size_t sent) override { client_.written(sent); }
    void network_lost(std::string_view why) override { client_.lost(why); }
    void end_unfinished() override;

    NatsClient client_;
};

}  // namespace drawbridge::bridge
