// MqttHandshake: a stranger on its way to be an MQTT client: reads its CONNECT, and sends it home
// to the shard of its client id.
//
// Bound: limits::connect_bytes_max for the packet.
#pragma once

#include <memory>

#include "broker/core/connect_request.hpp"
#include "broker/net/handshake.hpp"

namespace drawbridge::net {

class MqttHandshake final : public Handshake {
public:
    using Handshake::Handshake;

private:
    void read() override;
    void answer(core::AuthAnswer answer) override;
    void timed_out() override { end("no CONNECT within connect_timeout"); }
    void note_refused(std::string_view why) override;
    std::size_t bytes_held() const override { return Handshake::bytes_held() + connect_bytes_; }

    void show_credentials();
    void refuse(wire::Version version, Reason reason, std::string_view why);

    std::unique_ptr<core::ConnectRequest> request_;  // while it is being authenticated
    std::size_t connect_bytes_ = 0;                  // of request_
};

}  // namespace drawbridge::net
