// TlsEngine: the broker's end of one TLS connection, without the socket: bytes in, bytes out.
//
// OpenSSL reads from the bytes and writes to the buffer of the call in progress, so that nothing is
// kept between calls but the beginning of a record that is still incomplete (at most 17 KiB). Idle,
// an established connection holds no buffer at all.
//
// Owner:   one connection. Threads: one at a time; it may move to another between two calls.
// Failure: a value, final, with words for the log. Nothing throws once it is made.
// Limit:   what a call appends is bounded by what it is given: a receive adds at most the plaintext
//          of its ciphertext and of one record begun before. A peer that asks for new keys or
//          for a renegotiation again and again fails.
#pragma once

#include <string>
#include <string_view>

#include "broker/base/buffer.hpp"
#include "broker/core/authenticator.hpp"
#include "broker/net/openssl.hpp"
#include "broker/net/tls_context.hpp"

namespace drawbridge::net {

enum class TlsStatus {
    ok,
    closed,  // receive: the peer has said close_notify; send: we have
    failed,  // send what is in `cipher` (an alert, as a rule), then close the socket
};

class TlsEngine {
public:
    // Throws std::bad_alloc.
    explicit TlsEngine(const TlsContext& context);

    // Takes all of ciphertext, cut anywhere. Appends the plaintext to plain, and what is to be sent
    // (handshake, tickets, alerts) to cipher. Plaintext that came before a close_notify or a
    // failure is good; what follows either is dropped.
    TlsStatus receive(Bytes ciphertext, Buffer& plain, Buffer& cipher);

    // Encrypts into records of up to 16 KiB and appends them to cipher. Once handshake_done() only:
    // until then the caller keeps what it wants to say.
    TlsStatus send(Bytes plaintext, Buffer& cipher);

    // Says close_notify, once. The peer may still send, and receive() still reads it. Says nothing
    // where nothing can be said: during the handshake, or after a failure.
    void close(Buffer& cipher);

    // Once true it stays true, whatever happens to the connection.
    bool handshake_done() const { return handshake_done_; }

    // Why it failed, in OpenSSL's words: "unsupported protocol", "tlsv1 alert unknown ca"; or in
    // ours, where they know more.
    std::string failure() const;

    // What the handshake has proved, if anything, goes into `shown`. Nothing until it is done.
    void prove(core::Credentials& shown) const;
    // What the peer claims, and has not proved yet: likewise. False if it claims nothing.
    bool claim(core::Credentials& claimed) const;

    // "TLSv1.3"; settled when the handshake is done. A literal.
    std::string_view protocol() const;

private:
    TlsStatus status_after(int result);

    openssl::Connection connection_;
    unsigned long error_ = 0;  // OpenSSL's code
    bool failed_ = false;
    bool handshake_done_ = false;
};

}  // namespace drawbridge::net
