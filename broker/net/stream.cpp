#include "broker/net/stream.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "broker/base/limits.hpp"

namespace drawbridge::net {
namespace {

constexpr std::size_t pieces_max = 16;                // of one gathered write
constexpr std::size_t encrypted_at_once = 64u << 10;  // four records of TLS

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

ReadSpace::ReadSpace() : bytes(new std::uint8_t[limits::receive_bytes]) {}

Stream::Stream(Socket socket, const TlsContext* context)
    : socket_(std::move(socket)),
      tls_(context == nullptr ? nullptr : std::make_unique<Tls>(*context)) {}

Stream::Received Stream::receive(ReadSpace& space) {
    const ssize_t size = ::recv(socket_.fd(), space.bytes.get(), limits::receive_bytes, 0);
    if (size == 0) return {{}, State::closed};
    if (size < 0) return {{}, would_block() ? State::open : State::failed};
    const Bytes bytes(space.bytes.get(), static_cast<std::size_t>(size));
    const bool filled_space = bytes.size() == limits::receive_bytes;
    if (!tls_) return {bytes, State::open, filled_space};
    space.plain.clear();
    const TlsStatus status = tls_->engine.receive(bytes, space.plain, tls_->cipher);
    State state = State::open;
    if (status == TlsStatus::closed) state = State::closed;
    if (status == TlsStatus::failed) state = State::failed;
    return {space.plain.bytes(), state, filled_space};
}

// Encrypts no more than the socket takes soon: what waits stays in output, where its size is seen.
Stream::Sent Stream::send(core::Output& output) {
    if (!tls_) return send_plain(output);
    Sent sent = send_cipher();
    std::array<Bytes, 1> piece;
    while (sent == Sent::all && output.peek(piece) > 0) {
        const Bytes part = piece[0].first(std::min(piece[0].size(), encrypted_at_once));
        if (tls_->engine.send(part, tls_->cipher) != TlsStatus::ok) return Sent::failed;
        output.take(part.size());
        // Small pieces share a write.
        if (tls_->cipher.size() >= encrypted_at_once || output.empty()) sent = send_cipher();
    }
    return sent;
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

Stream::Sent Stream::send_cipher() {
    while (wants_to_send()) {
        const Bytes left = tls_->cipher.bytes().subspan(tls_->sent);
        const ssize_t sent = ::send(socket_.fd(), left.data(), left.size(), MSG_NOSIGNAL);
        if (sent < 0) return would_block() ? Sent::blocked : Sent::failed;
        tls_->sent += static_cast<std::size_t>(sent);
    }
    tls_->cipher.clear();
    tls_->sent = 0;
    return Sent::all;
}

Stream::Sent Stream::finish(core::Output& output) {
    Sent sent = send(output);
    if (sent != Sent::all) return sent;
    if (tls_) {
        tls_->engine.close(tls_->cipher);
        sent = send_cipher();
        if (sent != Sent::all) return sent;
    }
    ::shutdown(socket_.fd(), SHUT_WR);
    return Sent::all;
}

}  // namespace drawbridge::net
