// Poller: waits for sockets, by epoll. One per loop.
//
// Own, and not Asio's reactor, because that makes one epoll_ctl for each wait:
// docs/decisions/own-epoll-loop.md.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

namespace drawbridge::net {

// Something with a file descriptor. Must be removed from its poller before it is destroyed, and
// must not be destroyed while a round of events is being handed out (the loop does so at the end of
// the turn).
class Pollable {
public:
    // events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR.
    virtual void ready(std::uint32_t events) = 0;

protected:
    ~Pollable() = default;
};

class Poller {
public:
    Poller();  // throws std::system_error
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // Returns false if the kernel refuses (out of memory or watches).
    [[nodiscard]] bool add(int fd, Pollable& pollable, std::uint32_t events);
    void modify(int fd, Pollable& pollable, std::uint32_t events);
    void remove(int fd);

    // Waits at most timeout_ms (-1: for ever); returns how many of events were filled.
    int wait(std::span<epoll_event> events, int timeout_ms);

private:
    int epoll_;
};

}  // namespace drawbridge::net
