#include "tests/crash/connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace drawbridge::crash {
namespace {

constexpr std::size_t packet_bytes_max = 1 << 24;

}  // namespace

bool Connection::open(std::uint16_t port) {
    close();
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno == EINPROGRESS)
        return true;
    close();
    return false;
}

void Connection::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    out_.clear();
    written_ = told_ = 0;
    in_.clear();
    taken_ = 0;
}

bool Connection::flush() {
    wire::Frame frame;
    while (on_packet && told_ < out_.size() &&
           wire::cut_frame(out_.bytes().subspan(told_), packet_bytes_max, frame) ==
               wire::Cut::complete) {
        on_packet(true, frame);
        told_ += frame.size;
    }
    while (written_ < out_.size()) {
        const ssize_t sent = ::send(fd_, out_.data() + written_, out_.size() - written_,
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return errno == EAGAIN || errno == ENOTCONN || errno == EINPROGRESS;
        written_ += static_cast<std::size_t>(sent);
    }
    out_.clear();
    written_ = told_ = 0;
    return true;
}

bool Connection::read() {
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    std::array<std::uint8_t, 65'536> block;
    while (true) {
        const ssize_t got = ::recv(fd_, block.data(), block.size(), MSG_DONTWAIT);
        if (got < 0) return errno == EAGAIN;
        if (got == 0) return false;
        in_.insert(in_.end(), block.begin(), block.begin() + got);
    }
}

bool Connection::next(wire::Frame& frame) {
    const Bytes rest = Bytes(in_).subspan(taken_);
    if (wire::cut_frame(rest, packet_bytes_max, frame) != wire::Cut::complete) return false;
    taken_ += frame.size;
    if (on_packet) on_packet(false, frame);
    return true;
}

}  // namespace drawbridge::crash
