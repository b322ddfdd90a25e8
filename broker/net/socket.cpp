#include "broker/net/socket.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace drawbridge::net {
namespace {

constexpr int backlog = 4096;  // the kernel takes the smaller of this and net.core.somaxconn

void set_option(int fd, int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

// Fills address from a numeric address; returns its size, 0 if it is not one.
socklen_t parse_address(const std::string& text, std::uint16_t port, sockaddr_storage& address) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    return 0;
}

}  // namespace

PeerAddress::PeerAddress(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        std::memcpy(bytes_.data(), &v6.sin6_addr, 16);
        port_ = ntohs(v6.sin6_port);
        v6_ = !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        if (!v6_) std::copy_n(bytes_.begin() + 12, 4, bytes_.begin());
    } else {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        std::memcpy(bytes_.data(), &v4.sin_addr, 4);
        port_ = ntohs(v4.sin_port);
    }
}

std::string PeerAddress::text() const {
    char host[INET6_ADDRSTRLEN] = "?";
    ::inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), host, sizeof host);
    return v6_ ? fmt::format("[{}]:{}", host, port_) : fmt::format("{}:{}", host, port_);
}

std::uint64_t PeerAddress::network() const {
    std::uint64_t first = 0;
    for (std::size_t i = 0; i < (v6_ ? 8 : 4); ++i) first = first << 8 | bytes_[i];
    // No IPv6 address that is in use begins so: 0::/8 is reserved (RFC 4291, section 2.4).
    return v6_ ? first : std::uint64_t{0xffff} << 32 | first;
}

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        close();
        seat_ = std::move(other.seat_);
        fd_ = std::exchange(other.fd_, -1);
        peer_ = other.peer_;
    }
    return *this;
}

void Socket::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    seat_.give_up();
}

void Socket::probe_peer(bool on) {
    set_option(fd_, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set_option(fd_, IPPROTO_TCP, TCP_KEEPCNT,
               127);  // who is gone is decided by the contest, not by the kernel
    set_option(fd_, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
    set_option(fd_, IPPROTO_TCP, TCP_KEEPIDLE,
               1);  // restarts the timer; sends at once if silent for longer
}

std::uint32_t Socket::segments_received() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    ::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size);
    return info.tcpi_segs_in;
}

int listen_on(const std::string& address, std::uint16_t port) {
    sockaddr_storage where{};
    const socklen_t size = parse_address(address, port, where);
    if (size == 0)
        throw std::runtime_error(
            fmt::format("cannot listen on \"{}\": it is not a numeric IP address", address));
    const int fd = ::socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // accepted sockets inherit it
        if (::bind(fd, reinterpret_cast<sockaddr*>(&where), size) == 0 &&
            ::listen(fd, backlog) == 0)
            return fd;
    }
    const int error = errno;
    if (fd >= 0) ::close(fd);
    std::string what =
        fmt::format("cannot listen on {} port {}: {}", address, port, std::strerror(error));
    if (error == EADDRINUSE)
        what += "; stop the other program or choose another port in [[listener]]";
    throw std::runtime_error(what);
}

}  // namespace drawbridge::net
