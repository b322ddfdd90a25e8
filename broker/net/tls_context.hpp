// TlsContext: what all TLS connections of a listener have in common: certificate, key, what clients
// may prove, and rules.
//
// TLS 1.2 and 1.3, authenticated encryption only. It never changes once it is made; new files mean
// a new context (CurrentTls), while connections of the old one live on with it; each keeps
// OpenSSL's half alive by itself. Each context has ticket keys of its own: a session that one has
// agreed upon is not resumed by another, so what is verified by new rules is verified anew.
//
// Threads: any, once it is made.
#pragma once

#include <filesystem>
#include <optional>

#include "broker/base/clock.hpp"
#include "broker/core/psk_source.hpp"
#include "broker/net/client_certificates.hpp"
#include "broker/net/openssl.hpp"

namespace drawbridge::net {

struct TlsRules {
    std::filesystem::path chain;  // PEM, the server's certificate first, then the CAs in between
    std::filesystem::path private_key;
    ClientCertificates clients;
    core::PskSource* psks = nullptr;  // null: no TLS-PSK. Outlives all connections
};

class TlsContext {
public:
    // Throws std::runtime_error: one sentence that names the file and what is wrong with it.
    explicit TlsContext(const TlsRules& rules);
    TlsContext(const std::filesystem::path& chain, const std::filesystem::path& private_key)
        : TlsContext(TlsRules{chain, private_key, {}, nullptr}) {}

    // Never null.
    SSL_CTX* native() const { return context_.get(); }

    // When the server's certificate ends.
    WallTime certificate_end() const { return certificate_end_; }
    // When the first list of revoked certificates runs out; nothing if none does.
    std::optional<WallTime> crl_end() const { return crl_end_; }

private:
    openssl::Context context_;
    WallTime certificate_end_;
    std::optional<WallTime> crl_end_;
};

}  // namespace drawbridge::net
