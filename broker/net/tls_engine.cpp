#include "broker/net/tls_engine.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "broker/base/assert.hpp"
#include "broker/net/client_certificates.hpp"
#include "broker/net/tls_claim.hpp"
#include "broker/net/tls_psk.hpp"

namespace drawbridge::net {
namespace {

constexpr std::size_t record_bytes_max = SSL3_RT_MAX_PLAIN_LENGTH;

// Key updates, and requests for a renegotiation (TLS 1.2), in one receive(). New keys are for after
// many millions of records (RFC 8446, section 5.5), but a key update is some 30 bytes and takes us
// some 60 us, and OpenSSL 3.0 takes any number of them: a flood of them would keep the thread for
// most of a second with each read.
constexpr int requests_max = 4;
// Each is answered. Who has so much waiting for it and goes on asking does not read the answers.
constexpr std::size_t waiting_bytes_max = 256u << 10;

// What OpenSSL may read and write, for the length of one call. The connection's BIO points here and
// to nothing in between, so an engine can be moved at will.
class Exchange {
public:
    Exchange(SSL* connection, Bytes in, Buffer& out)
        : bio_(SSL_get_rbio(connection)), in_(in), out_(out) {
        ERR_clear_error();
        BIO_set_data(bio_, this);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange() { BIO_set_data(bio_, nullptr); }

    static Exchange& of(BIO* bio) {
        auto* exchange = static_cast<Exchange*>(BIO_get_data(bio));
        ASSERT(exchange != nullptr);
        return *exchange;
    }

    void count_request() { ++requests_; }
    bool too_many_requests() const {
        return requests_ > requests_max || (requests_ > 0 && out_.size() > waiting_bytes_max);
    }

    std::size_t read(void* target, std::size_t size_max) {
        const std::size_t size = std::min(size_max, in_.size());
        if (size > 0) std::memcpy(target, in_.data(), size);
        in_ = in_.subspan(size);
        return size;
    }

    void write(Bytes bytes) { out_.append(bytes); }

private:
    BIO* bio_;
    Bytes in_;
    Buffer& out_;
    int requests_ = 0;
};

int read_bio(BIO* bio, char* target, int size_max) noexcept {
    BIO_clear_retry_flags(bio);
    if (Exchange::of(bio).too_many_requests()) return -1;  // and no retry: a failure
    const std::size_t size = Exchange::of(bio).read(target, static_cast<std::size_t>(size_max));
    if (size > 0) return static_cast<int>(size);
    BIO_set_retry_read(bio);  // "come back later", and not "end of file"
    return -1;
}

int write_bio(BIO* bio, const char* source, int size) noexcept {
    Exchange::of(bio).write(as_bytes({source, static_cast<std::size_t>(size)}));
    return size;
}

long control_bio(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH; }

// OpenSSL shows every message, and the headers of all records.
void see_message(int is_sent, int, int content_type, const void* message, std::size_t size,
                 SSL* connection, void*) noexcept {
    const bool asks_for_keys = is_sent == 0 && content_type == SSL3_RT_HANDSHAKE && size > 0 &&
                               *static_cast<const std::uint8_t*>(message) == SSL3_MT_KEY_UPDATE;
    // Except a request for a renegotiation; but it shows our "no".
    const bool refuses_renegotiation =
        is_sent == 1 && content_type == SSL3_RT_ALERT && size == 2 &&
        static_cast<const std::uint8_t*>(message)[1] == SSL_AD_NO_RENEGOTIATION;
    if (asks_for_keys || refuses_renegotiation)
        Exchange::of(SSL_get_rbio(connection)).count_request();
}

// The first that depends on the PSK did not fit: the binder in TLS 1.3, Finished in 1.2.
bool is_of_wrong_psk(unsigned long error) {
    const int reason = ERR_GET_REASON(error);
    return ERR_GET_LIB(error) == ERR_LIB_SSL &&
           (reason == SSL_R_BINDER_DOES_NOT_VERIFY || reason == SSL_R_DIGEST_CHECK_FAILED ||
            reason == SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
}

// Made once and never freed: connections may outlive every static.
const BIO_METHOD* bio_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "exchange");
        if (made == nullptr) throw std::bad_alloc();
        BIO_meth_set_read(made, read_bio);
        BIO_meth_set_write(made, write_bio);
        BIO_meth_set_ctrl(made, control_bio);
        return made;
    }();
    return method;
}

}  // namespace

