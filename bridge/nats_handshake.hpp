// NatsHandshake: a stranger on its way to be a NATS client: is told INFO, begins TLS if that is
// wanted, and shows its CONNECT.
//
// Nothing else is sent before the client is let in: the libraries take the first line after their
// CONNECT for the answer.
#pragma once

#include "bridge/nats_connect.hpp"
#include "bridge/nats_settings.hpp"
#include "bridge/pending_bytes.hpp"
#include "broker/net/current_tls.hpp"
#include "broker/net/handshake.hpp"

namespace drawbridge::bridge {

class NatsHandshake final : public net::Handshake {
public:
    // tls: null for none.
    NatsHandshake(net::Loop& loop, std::uint64_t number, net::Stream stream,
                  const NatsSettings& settings, std::shared_ptr<const net::TlsContext> tls,
                  PendingBytes& pending);

    bool begin() override;
    void ready(std::uint32_t events) override;

private:
    void read() override;
    void answer(core::AuthAnswer answer) override;
    void timed_out() override;
    void note_refused(std::string_view why) override;

    void show_credentials();
    // With -ERR 'text', unless that is empty. why: for the audit and the log.
    void refuse(std::string_view text, std::string_view why);
    void say_no(std::string_view text, std::string_view why);

    const NatsSettings& settings_;
    const std::shared_ptr<const net::TlsContext> tls_;
    PendingBytes& pending_;
    ConnectOptions options_;
    bool begun_ = false;  // TLS, or without it
};

}  // namespace drawbridge::bridge
