// Writes what a NATS server says into a buffer. Strictly: capitals, one blank, CR LF; some client
// libraries match each line with a regular expression.
//
// Texts go out as they are: subjects, sids and replies came from the parser, so they hold no blank
// and no line end.
#pragma once

#include <string>
#include <string_view>

#include "broker/base/buffer.hpp"

namespace drawbridge::bridge {

constexpr std::string_view ping_line = "PING\r\n";
constexpr std::string_view pong_line = "PONG\r\n";
constexpr std::string_view ok_line = "+OK\r\n";

// The fields of INFO that we send. One that is empty or false where a client takes that for granted
// is left out.
struct ServerInfo {
    std::string server_id;    // another one at each start
    std::string server_name;  // with our own version
    std::string version;      // the nats-server that we are compatible with: "2.10.0"
    std::string host;
    std::uint16_t port = 0;
    std::size_t max_payload = 0;  // bytes
    std::uint64_t client_id = 0;  // of this connection
    std::string client_ip;
    std::string nonce;  // of this connection; empty: none
    bool auth_required = false;
    bool tls_required = false;
    bool tls_verify = false;
    bool tls_available = false;
    bool ldm = false;  // the notice of lame-duck mode
};

void append_info(Buffer& out, const ServerInfo& info);

// -ERR 'text'. text: one of nats-server's; many libraries close the connection on any other.
void append_error(Buffer& out, std::string_view text);

// A message as it is delivered. Everything is borrowed.
struct NatsMessage {
    std::string_view subject;
    std::string_view reply;  // empty: none
    Bytes header;            // a header block; empty: none
    Bytes payload;
};

// MSG, or HMSG if the message has a header: the line, header, payload and CR LF.
void append_message(Buffer& out, const NatsMessage& message, std::string_view sid);

// The line alone, for who sends header, payload and CR LF from elsewhere.
void append_message_line(Buffer& out, const NatsMessage& message, std::string_view sid);

// The status 503 to a request that reached nobody. reply: its reply subject; sid: of the
// requester's subscription that matches it.
void append_no_responders(Buffer& out, std::string_view reply, std::string_view sid);

}  // namespace drawbridge::bridge
