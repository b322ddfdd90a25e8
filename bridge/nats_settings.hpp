// NatsSettings: what all NATS clients of this broker have in common. Fixed while it runs.
#pragma once

#include <cstdint>
#include <string>

#include "broker/base/clock.hpp"

namespace drawbridge::bridge {

struct NatsSettings {
    std::string server_id;  // another one at each start
    std::string host = "127.0.0.1";
    std::uint16_t port = 4222;
    bool allow_anonymous = false;
    bool tls_required = false;
    std::uint32_t max_payload = 1'048'576;         // bytes, with the header block
    std::uint32_t max_pending_bytes = 67'108'864;  // that one client has not read
    // The same of all clients together, divided among the shards; of one never less than a
    // client's.
    std::uint64_t max_pending_bytes_in_all = 268'435'456;
    milliseconds write_deadline = seconds(10);  // without a byte read by the client
    milliseconds ping_interval = seconds(120);
    std::uint32_t ping_max = 2;  // unanswered
    milliseconds auth_timeout = seconds(2);
};

}  // namespace drawbridge::bridge