TlsEngine::TlsEngine(const TlsContext& context) : connection_(SSL_new(context.native())) {
    BIO* bio = BIO_new(bio_method());
    if (connection_ == nullptr || bio == nullptr) {
        BIO_free(bio);
        throw std::bad_alloc();
    }
    SSL_set_bio(connection_.get(), bio, bio);
    SSL_set_accept_state(connection_.get());
    SSL_set_msg_callback(connection_.get(), see_message);
}

TlsStatus TlsEngine::receive(Bytes ciphertext, Buffer& plain, Buffer& cipher) {
    if (failed_) return TlsStatus::failed;
    // Room for all of it at once: plaintext is shorter than its ciphertext, but for the one record
    // that OpenSSL may have the beginning of.
    std::size_t end = plain.size();
    plain.grow(ciphertext.size() + record_bytes_max);

    Exchange exchange(connection_.get(), ciphertext, cipher);
    int result = 0;
    do {
        std::size_t size = 0;
        ASSERT(end < plain.size());
        result = SSL_read_ex(connection_.get(), plain.data() + end, plain.size() - end, &size);
        end += size;
        // Plaintext proves it too, where a key update in the same bytes has begun and not ended.
        if (result == 1 || SSL_is_init_finished(connection_.get()) == 1) {
            if (!handshake_done_) TlsClaim::drop(connection_.get());
            handshake_done_ = true;
        }
    } while (result == 1);
    plain.shrink_to(end);
    if (exchange.too_many_requests()) {
        const bool has_key_updates = SSL_version(connection_.get()) >= TLS1_3_VERSION;
        error_ = ERR_PACK(ERR_LIB_SSL, 0,
                          has_key_updates ? SSL_R_TOO_MANY_KEY_UPDATES : SSL_R_NO_RENEGOTIATION);
        failed_ = true;
        return TlsStatus::failed;
    }
    return status_after(result);
}

TlsStatus TlsEngine::send(Bytes plaintext, Buffer& cipher) {
    if (failed_) return TlsStatus::failed;
    ASSERT(handshake_done_);
    if ((SSL_get_shutdown(connection_.get()) & SSL_SENT_SHUTDOWN) != 0) return TlsStatus::closed;
    if (plaintext.empty()) return TlsStatus::ok;

    const Exchange exchange(connection_.get(), {}, cipher);
    std::size_t size = 0;
    if (SSL_write_ex(connection_.get(), plaintext.data(), plaintext.size(), &size) == 1)
        return TlsStatus::ok;
    // Writing waits for reading only in the middle of a key update that the peer has cut in two
    // records. No client does that by accident, and what we have to say shall not wait for it.
    error_ = ERR_peek_last_error();
    failed_ = true;
    return TlsStatus::failed;
}

void TlsEngine::close(Buffer& cipher) {
    if (failed_ || !handshake_done_) return;
    const Exchange exchange(connection_.get(), {}, cipher);
    SSL_shutdown(connection_.get());
}

// Call with the exchange still open, after SSL_read_ex.
TlsStatus TlsEngine::status_after(int result) {
    switch (SSL_get_error(connection_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return TlsStatus::ok;
        case SSL_ERROR_ZERO_RETURN:
            return TlsStatus::closed;
        default:
            break;
    }
    error_ = ERR_peek_last_error();
    failed_ = true;
    return TlsStatus::failed;
}

std::string TlsEngine::failure() const {
    const TlsClaim* claim = TlsClaim::find(connection_.get());
    if (claim != nullptr && !claim->why_not.empty()) return claim->why_not;
    if (claim != nullptr && is_of_wrong_psk(error_)) return "wrong PSK";
    return openssl::reason_text(error_);
}

void TlsEngine::prove(core::Credentials& shown) const {
    if (!handshake_done_) return;  // the session may say so already
    if (auto psk = tls_psk::proved_by(SSL_get_session(connection_.get()))) {
        shown.proof = core::Credentials::Proof::psk;
        shown.proven = std::move(psk->identity);
        shown.proven_key = std::move(psk->key_id);
    } else if (auto name = proved_name(connection_.get())) {
        shown.proof = core::Credentials::Proof::certificate;
        shown.proven = *std::move(name);
    }
}

bool TlsEngine::claim(core::Credentials& claimed) const {
    const TlsClaim* claim = TlsClaim::find(connection_.get());
    if (claim == nullptr || claim->proof == core::Credentials::Proof::none) return false;
    claimed.proof = claim->proof;
    claimed.proven = claim->name;
    return true;
}

std::string_view TlsEngine::protocol() const { return SSL_get_version(connection_.get()); }

}  // namespace drawbridge::net
