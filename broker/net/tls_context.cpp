#include "broker/net/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>

#include <stdexcept>
#include <string>

#include "broker/net/tls_psk.hpp"

namespace drawbridge::net {
namespace {

// Forward secrecy and authenticated encryption. TLS 1.3 knows nothing else.
constexpr const char* ciphers_of_tls_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";
// Sessions are resumed where they were made; each context has ticket keys of its own.
constexpr unsigned char session_context[] = "drawbridge";
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

// Is a session, from its ticket, as good as a new one would be?
SSL_TICKET_RETURN see_ticket(SSL* connection, SSL_SESSION* session, const unsigned char*,
                             std::size_t, SSL_TICKET_STATUS status, void*) noexcept {
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (!has_current_certificate(session) || !tls_psk::may_resume(connection, session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

void set_rules(SSL_CTX* context) {
    must(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    must(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
    must(SSL_CTX_set1_groups_list(context, groups) == 1);
    must(SSL_CTX_set_num_tickets(context, tickets_per_handshake) == 1);
    SSL_CTX_set_security_level(context, security_level);
    SSL_CTX_set_options(context, options);
    // Sessions are resumed by tickets, which the clients keep; the broker remembers none.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    must(SSL_CTX_set_session_id_context(context, session_context, sizeof session_context) == 1);
    must(SSL_CTX_set_session_ticket_cb(context, nullptr, see_ticket, nullptr) == 1);
    // An idle connection gives its two record buffers of 16 KiB back.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    // The chain is what its file holds, and not looked for among the CAs of clients.
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
}

void use_certificate(SSL_CTX* context, const TlsRules& rules, X509* certificate) {
    const openssl::Key key = openssl::read_key(rules.private_key);
    if (X509_check_private_key(certificate, key.get()) != 1) {
        ERR_clear_error();
        throw std::runtime_error(
            fmt::format("the private key {} does not belong to the certificate {}",
                        rules.private_key.native(), rules.chain.native()));
    }
    if (SSL_CTX_use_certificate_chain_file(context, rules.chain.c_str()) != 1)
        throw std::runtime_error(fmt::format("cannot use the certificate {}: {}",
                                             rules.chain.native(), openssl::take_reason_text()));
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
        throw std::runtime_error(fmt::format("cannot use the private key {}: {}",
                                             rules.private_key.native(),
                                             openssl::take_reason_text()));
}

}  // namespace

TlsContext::TlsContext(const TlsRules& rules) : context_(SSL_CTX_new(TLS_server_method())) {
    ERR_clear_error();
    must(context_ != nullptr);
    set_rules(context_.get());
    std::string ciphers = ciphers_of_tls_1_2;
    if (rules.psks != nullptr) {
        ciphers = fmt::format("{}:{}", tls_psk::ciphers_of_tls_1_2, ciphers);
        tls_psk::serve(context_.get(), *rules.psks);
    }
    must(SSL_CTX_set_cipher_list(context_.get(), ciphers.c_str()) == 1);

    const openssl::Certificate certificate = openssl::read_certificate(rules.chain);
    use_certificate(context_.get(), rules, certificate.get());
    certificate_end_ = openssl::to_time(X509_get0_notAfter(certificate.get()));
    if (!rules.clients.ca.empty()) crl_end_ = rules.clients.ask(context_.get());
}

}  // namespace drawbridge::net
