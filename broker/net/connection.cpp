#include "broker/net/connection.hpp"

#include "broker/base/limits.hpp"
#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::net {

Connection::Connection(Loop& loop, Stream stream, Buffer unread, bool watched)
    : loop_(loop), stream_(std::move(stream)), unread_(std::move(unread)), in_poller_(watched) {}

Connection::~Connection() {
    if (stream_.socket().is_open()) loop_.poller().remove(stream_.socket().fd());
}

// The first flush after admission is the one with the answer; from then on the client is read.
void Connection::flush() {
    if (lost_) return;
    if (closing_) return leave();
    if (waiting_ && is_admitted()) {
        waiting_ = false;
        if (stream_.ended())
            read_next_turn();
        else if (!unread_.empty())
            call();
    }
    const bool was_full = is_full();
    const std::size_t before = output.size();
    const Stream::Sent sent = blocked_ ? Stream::Sent::blocked : stream_.send(output);
    blocked_ = sent == Stream::Sent::blocked;
    if (sent == Stream::Sent::failed) {
        // What the client has said before it went is read first: it may be DISCONNECT.
        write_failed_ = true;
        output.clear();
        return read_next_turn();
    }
    if (!waiting_) watch();
    written(before - output.size());
    if ((was_full || stalled_) && !is_full()) call();
    stalled_ = is_full();
}

void Connection::leave() {
    lost_ = true;
    if (!peer_is_done_ || !output.empty() || stream_.owes_farewell()) {
        loop_.poller().remove(stream_.socket().fd());
        loop_.see_off(std::move(stream_), std::move(output));
    }
    loop_.drop(*this);
}

void Connection::close(bool peer_is_done) {
    closing_ = true;
    peer_is_done_ = peer_is_done;
    loop_.shard().mark_dirty(*this);
}

void Connection::turn_began() {
    called_ = false;
    if (lost_ || closing_) return;
    if (!unread_.empty()) use({});
    if (closing_) return;
    if (end_read_) return end_of_stream();
    if (std::exchange(more_to_read_, false)) receive();
}

void Connection::ready(std::uint32_t events) {
    if (lost_ || closing_ || waiting_) return;
    if ((events & EPOLLOUT) && blocked_) {
        blocked_ = false;
        loop_.shard().link_writable(*this);
    }
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) end_announced_ = true;
    // A reset has thrown away what was left to read, so there is nothing to wait for.
    if ((events & (EPOLLHUP | EPOLLERR)) && pause == Pause::until_told) return lose();
    if (end_announced_ || (events & EPOLLIN)) receive();
}

void Connection::receive() {
    if (end_read_) return;
    if (!may_read()) {  // flush(), read_on() or the next turn comes back here
        more_to_read_ = true;
        return;
    }
    const Stream::Received received = stream_.receive(loop_.read_space());
    if (stream_.wants_to_send()) loop_.shard().mark_dirty(*this);
    loop_.shard().take_mail();
    if (!received.bytes.empty()) use(received.bytes);
    if (closing_) return;
    const bool open = received.state == Stream::State::open;
    const bool broken = received.state == Stream::State::failed && stream_.ended();
    if (broken) stream_broke(stream_.failure());
    if (!open || (write_failed_ && received.bytes.empty())) return end_of_stream();
    // The poller reports news only. A read that fills the space may have left something, and behind
    // the last bytes comes the end, which is no news when it came with them.
    if (received.filled_space || end_announced_ || write_failed_) read_next_turn();
}

// What the client has said before it went is taken in first; it may be DISCONNECT.
void Connection::end_of_stream() {
    end_read_ = true;
    if (is_full()) {
        output.clear();  // nobody reads the answers any more
        return call();
    }
    if (pause == Pause::this_turn) return call();
    if (pause == Pause::until_told) return;  // read_on() comes back here
    lose();
}

void Connection::read_next_turn() {
    more_to_read_ = true;
    call();
}

void Connection::call() {
    if (!std::exchange(called_, true)) loop_.call_next_turn(*this);
}

// Gives the shard what has come, and keeps what it has not used.
void Connection::use(Bytes fresh) {
    const std::size_t before = unused_bytes();
    if (unread_.empty()) {
        const std::size_t used = take_in(fresh);
        if (used < fresh.size() && !closing_) unread_.append(fresh.subspan(used));
    } else {
        unread_.append(fresh);
        used_ += static_cast<std::uint32_t>(take_in(unread_.bytes().subspan(used_)));
        drop_used();
    }
    if (pause == Pause::this_turn && !closing_) call();
    if (unused_bytes() != before) loop_.count_unused(*this, before);
}

void Connection::cut_off() {
    unread_.clear();
    used_ = 0;
    if (is_admitted())
        end_unfinished();
    else if (!lost_ && !closing_)
        lose();
}

// Moves the rest to the front once it is the smaller part, so that each byte moves once or twice.
void Connection::drop_used() {
    if (used_ < unread_.size() - used_) return;
    Buffer rest;
    rest.append(unread_.bytes().subspan(used_));
    unread_ = std::move(rest);
    used_ = 0;
}

void Connection::lose() {
    lost_ = true;
    network_lost(stream_.failure());
    if (stream_.owes_farewell()) {
        loop_.poller().remove(stream_.socket().fd());
        loop_.see_off(std::move(stream_), {});
    }
    loop_.drop(*this);
}

// Once, for everything, edge-triggered: no further call for as long as the connection lives.
void Connection::watch() {
    if (watched_) return;
    constexpr std::uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    const int fd = stream_.socket().fd();
    if (in_poller_) {
        loop_.poller().modify(fd, *this, events);
    } else if (!loop_.poller().add(fd, *this, events)) {
        log::error("client from {}: epoll refuses its socket", address());
        write_failed_ = true;
        return read_next_turn();
    }
    watched_ = in_poller_ = true;
}

}  // namespace drawbridge::net
