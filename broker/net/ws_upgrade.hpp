// WsUpgrade: how a WebSocket begins: one HTTP request in, and the answer to it. RFC 6455,
// section 4.2; MQTT 5.0, section 6.
//
// Who is refused gets a proper HTTP answer in plain words, so that a browser shows what this port
// is. Extensions that a client offers are passed over, which is how they are declined.
//
// Limit: request_bytes_max for the request. Lives until the upgrade is done.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/base/buffer.hpp"

namespace drawbridge::net {

// What a listener asks of those who come over WebSocket.
struct WsRules {
    std::string path;                  // the one that is served; empty: any
    std::vector<std::string> origins;  // normal ones; empty: pages from anywhere may connect
};

// The origin of a page, as in "https://panel.example.com:8443", in the spelling in which two equal
// ones are equal: small letters, no port that its scheme means anyway. "null" is one, too (a page
// from a file). Empty: text is not an origin.
std::string normal_origin(std::string_view text);

class WsUpgrade {
public:
    static constexpr std::size_t request_bytes_max = 8u << 10;

    // rules must live longer.
    explicit WsUpgrade(const WsRules& rules) : rules_(rules) {}

    enum class Status { incomplete, done, refused };
    // Takes the request from the front of bytes, and appends the answer once it is complete. What
    // is left in bytes came behind the request.
    Status receive(Bytes& bytes, Buffer& answer);

    // Why it was refused, for the log.
    const std::string& failure() const { return failure_; }

private:
    Status answer_request(Buffer& answer);
    Status refuse(unsigned status, std::string_view sentence, Buffer& answer,
                  std::string_view more_fields = {});

    const WsRules& rules_;
    Buffer request_;  // so far
    std::string failure_;
    bool wants_body_ = true;  // a HEAD request does not
};

}  // namespace drawbridge::net
