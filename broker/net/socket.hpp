// Socket: a connected TCP socket, owned, and what the broker asks of one.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "broker/net/headcount.hpp"

namespace drawbridge::net {

// Address and port of a peer in 19 bytes; as text only when somebody asks.
class PeerAddress {
public:
    PeerAddress() = default;
    explicit PeerAddress(const sockaddr_storage& address);

    // "192.0.2.7:50123", "[2001:db8::1]:50123".
    std::string text() const;
    // What limits for one address count as one: an IPv4 address, or an IPv6 /64, which is what one
    // customer or one household has.
    std::uint64_t network() const;

private:
    std::array<std::uint8_t, 16> bytes_{};
    std::uint16_t port_ = 0;
    bool v6_ = false;
};

class Socket {
public:
    Socket() = default;
    Socket(int fd, PeerAddress peer, Seat seat = {})
        : seat_(std::move(seat)), fd_(fd), peer_(peer) {}
    Socket(Socket&& other) noexcept
        : seat_(std::move(other.seat_)), fd_(std::exchange(other.fd_, -1)), peer_(other.peer_) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    int fd() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }
    std::string peer() const { return peer_.text(); }
    std::uint64_t network() const { return peer_.network(); }
    Seat& seat() { return seat_; }
    // Gives up the seat as well.
    void close();

    // Has the kernel ask the peer's host for a sign of life soon, whatever the application there
    // does: a keep-alive probe as soon as the connection has been silent for a second, then one
    // each second.
    void probe_peer(bool on);
    // Segments that have come from the peer's host since the connection began: acknowledgements,
    // answers to probes, data.
    std::uint32_t segments_received() const;

private:
    Seat seat_;
    int fd_ = -1;
    PeerAddress peer_;
};

// A listening socket whose connections have TCP_NODELAY. Throws std::runtime_error: one sentence
// with the address.
int listen_on(const std::string& address, std::uint16_t port);

}  // namespace drawbridge::net
