// ConnectRequest: a CONNECT that has been read and authenticated, with its bytes, on its way to the
// home shard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/base/result.hpp"
#include "broker/core/authenticator.hpp"
#include "broker/core/settings.hpp"
#include "broker/wire/packet.hpp"

namespace drawbridge::core {

class ConnectRequest {
public:
    // body: of the CONNECT packet. Fails as decode_connect() does.
    static Result<std::unique_ptr<ConnectRequest>> read(std::uint8_t flags, Bytes body);

    ConnectRequest(const ConnectRequest&) = delete;
    ConnectRequest& operator=(const ConnectRequest&) = delete;

    const wire::ConnectView& view() const { return view_; }
    Credentials credentials(std::string_view address) const;

    std::string client_id;            // as sent, or assigned
    bool client_id_assigned = false;  // to be told in CONNACK (MQTT-3.2.2-16)
    IdentityPtr identity;             // set once authenticated

private:
    explicit ConnectRequest(Bytes body) : body_(body.begin(), body.end()) {}

    std::vector<std::uint8_t> body_;
    wire::ConnectView view_;  // into body_
};

// What can be refused before anybody is asked who it is: an empty client id that must not be
// assigned (MQTT311-3.1.3-8), an authentication method (MQTT5-4.12.0-1). success: go on.
Reason refuse_early(const wire::ConnectView& connect);

// Appends the CONNACK that refuses, in the words of the version.
void append_refusal(wire::Version version, Reason reason, Buffer& out);
// The same to a client that has shown who it is, and may be told why (5.0: Reason String).
void append_refusal(const wire::ConnectView& connect, Reason reason, std::string_view why,
                    Buffer& out);

}  // namespace drawbridge::core
