// Client certificates: who may issue them, which are revoked, and whose name they hold.
//
// Verified in the handshake; what the name means is decided at CONNECT. Threads: any.
// Limits: certificate_bytes_max and chain_depth_max, before anything is verified.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "broker/base/clock.hpp"
#include "broker/net/openssl.hpp"

namespace drawbridge::net {

// Which part of a certificate names the device.
enum class CertificateName {
    common_name,  // of the subject
    san_uri,      // the end of the one URI among the subject's alternative names
};

struct ClientCertificates {
    std::filesystem::path ca;   // PEM; all its certificates are trusted. Empty: nobody is asked
    std::filesystem::path crl;  // PEM; one list for each CA that issues. Empty: none is revoked
    CertificateName name = CertificateName::common_name;
    bool required = false;  // from everybody who does not prove a PSK

    // Makes the context ask for them. Returns when the first list runs out, if one does: from then
    // on no certificate of its CA is good. Throws std::runtime_error: one sentence with the file.
    std::optional<WallTime> ask(SSL_CTX* context) const;
};

// The name in the certificate that this connection's peer has proved to be its own; "" if it holds
// none, or more than one. Nothing if it has not shown any.
std::optional<std::string> proved_name(const SSL* connection);

// Is the certificate that a session was made with, if any, still valid by its dates?
bool has_current_certificate(const SSL_SESSION* session);

}  // namespace drawbridge::net
