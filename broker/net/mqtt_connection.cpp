#include "broker/net/mqtt_connection.hpp"

#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"

namespace drawbridge::net {

void MqttConnection::begin(std::unique_ptr<core::ConnectRequest> request) {
    loop().shard().admit(*this, std::move(request));
}

std::size_t MqttConnection::take_in(Bytes bytes) { return loop().shard().receive(*this, bytes); }

bool MqttConnection::is_full() const {
    return output.size() > loop().shard().settings().limits.max_output_bytes;
}

void MqttConnection::stream_broke(const std::string& why) {
    if (session != nullptr && loop().may_log())
        log::info("client {} from {}: closed, {}", session->client_id(), address(), why);
}

void MqttConnection::network_lost(std::string_view why) { loop().shard().link_lost(*this, why); }

void MqttConnection::end_unfinished() {
    session->close({Reason::quota_exceeded, "limit max_unfinished_bytes"});
}

void MqttConnection::begin_probe() {
    segments_before_probe_ = stream().socket().segments_received();
    stream().socket().probe_peer(true);
}

bool MqttConnection::probe_answered() {
    if (stream().socket().segments_received() == segments_before_probe_) return false;
    stream().socket().probe_peer(false);
    return true;
}

}  // namespace drawbridge::net
