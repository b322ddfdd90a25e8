#include "broker/net/stream.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "broker/base/limits.hpp"

namespace drawbridge::net {
namespace {

constexpr std::size_t pieces_max = 16;                    // of one gathered write
constexpr std::size_t encoded_at_once = 64u << 10;        // four records of TLS
constexpr std::size_t framed_at_once = (64u << 10) - 16;  // with its header: one block of memory

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

ReadSpace::ReadSpace() : bytes(new std::uint8_t[limits::receive_bytes]) {}

Stream::Stream(Socket socket, const TlsContext* tls, const WsRules* ws)
    : socket_(std::move(socket)) {
    if (tls == nullptr && ws == nullptr) return;
    layers_ = std::make_unique<Layers>();
    if (tls != nullptr) layers_->tls.emplace(*tls);
    if (ws != nullptr) layers_->ws.emplace(*ws);
}

void Stream::begin_tls(const TlsContext& tls) {
    if (!layers_) layers_ = std::make_unique<Layers>();
    layers_->tls.emplace(tls);
}

Stream::Received Stream::receive(ReadSpace& space) {
    if (ended()) return {{}, layers_->state};
    const ssize_t size = ::recv(socket_.fd(), space.bytes.get(), limits::receive_bytes, 0);
    if (size == 0) return {{}, State::closed};
    if (size < 0) return {{}, would_block() ? State::open : State::failed};
    Received received{{space.bytes.get(), static_cast<std::size_t>(size)}};
    received.filled_space = received.bytes.size() == limits::receive_bytes;
    if (!layers_) return received;
    if (layers_->tls) {
        space.plain.clear();
        const TlsStatus status =
            layers_->tls->receive(received.bytes, space.plain, layers_->encoded);
        if (status == TlsStatus::closed) received.state = State::closed;
        if (status == TlsStatus::failed) received.state = State::failed;
        received.bytes = space.plain.bytes();
    }
    if (layers_->ws) {
        space.unframed.clear();
        const WsStatus status = layers_->ws->receive(received.bytes, space.unframed);
        if (status == WsStatus::closed) received.state = State::closed;
        if (status == WsStatus::failed) received.state = State::failed;
        received.bytes = space.unframed.bytes();
    }
    layers_->state = received.state;
    return received;
}

Stream::Sent Stream::send(core::Output& output) {
    if (!layers_) return send_plain(output);
    Sent sent = send_encoded();
    while (sent == Sent::all && (wants_to_send() || !output.empty())) {
        if (!encode(output)) return Sent::failed;
        // Small pieces share a write.
        if (layers_->encoded.size() >= framed_at_once || output.empty()) sent = send_encoded();
    }
    return sent;
}

// Adds to what is encoded, but no more than the socket takes soon: what waits stays in output,
// where its size is seen.
bool Stream::encode(core::Output& output) {
    if (!layers_->ws) {
        std::array<Bytes, 1> piece;
        if (output.peek(piece) == 0) return true;
        const Bytes part = piece[0].first(std::min(piece[0].size(), encoded_at_once));
        if (layers_->tls->send(part, layers_->encoded) != TlsStatus::ok) return false;
        output.take(part.size());
        return true;
    }
    Buffer for_tls;
    Buffer& frames = layers_->tls ? for_tls : layers_->encoded;
    if (!output.empty() && !layers_->ws->may_send()) return false;
    if (!output.empty()) layers_->ws->send(output, framed_at_once, frames);
    if (layers_->ws->has_words()) layers_->ws->say(frames);
    return !layers_->tls || layers_->tls->send(frames.bytes(), layers_->encoded) == TlsStatus::ok;
}

Stream::Sent Stream::send_plain(core::Output& output) {
    std::array<Bytes, pieces_max> pieces;
    while (!output.empty()) {
        const std::size_t count = output.peek(pieces);
        std::array<iovec, pieces_max> vectors;
        std::size_t offered = 0;
        for (std::size_t i = 0; i < count; ++i) {
            vectors[i] = {const_cast<std::uint8_t*>(pieces[i].data()), pieces[i].size()};
            offered += pieces[i].size();
        }
        ssize_t sent;
        if (count == 1) {
            sent = ::send(socket_.fd(), pieces[0].data(), pieces[0].size(), MSG_NOSIGNAL);
        } else {
            msghdr message{};
            message.msg_iov = vectors.data();
            message.msg_iovlen = count;
            sent = ::sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
        }
        if (sent < 0) return would_block() ? Sent::blocked : Sent::failed;
        output.take(static_cast<std::size_t>(sent));
        if (static_cast<std::size_t>(sent) < offered) return Sent::blocked;
    }
    return Sent::all;
}

Stream::Sent Stream::send_encoded() {
    while (layers_->encoded.size() > layers_->sent) {
        const Bytes left = layers_->encoded.bytes().subspan(layers_->sent);
        const ssize_t sent = ::send(socket_.fd(), left.data(), left.size(), MSG_NOSIGNAL);
        if (sent < 0) return would_block() ? Sent::blocked : Sent::failed;
        layers_->sent += static_cast<std::size_t>(sent);
    }
    layers_->encoded.clear();
    layers_->sent = 0;
    return Sent::all;
}

Stream::Sent Stream::finish(core::Output& output) {
    Sent sent = send(output);
    if (sent == Sent::all && layers_ && layers_->ws) {
        layers_->ws->close();
        sent = send(output);
    }
    if (sent == Sent::all && layers_ && layers_->tls) {
        layers_->tls->close(layers_->encoded);
        sent = send_encoded();
    }
    if (sent == Sent::all) ::shutdown(socket_.fd(), SHUT_WR);
    return sent;
}

std::string Stream::failure() const {
    if (!layers_) return {};
    const std::string of_ws = layers_->ws ? layers_->ws->failure() : std::string();
    return of_ws.empty() && layers_->tls ? layers_->tls->failure() : of_ws;
}

}  // namespace drawbridge::net
