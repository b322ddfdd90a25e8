// What it costs to wait for a readable socket: Asio's async_wait against the broker's poller.
//
// 100 socket pairs; each round writes 64 bytes into every pair and lets the loop read them, until
// all have been read. Prints processor time per message, the writes included, which are the same
// for both.
// Used by docs/decisions/own-epoll-loop.md; it asserts nothing.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdlib>
#include <memory>
#include <vector>

#include "broker/net/poller.hpp"

namespace {

using drawbridge::net::Pollable;
using drawbridge::net::Poller;

constexpr int pairs = 100;
constexpr int rounds = 20'000;
std::array<char, 4096> space;

struct Pair {
    int near = -1;
    int far = -1;
};

std::vector<Pair> open_pairs() {
    std::vector<Pair> opened(pairs);
    for (Pair& pair : opened) {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) std::abort();
        pair = {fds[0], fds[1]};
    }
    return opened;
}

void write_all(const std::vector<Pair>& opened) {
    const std::array<char, 64> message{};
    for (const Pair& pair : opened)
        if (::write(pair.far, message.data(), message.size()) < 0) std::abort();
}

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double with_poller() {
    struct Reader final : Pollable {
        void ready(std::uint32_t) override {
            *left -= ::recv(fd, space.data(), space.size(), 0) > 0;
        }
        int fd = -1;
        int* left = nullptr;
    };
    const std::vector<Pair> opened = open_pairs();
    Poller poller;
    int left = 0;
    std::vector<Reader> readers(pairs);
    for (int i = 0; i < pairs; ++i) {
        readers[static_cast<std::size_t>(i)].fd = opened[static_cast<std::size_t>(i)].near;
        readers[static_cast<std::size_t>(i)].left = &left;
        if (!poller.add(opened[static_cast<std::size_t>(i)].near,
                        readers[static_cast<std::size_t>(i)], EPOLLIN))
            std::abort();
    }
    std::array<epoll_event, 256> events;
    const double began = cpu_seconds();
    for (int round = 0; round < rounds; ++round) {
        write_all(opened);
        for (left = pairs; left > 0;) {
            const int count = poller.wait(events, -1);
            for (int i = 0; i < count; ++i)
                static_cast<Pollable*>(events[static_cast<std::size_t>(i)].data.ptr)
                    ->ready(EPOLLIN);
        }
    }
    return cpu_seconds() - began;
}

double with_asio() {
    namespace asio = boost::asio;
    struct Reader {
        void wait() {
            socket.async_wait(asio::socket_base::wait_read, [this](boost::system::error_code) {
                *left -= ::recv(socket.native_handle(), space.data(), space.size(), 0) > 0;
                wait();
            });
        }
        asio::local::stream_protocol::socket socket;
        int* left = nullptr;
    };
    const std::vector<Pair> opened = open_pairs();
    asio::io_context io(1);
    int left = 0;
    std::vector<std::unique_ptr<Reader>> readers;
    for (const Pair& pair : opened) {
        readers.push_back(std::make_unique<Reader>(Reader{
            asio::local::stream_protocol::socket(io, asio::local::stream_protocol(), pair.near),
            &left}));
        readers.back()->wait();
    }
    const double began = cpu_seconds();
    for (int round = 0; round < rounds; ++round) {
        write_all(opened);
        for (left = pairs; left > 0;) io.run_one();
    }
    const double took = cpu_seconds() - began;
    io.stop();
    return took;
}

}  // namespace

int main() {
    for (int run = 0; run < 3; ++run) {
        const double own = with_poller() / pairs / rounds * 1e6;
        const double asio = with_asio() / pairs / rounds * 1e6;
        fmt::print("poller {:.3f} us, Asio async_wait {:.3f} us per message: {:.2f} times\n", own,
                   asio, asio / own);
    }
}
