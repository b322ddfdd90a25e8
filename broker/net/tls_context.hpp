// TlsContext: what all TLS connections of a listener have in common: certificate, key, and rules.
//
// TLS 1.2 and 1.3, authenticated encryption only. It never changes once it is made; new certificate
// files mean a new context, while connections of the old one live on with it. That is why listeners
// hold it as std::shared_ptr<const TlsContext>; each connection keeps OpenSSL's half alive by
// itself.
//
// Threads: any, once it is made.
#pragma once

#include <filesystem>

#include "broker/net/openssl.hpp"

namespace drawbridge::net {

class TlsContext {
public:
    // chain: PEM, the server's certificate first, then those of the CAs in between. Throws
    // std::runtime_error: one sentence that names the file and what is wrong with it.
    TlsContext(const std::filesystem::path& chain, const std::filesystem::path& private_key);

    // Never null.
    SSL_CTX* native() const { return context_.get(); }

private:
    openssl::Context context_;
};

}  // namespace drawbridge::net
