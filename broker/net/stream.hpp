// Stream: an ordered stream of bytes over one socket: plain, or with TLS, WebSocket or both upon
// it. The layers hold no socket and no clock, so a stream can move from one loop to another.
//
// Idle, it holds no buffer. Limit: what it keeps to send is bounded by who fills the Output.
#pragma once

#include <memory>
#include <optional>

#include "broker/core/output.hpp"
#include "broker/net/socket.hpp"
#include "broker/net/tls_engine.hpp"
#include "broker/net/ws_engine.hpp"

namespace drawbridge::net {

// Memory for reads, one per loop: what a read returns lives until the next one.
struct ReadSpace {
    ReadSpace();
    std::unique_ptr<std::uint8_t[]> bytes;
    Buffer plain;     // decrypted
    Buffer unframed;  // taken out of WebSocket frames
};

class Stream {
public:
    // tls, ws: null for a stream without. ws must live until the first packet has come.
    Stream(Socket socket, const TlsContext* tls, const WsRules* ws);

    enum class State { open, closed, failed };
    struct Received {
        Bytes bytes;  // good whatever the state is
        State state = State::open;
        bool filled_space = false;  // the socket may hold more
    };
    // Reads once. No bytes and open: nothing for the reader yet.
    Received receive(ReadSpace& space);
    // The last receive() has come upon the end that a layer knows of; the next will say so again.
    bool ended() const { return layers_ && layers_->state != State::open; }

    enum class Sent { all, blocked, failed };
    // Writes as much of output as the socket takes now.
    Sent send(core::Output& output);
    // Says the layers' last words, then that nothing more will come.
    Sent finish(core::Output& output);

    // A layer has something to say by itself.
    bool wants_to_send() const {
        return layers_ && (layers_->encoded.size() > layers_->sent ||
                           (layers_->ws && layers_->ws->has_words()));
    }
    // The peer waits for a last word, or for the answer to its request: finish(), then close.
    bool owes_farewell() const {
        return layers_ && layers_->ws && (layers_->ws->may_send() || wants_to_send());
    }

    // From the next byte on, each way. What has been sent before must have left.
    void begin_tls(const TlsContext& tls);
    bool has_tls() const { return layers_ && layers_->tls; }

    Socket& socket() { return socket_; }
    std::string peer() const { return socket_.peer(); }
    std::string failure() const;

    // What the TLS handshake has proved of the peer, if there was one, goes into `shown`.
    void prove(core::Credentials& shown) const {
        if (layers_ && layers_->tls) layers_->tls->prove(shown);
    }
    // What it claims, in a handshake that is not done: likewise. False if it claims nothing.
    bool claim(core::Credentials& claimed) const {
        return layers_ && layers_->tls && layers_->tls->claim(claimed);
    }

private:
    struct Layers {
        std::optional<TlsEngine> tls;
        std::optional<WsEngine> ws;  // inside TLS, if there is TLS
        Buffer encoded;              // to be sent
        std::size_t sent = 0;        // of encoded
        State state = State::open;   // once it is another one, nothing more is read
    };

    Sent send_plain(core::Output& output);
    Sent send_encoded();
    bool encode(core::Output& output);

    Socket socket_;
    std::unique_ptr<Layers> layers_;  // null for plain TCP
};

}  // namespace drawbridge::net
