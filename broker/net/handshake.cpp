#include "broker/net/handshake.hpp"

#include <fmt/format.h>

#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::net {
namespace {

constexpr std::string_view gone = "connection lost";
constexpr std::string_view closed = "closed by the peer";

}  // namespace

Handshake::Handshake(Loop& loop, std::uint64_t number, Stream stream)
    : Stranger(number, stream.socket().network()), loop_(loop), stream_(std::move(stream)) {}

Handshake::~Handshake() {
    loop_.shard().deadlines().cancel(*this);
    if (stream_.socket().is_open()) loop_.poller().remove(stream_.socket().fd());
}

bool Handshake::begin() {
    loop_.shard().deadlines().set(*this,
                                  loop_.shard().now() + loop_.network().settings().connect_timeout);
    return loop_.poller().add(stream_.socket().fd(), *this, EPOLLIN | EPOLLONESHOT);
}

// One report each time: while the answer is being found, the stranger is not read.
void Handshake::watch(std::uint32_t events) {
    loop_.poller().modify(stream_.socket().fd(), *this, events | EPOLLONESHOT);
}

void Handshake::ready(std::uint32_t events) {
    if (ended_ || waits_) return;
    core::Output nothing;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        const Stream::Received received = stream_.receive(loop_.read_space());
        received_.append(received.bytes);
        if (stream_.wants_to_send() || received.state == Stream::State::failed)
            stream_.send(nothing);
        if (received.state == Stream::State::failed) return lose();
        if (!received.bytes.empty()) {
            read();
            if (!ended_) loop_.stranger_holds(*this, bytes_held());
        }
        // Whoever sends all at once and closes is served all the same.
        if (received.state == Stream::State::closed && !ended_ && !waits_) return end(closed);
    } else if (stream_.send(nothing) == Stream::Sent::failed) {
        return end(gone);
    }
    if (!ended_ && !waits_) watch(EPOLLIN | (stream_.wants_to_send() ? EPOLLOUT : 0u));
}

// The connection, or a layer of it, has failed. A failed handshake of TLS that claims something is
// told of here.
void Handshake::lose() {
    std::string why = stream_.failure();
    core::Credentials claimed;
    if (!stream_.claim(claimed)) return end(why.empty() ? gone : why);
    claimed.address = stream_.peer();
    claimed.network = stream_.socket().network();
    const bool psk = claimed.proof == core::Credentials::Proof::psk;
    const std::string text = fmt::format(
        "{} \"{}\": {}", psk ? "TLS-PSK identity" : "certificate of", claimed.proven, why);
    loop_.network().authenticator().note_failed_handshake(std::move(claimed), std::move(why));
    close(text);  // the authenticator tells the audit
}

void Handshake::authenticate(core::Credentials credentials) {
    waits_ = true;
    loop_.stranger_heard(*this);
    credentials.address = stream_.peer();
    credentials.network = stream_.socket().network();
    stream_.prove(credentials);
    loop_.network().authenticator().authenticate(
        std::move(credentials), [&loop = loop_, number = number()](core::AuthAnswer answer) {
            loop.post([&loop, number, answer = std::move(answer)] {
                loop.answer_stranger(number, answer);
            });
        });
}

void Handshake::answered(core::AuthAnswer result) {
    if (!ended_) answer(std::move(result));
}

Stream Handshake::leave() {
    ended_ = true;
    loop_.drop(*this);
    return std::move(stream_);
}

void Handshake::see_off(core::Output last_words) {
    loop_.poller().remove(stream_.socket().fd());
    loop_.see_off(leave(), std::move(last_words));
}

void Handshake::end(std::string_view why) {
    // One that only looks whether the port is open is not worth a row.
    if (why != gone && why != closed) note_refused(why);
    close(why);
}

void Handshake::close(std::string_view why) {
    if (loop_.may_log()) log::info("stranger from {}: {}", stream_.peer(), why);
    ended_ = true;
    loop_.poller().remove(stream_.socket().fd());
    if (stream_.owes_farewell())
        loop_.see_off(std::move(stream_), {});
    else
        stream_.socket().close();  // at once: many of these in one turn need no descriptor each
    loop_.drop(*this);
}

void Handshake::expired(TimePoint) {
    if (!ended_) timed_out();
}

}  // namespace drawbridge::net
