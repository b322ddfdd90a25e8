// What a NATS client says in CONNECT.
//
// Limits: the text is at most a control line; it nests no deeper than 32 levels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drawbridge::bridge {

// With the defaults of nats-server, which hold for a client that sends no CONNECT as well.
struct ConnectOptions {
    bool verbose = true;   // wants +OK
    bool pedantic = true;  // wants to hear of subjects that are not valid to publish to
    bool echo = true;      // gets its own messages
    bool headers = false;  // understands HMSG, may send HPUB
    bool no_responders = false;
    bool tls_required = false;
    std::int64_t protocol = 0;  // 1: understands INFO at any time
    std::string name;
    std::string lang;
    std::string version;
    std::string auth_token;
    std::string user;
    std::string pass;
    std::string nkey;
    std::string sig;
    std::string jwt;
    std::string account;  // named: refused by nats-server with an authorization violation
    bool new_account = false;
};

// Reads the argument of CONNECT. Fields that we do not know are skipped, null is no value. Nothing
// if it is no JSON object or a field has the wrong type: the connection is closed without -ERR.
std::optional<ConnectOptions> read_connect(std::string_view json);

// The text of the -ERR before the connection is closed, if the options contradict each other or
// speak another protocol; else "".
std::string_view error_text(const ConnectOptions& options);

}  // namespace drawbridge::bridge
