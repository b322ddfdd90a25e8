#include "broker/net/farewell.hpp"

#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::net {
namespace {

constexpr milliseconds farewell_time{2'000};

}  // namespace

class Farewells::Farewell final : public Pollable {
public:
    Farewell(Farewells& all, Stream stream, core::Output output, TimePoint cut_off)
        : until(cut_off), all_(all), stream_(std::move(stream)), output_(std::move(output)) {}

    ~Farewell() { all_.loop_.poller().remove(stream_.socket().fd()); }

    void begin() {
        if (!all_.loop_.poller().add(stream_.socket().fd(), *this, EPOLLIN | EPOLLOUT))
            return end();
        write();
    }

    void ready(std::uint32_t events) override {
        if (over) return;
        if (events & EPOLLOUT) write();
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
            // What still comes is dropped, unread by any layer.
            const ssize_t size = ::recv(stream_.socket().fd(), all_.loop_.read_space().bytes.get(),
                                        limits::receive_bytes, 0);
            if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) end();
        }
    }

    const TimePoint until;
    bool over = false;

private:
    void write() {
        if (finished_) return;
        const Stream::Sent sent = stream_.finish(output_);
        if (sent == Stream::Sent::failed) return end();
        if (sent == Stream::Sent::blocked) return;
        finished_ = true;
        all_.loop_.poller().modify(stream_.socket().fd(), *this, EPOLLIN);
    }

    void end() {
        over = true;
        all_.some_over_ = true;
    }

    Farewells& all_;
    Stream stream_;
    core::Output output_;
    bool finished_ = false;
};

Farewells::Farewells(Loop& loop)
    : loop_(loop), open_max_(loop.network().share_of(loop.network().settings().max_farewells)) {}

Farewells::~Farewells() { loop_.shard().deadlines().cancel(*this); }

void Farewells::begin(Stream stream, core::Output output) {
    stream.socket().seat().leave();
    open_.push_back(std::make_unique<Farewell>(*this, std::move(stream), std::move(output),
                                               loop_.shard().now() + farewell_time));
    open_.back()->begin();
    // Those before it are over already: they are freed at the end of the turn.
    if (open_.size() > open_max_) open_[open_.size() - open_max_ - 1]->over = some_over_ = true;
    arm();
}

void Farewells::bury() {
    if (!std::exchange(some_over_, false)) return;
    std::erase_if(open_, [](const auto& farewell) { return farewell->over; });
    arm();
}

void Farewells::close_all() { open_.clear(); }

void Farewells::expired(TimePoint now) {
    for (const auto& farewell : open_) {
        if (farewell->until > now) break;
        farewell->over = some_over_ = true;
    }
    arm();
}

void Farewells::arm() {
    for (const auto& farewell : open_) {
        if (farewell->over) continue;
        return loop_.shard().deadlines().set(*this, farewell->until);
    }
    loop_.shard().deadlines().cancel(*this);
}

}  // namespace drawbridge::net
