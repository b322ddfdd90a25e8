#include "broker/net/listener.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::net {
namespace {

constexpr int accepts_per_turn = 64;
constexpr milliseconds rest_time{200};

}  // namespace

Port::Port(std::string listener_name, int listening, std::shared_ptr<const TlsContext> context,
           std::optional<WsRules> rules)
    : name(std::move(listener_name)),
      fd(listening),
      tls(std::move(context)),
      ws(std::move(rules)) {}

Port::~Port() { ::close(fd); }

void Listener::open() {
    if (!watch()) throw std::runtime_error("listener " + port_.name + ": epoll refuses its socket");
}

bool Listener::watch() {
    open_ = loop_.poller().add(port_.fd, *this, EPOLLIN | EPOLLEXCLUSIVE);
    return open_;
}

void Listener::close() {
    if (open_) loop_.poller().remove(port_.fd);
    open_ = false;
    loop_.shard().deadlines().cancel(*this);
}

void Listener::ready(std::uint32_t) {
    for (int i = 0; i < accepts_per_turn && open_; ++i) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        const int fd = ::accept4(port_.fd, reinterpret_cast<sockaddr*>(&address), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                rest(errno);
            return;  // otherwise: nobody there (another loop was quicker), or gone already
        }
        Socket socket(fd, PeerAddress(address));
        if (!loop_.network().count_in()) continue;  // closes it
        const WsRules* ws = port_.ws ? &*port_.ws : nullptr;
        loop_.greet(Stream(std::move(socket), port_.tls.get(), ws));
    }
}

void Listener::rest(int error) {
    log::error("listener {}: no new connections for now: {}", port_.name, std::strerror(error));
    close();
    loop_.shard().deadlines().set(*this, loop_.shard().now() + rest_time);
}

void Listener::expired(TimePoint) {
    if (!watch()) rest(errno);
}

}  // namespace drawbridge::net
