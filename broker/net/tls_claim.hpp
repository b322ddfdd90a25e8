// TlsClaim: who the peer of a TLS connection says it is, until the handshake has proved it: for the
// log, and for whoever counts failures.
//
// It hangs on OpenSSL's connection, which its callbacks are given, and goes with it or with drop().
// Threads: the connection's.
#pragma once

#include <string>

#include "broker/core/authenticator.hpp"
#include "broker/net/openssl.hpp"

namespace drawbridge::net {

struct TlsClaim {
    core::Credentials::Proof proof = core::Credentials::Proof::none;  // that it wants to give
    std::string name;
    std::string why_not;  // it cannot be true; "": perhaps it is
    int lookups = 0;      // of the name

    // Makes it at the first call.
    static TlsClaim& of(SSL* connection);
    static const TlsClaim* find(const SSL* connection);  // null if there is none
    static void drop(SSL* connection);
};

}  // namespace drawbridge::net
