// MqttConnection: an MQTT client: the network half of a session.
//
// Owner: the loop of its home shard.
#pragma once

#include "broker/core/connect_request.hpp"
#include "broker/net/connection.hpp"

namespace drawbridge::net {

class MqttConnection final : public Connection {
public:
    using Connection::Connection;

    // Asks the shard for admission.
    void begin(std::unique_ptr<core::ConnectRequest> request);

    void begin_probe() override;
    bool probe_answered() override;

private:
    std::size_t take_in(Bytes bytes) override;
    bool is_admitted() const override { return session != nullptr; }
    bool is_full() const override;
    void stream_broke(const std::string& why) override;
    void network_lost(std::string_view why) override;
    void end_unfinished() override;

    std::uint32_t segments_before_probe_ = 0;
};

}  // namespace drawbridge::net
