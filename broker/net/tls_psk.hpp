// TLS-PSK beside certificates, in TLS 1.2 (RFC 4279, 5487, 7905) and 1.3 (RFC 8446,
// section 4.2.11).
//
// A client that offers PSKs gets PSK; the others do not notice. The identity is proved by the
// handshake and written into the session, and so into its ticket: whoever resumes has the proof of
// the first handshake, as long as the same PSK is in force.
// Threads: the connection's. Limit: lookups_max for each handshake, whatever the client offers.
#pragma once

#include <optional>
#include <string>

#include "broker/core/psk_source.hpp"
#include "broker/net/openssl.hpp"

namespace drawbridge::net::tls_psk {

// The ciphers of TLS 1.2, best first: forward secrecy, then what the smallest devices can do. They
// stand before those with certificates.
constexpr const char* ciphers_of_tls_1_2 =
    "ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES128-GCM-SHA256:DHE-PSK-CHACHA20-POLY1305:"
    "DHE-PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256:PSK-CHACHA20-POLY1305:"
    "PSK-AES256-GCM-SHA384:PSK-AES128-CCM";

// The PSKs must outlive all connections of the context. Throws std::runtime_error.
void serve(SSL_CTX* context, core::PskSource& psks);

// Whose PSK a session was made with.
struct Proved {
    std::string identity;
    std::string key_id;
};
std::optional<Proved> proved_by(const SSL_SESSION* session);

// May a session of this connection's context be resumed: was it made without a PSK, or with one
// that is in force?
bool may_resume(SSL* connection, const SSL_SESSION* session);

}  // namespace drawbridge::net::tls_psk
