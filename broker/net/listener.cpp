#include "broker/net/listener.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::net {
namespace {

constexpr std::size_t accepts_per_turn_max = 64;
constexpr milliseconds rest_time{200};
// Without a rest for so long, it is not paused any more.
constexpr milliseconds calm_time{2'000};

}  // namespace

Port::Port(std::string listener_name, int listening, Greeter who_greets,
           std::shared_ptr<const CurrentTls> current, std::optional<WsRules> rules)
    : name(std::move(listener_name)),
      fd(listening),
      greeter(std::move(who_greets)),
      tls(std::move(current)),
      ws(std::move(rules)) {}

Port::~Port() { ::close(fd); }

void Listener::open() {
    if (!watch()) throw std::runtime_error("listener " + port_.name + ": epoll refuses its socket");
}

bool Listener::watch() {
    open_ = loop_.poller().add(port_.fd, *this, EPOLLIN | EPOLLEXCLUSIVE);
    return open_;
}

void Listener::unwatch() {
    if (std::exchange(open_, false)) loop_.poller().remove(port_.fd);
}

void Listener::close() {
    unwatch();
    loop_.forget_held(*this);
    loop_.shard().deadlines().cancel(*this);
}

// Those who are here already are read first: who is pushed out by a newcomer shall have been heard.
void Listener::ready(std::uint32_t) { loop_.accept_after_reading(*this); }

void Listener::accept() {
    if (open_) accept_some();
}

void Listener::accept_some() {
    Network& network = loop_.network();
    // Who comes in this turn must have been read before it is pushed out by others.
    const std::size_t strangers_max = network.share_of(network.settings().max_handshakes);
    const std::size_t most = std::clamp<std::size_t>(strangers_max / 4, 1, accepts_per_turn_max);
    for (std::size_t i = 0; i < most; ++i) {
        if (loop_.crowd().waits_for_answers()) return hold();
        if (i > 0 && loop_.crowd().is_full()) return;
        if (!network.headcount().has_room()) return rest("all open files it may have are in use");
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        const int fd = ::accept4(port_.fd, reinterpret_cast<sockaddr*>(&address), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                rest(std::strerror(errno));
            return;  // otherwise: nobody there (another loop was quicker), or gone already
        }
        const PeerAddress peer(address);
        // Without TLS it costs little to hear it out, and it is told why.
        if (port_.tls && network.authenticator().turns_away(peer.network())) {
            network.stats().refused_locked_out.fetch_add(1, std::memory_order_relaxed);
            ::close(fd);
            continue;
        }
        Socket socket(fd, peer, network.headcount().enter(peer.network()));
        const WsRules* ws = port_.ws ? &*port_.ws : nullptr;
        const auto tls = port_.tls ? port_.tls->get() : nullptr;
        if (socket.seat().is_taken())
            loop_.greet(port_.greeter, Stream(std::move(socket), tls.get(), ws));
        else
            loop_.turn_away(std::move(socket));
    }
}

void Listener::rest(const char* why) {
    if (!std::exchange(paused_, true)) loop_.network().accepting_paused(why);
    unwatch();
    loop_.shard().deadlines().set(*this, loop_.shard().now() + rest_time);
}

// The newcomers wait in the kernel's queue, rather than push out who is about to be answered.
void Listener::hold() {
    unwatch();
    held_ = true;
    loop_.hold(*this);
}

void Listener::go_on() {
    held_ = false;
    if (!open_ && !watch()) rest(std::strerror(errno));
}

// Also with nobody waiting, an attempt to accept tells whether there is a descriptor: the kernel
// reserves it first.
void Listener::expired(TimePoint now) {
    if (!open_ && !held_) {
        if (!watch()) return rest(std::strerror(errno));
        return loop_.shard().deadlines().set(*this, now + calm_time);
    }
    if (!held_) accept_some();
    if (!open_ && !held_) return;
    paused_ = false;
    loop_.network().accepting_resumed();
}

}  // namespace drawbridge::net
