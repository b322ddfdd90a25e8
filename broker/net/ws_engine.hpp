// WsEngine: the broker's end of one WebSocket, without the socket: first the upgrade, then frames.
//
// What it has to say by itself (the answer to the request, pongs, close) waits in it until say();
// only the last pong is kept, so a peer that does not read cannot make it grow.
//
// Owner:   one connection. Threads: one at a time; it may move to another between two calls.
// Failure: a value, final, with words for the log.
#pragma once

#include <memory>
#include <string>

#include "broker/net/ws_framer.hpp"
#include "broker/net/ws_upgrade.hpp"

namespace drawbridge::net {

class WsEngine {
public:
    // rules must live until the upgrade is done.
    explicit WsEngine(const WsRules& rules) : upgrade_(std::make_unique<WsUpgrade>(rules)) {}

    // Takes all of bytes, cut anywhere; appends what they carry to payload.
    WsStatus receive(Bytes bytes, Buffer& payload);

    // The upgrade is done and close has not been said: send() is allowed.
    bool may_send() const { return !upgrade_ && !framer_.close_said(); }
    // As WsFramer::send().
    void send(core::Output& output, std::size_t payload_bytes_max, Buffer& frames) {
        framer_.send(output, payload_bytes_max, frames);
    }

    // Has it say that all is over, once, if there is a WebSocket yet.
    void close();

    bool has_words() const { return !answer_.empty() || framer_.has_words(); }
    // Appends them to bytes.
    void say(Buffer& bytes);

    // Why it failed.
    std::string failure() const;

private:
    std::unique_ptr<WsUpgrade> upgrade_;  // null once it is done
    Buffer answer_;
    WsFramer framer_;
};

}  // namespace drawbridge::net
