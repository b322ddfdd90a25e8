#include "broker/net/poller.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "broker/base/assert.hpp"

namespace drawbridge::net {

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
}

Poller::~Poller() { ::close(epoll_); }

bool Poller::add(int fd, Pollable& pollable, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &pollable;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::modify(int fd, Pollable& pollable, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &pollable;
    const int result = ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
    ASSERT(result == 0);
}

void Poller::remove(int fd) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

int Poller::wait(std::span<epoll_event> events, int timeout_ms) {
    const int count =
        ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
    ASSERT(count >= 0 || errno == EINTR);
    return count < 0 ? 0 : count;
}

}  // namespace drawbridge::net
