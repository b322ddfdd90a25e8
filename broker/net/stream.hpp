// Stream: an ordered stream of bytes over one socket, plain or TLS. The layers hold no socket and
// no clock, so a stream can move from one loop to another.
//
// Idle, it holds no buffer. Limit: what it keeps to send is bounded by who fills the Output.
#pragma once

#include <memory>

#include "broker/core/output.hpp"
#include "broker/net/socket.hpp"
#include "broker/net/tls_engine.hpp"

namespace drawbridge::net {

// Memory for reads, one per loop: what a read returns lives until the next one.
struct ReadSpace {
    ReadSpace();
    std::unique_ptr<std::uint8_t[]> bytes;
    Buffer plain;  // decrypted
};

class Stream {
public:
    // context: null for plain TCP.
    Stream(Socket socket, const TlsContext* context);

    enum class State { open, closed, failed };
    struct Received {
        Bytes bytes;  // good whatever the state is
        State state = State::open;
        bool filled_space = false;  // the socket may hold more
    };
    // Reads once. No bytes and open: nothing for the reader yet.
    Received receive(ReadSpace& space);

    enum class Sent { all, blocked, failed };
    // Writes as much of output as the socket takes now.
    Sent send(core::Output& output);
    // Says the TLS layer's last words, then that nothing more will come.
    Sent finish(core::Output& output);

    // The TLS handshake has left something to be sent.
    bool wants_to_send() const { return tls_ && tls_->cipher.size() > tls_->sent; }

    Socket& socket() { return socket_; }
    std::string peer() const { return socket_.peer(); }
    std::string_view protocol() const { return tls_ ? tls_->engine.protocol() : "tcp"; }
    std::string failure() const { return tls_ ? tls_->engine.failure() : std::string(); }

private:
    struct Tls {
        explicit Tls(const TlsContext& context) : engine(context) {}
        TlsEngine engine;
        Buffer cipher;         // encrypted, to be sent
        std::size_t sent = 0;  // of cipher
    };

    Sent send_plain(core::Output& output);
    Sent send_cipher();

    Socket socket_;
    std::unique_ptr<Tls> tls_;  // null for plain TCP
};

}  // namespace drawbridge::net
