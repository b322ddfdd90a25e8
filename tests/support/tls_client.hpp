// TlsClient: the other end of a TlsEngine: OpenSSL's own client on memory BIOs, without a socket.
//
// Ciphertext goes in by take() and comes out by output(); whoever holds both ends carries it over.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>

#include "broker/base/bytes.hpp"
#include "broker/net/openssl.hpp"

namespace drawbridge::test {

using namespace net;  // what is tested

class TlsClient {
public:
    // version: TLS1_3_VERSION and the like, the only one that is offered.
    explicit TlsClient(int version) : context_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_set_security_level(context_.get(), 0);  // so that it can offer what must be refused
        SSL_CTX_set_min_proto_version(context_.get(), version);
        SSL_CTX_set_max_proto_version(context_.get(), version);
        SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(context_.get(), remember_session);
        SSL_CTX_set_keylog_callback(context_.get(), remember_secret);
        connection_.reset(SSL_new(context_.get()));
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        if (!connection_ || in_ == nullptr || out_ == nullptr) throw std::bad_alloc();
        BIO_set_mem_eof_return(in_, -1);  // empty: come back later
        SSL_set_bio(connection_.get(), in_, out_);
        SSL_set_connect_state(connection_.get());
        SSL_set_app_data(connection_.get(), this);
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;
    ~TlsClient() { SSL_SESSION_free(session_); }

    SSL* native() { return connection_.get(); }

    // From now on it trusts only this CA, and only a server of this DNS name or address at this
    // time.
    void trust(const std::string& ca_file, const std::string& server, std::time_t time) {
        if (SSL_CTX_load_verify_file(context_.get(), ca_file.c_str()) != 1)
            throw std::runtime_error("cannot read " + ca_file);
        X509_VERIFY_PARAM* rules = SSL_get0_param(connection_.get());
        X509_VERIFY_PARAM_set_time(rules, time);
        X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT);
        if (X509_VERIFY_PARAM_set1_ip_asc(rules, server.c_str()) != 1)
            X509_VERIFY_PARAM_set1_host(rules, server.c_str(), server.size());
        SSL_set_verify(connection_.get(), SSL_VERIFY_PEER, nullptr);
    }

    // Takes the handshake as far as it goes with what has been taken.
    void step() {
        ERR_clear_error();
        if (SSL_do_handshake(connection_.get()) != 1) note_failure();
    }

    void take(Bytes ciphertext) {
        if (!ciphertext.empty())
            BIO_write(in_, ciphertext.data(), static_cast<int>(ciphertext.size()));
    }

    // What it has to send. Empties it.
    std::string output() {
        std::string ciphertext(BIO_ctrl_pending(out_), '\0');
        if (!ciphertext.empty())
            BIO_read(out_, ciphertext.data(), static_cast<int>(ciphertext.size()));
        return ciphertext;
    }

    void write(std::string_view plaintext) {
        std::size_t written = 0;
        ERR_clear_error();
        if (SSL_write_ex(connection_.get(), plaintext.data(), plaintext.size(), &written) != 1)
            throw std::runtime_error("the client cannot write: " + openssl::take_reason_text());
    }

    // All plaintext that has arrived.
    std::string read() {
        std::string plaintext;
        std::array<char, 4096> part;
        std::size_t size = 0;
        ERR_clear_error();
        while (SSL_read_ex(connection_.get(), part.data(), part.size(), &size) == 1)
            plaintext.append(part.data(), size);
        note_failure();
        return plaintext;
    }

    void close() { SSL_shutdown(connection_.get()); }

    bool handshake_done() const { return SSL_is_init_finished(connection_.get()) == 1; }
    bool peer_closed() const {
        return (SSL_get_shutdown(connection_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    }
    bool resumed() const { return SSL_session_reused(connection_.get()) == 1; }

    // The session of the newest ticket; null before the first. Lives as long as the client.
    SSL_SESSION* session() const { return session_; }
    void resume(SSL_SESSION* session) { SSL_set_session(connection_.get(), session); }

    // What went wrong, in OpenSSL's words; empty: nothing yet.
    const std::string& failure() const { return failure_; }

    // The secrets of the connection, as lines in the format of NSS key logs.
    const std::string& secrets() const { return secrets_; }

private:
    static TlsClient& of(const SSL* connection) {
        return *static_cast<TlsClient*>(SSL_get_app_data(connection));
    }
    static int remember_session(SSL* connection, SSL_SESSION* session) {
        SSL_SESSION_free(of(connection).session_);
        of(connection).session_ = session;
        return 1;  // the reference is ours now
    }
    static void remember_secret(const SSL* connection, const char* line) {
        of(connection).secrets_.append(line).append("\n");
    }
    void note_failure() {
        const unsigned long error = ERR_peek_error();
        if (error != 0 && failure_.empty()) failure_ = openssl::reason_text(error);
        ERR_clear_error();
    }

    openssl::Context context_;
    openssl::Connection connection_;
    BIO* in_ = nullptr;   // owned by connection_
    BIO* out_ = nullptr;  // owned by connection_
    SSL_SESSION* session_ = nullptr;
    std::string failure_;
    std::string secrets_;
};

}  // namespace drawbridge::test
