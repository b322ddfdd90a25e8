#include "broker/net/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>

#include <stdexcept>

namespace drawbridge::net {
namespace {

// Forward secrecy and authenticated encryption. TLS 1.3 knows nothing else.
constexpr const char* ciphers_of_tls_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* groups = "X25519:P-256";
constexpr int security_level = 2;  // 112 bits: RSA from 2048 bits on, no SHA-1

// A device comes back with one connection, and each resumption brings a fresh ticket. (OpenSSL's
// default of two is for browsers, which open several connections at once.)
constexpr std::size_t tickets_per_handshake = 1;

// The order of ciphers is the client's: all of ours are sound, and only a device knows whether AES
// or ChaCha20 is cheap for it.
constexpr std::uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;

void must(bool done) {
    if (!done) throw std::runtime_error("cannot set up TLS: " + openssl::take_reason_text());
}

void set_rules(SSL_CTX* context) {
    must(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    must(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
    must(SSL_CTX_set_cipher_list(context, ciphers_of_tls_1_2) == 1);
    must(SSL_CTX_set1_groups_list(context, groups) == 1);
    must(SSL_CTX_set_num_tickets(context, tickets_per_handshake) == 1);
    SSL_CTX_set_security_level(context, security_level);
    SSL_CTX_set_options(context, options);
    // Sessions are resumed by tickets, which the clients keep; the broker remembers none.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // An idle connection gives its two record buffers of 16 KiB back.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

}  // namespace

TlsContext::TlsContext(const std::filesystem::path& chain, const std::filesystem::path& private_key)
    : context_(SSL_CTX_new(TLS_server_method())) {
    ERR_clear_error();
    must(context_ != nullptr);
    set_rules(context_.get());

    const openssl::Certificate certificate = openssl::read_certificate(chain);
    const openssl::Key key = openssl::read_key(private_key);
    if (X509_check_private_key(certificate.get(), key.get()) != 1) {
        ERR_clear_error();
        throw std::runtime_error(
            fmt::format("the private key {} does not belong to the certificate {}",
                        private_key.native(), chain.native()));
    }
    if (SSL_CTX_use_certificate_chain_file(context_.get(), chain.c_str()) != 1)
        throw std::runtime_error(fmt::format("cannot use the certificate {}: {}", chain.native(),
                                             openssl::take_reason_text()));
    if (SSL_CTX_use_PrivateKey(context_.get(), key.get()) != 1)
        throw std::runtime_error(fmt::format("cannot use the private key {}: {}",
                                             private_key.native(), openssl::take_reason_text()));
}

}  // namespace drawbridge::net
