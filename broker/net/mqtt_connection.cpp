#include "broker/net/mqtt_connection.hpp"

#include "broker/base/limits.hpp"
#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::net {

MqttConnection::MqttConnection(Loop& loop, Stream stream, Buffer unread, bool watched)
    : loop_(loop), stream_(std::move(stream)), unread_(std::move(unread)), in_poller_(watched) {}

MqttConnection::~MqttConnection() {
    if (stream_.socket().is_open()) loop_.poller().remove(stream_.socket().fd());
}

void MqttConnection::begin(std::unique_ptr<core::ConnectRequest> request) {
    loop_.shard().admit(*this, std::move(request));
}

// The first flush after admission is the one with CONNACK; from then on the client is read.
void MqttConnection::flush() {
    if (lost_) return;
    if (closing_) return leave();
    if (waiting_ && session != nullptr) {
        waiting_ = false;
        if (stream_.ended())
            read_next_turn();
        else if (!unread_.empty())
            call();
    }
    const bool was_full = is_full();
    const Stream::Sent sent = blocked_ ? Stream::Sent::blocked : stream_.send(output);
    blocked_ = sent == Stream::Sent::blocked;
    if (sent == Stream::Sent::failed) {
        // What the client has said before it went is read first: it may be DISCONNECT.
        write_failed_ = true;
        output.clear();
        return read_next_turn();
    }
    if (!waiting_) watch();
    if ((was_full || stalled_) && !is_full()) call();
    stalled_ = is_full();
}

void MqttConnection::leave() {
    lost_ = true;
    if (!peer_is_done_ || !output.empty() || stream_.owes_farewell()) {
        loop_.poller().remove(stream_.socket().fd());
        loop_.see_off(std::move(stream_), std::move(output));
    }
    loop_.drop(*this);
}

void MqttConnection::close(bool peer_is_done) {
    closing_ = true;
    peer_is_done_ = peer_is_done;
    loop_.shard().mark_dirty(*this);
}

void MqttConnection::turn_began() {
    called_ = false;
    if (lost_ || closing_) return;
    if (!unread_.empty()) use({});
    if (closing_) return;
    if (end_read_) return end_of_stream();
    if (std::exchange(more_to_read_, false)) receive();
}

void MqttConnection::ready(std::uint32_t events) {
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

void MqttConnection::receive() {
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
    if (broken && session != nullptr && loop_.may_log())
        log::info("client {} from {}: closed, {}", session->client_id(), address(),
                  stream_.failure());
    if (!open || (write_failed_ && received.bytes.empty())) return end_of_stream();
    // The poller reports news only. A read that fills the space may have left something, and behind
    // the last bytes comes the end, which is no news when it came with them.
    if (received.filled_space || end_announced_ || write_failed_) read_next_turn();
}

// What the client has said before it went is taken in first; it may be DISCONNECT.
void MqttConnection::end_of_stream() {
    end_read_ = true;
    if (is_full()) {
        output.clear();  // nobody reads the answers any more
        return call();
    }
    if (pause == Pause::this_turn) return call();
    if (pause == Pause::until_told) return;  // read_on() comes back here
    lose();
}

void MqttConnection::read_next_turn() {
    more_to_read_ = true;
    call();
}

void MqttConnection::call() {
    if (!std::exchange(called_, true)) loop_.call_next_turn(*this);
}

bool MqttConnection::is_full() const {
    return output.size() > loop_.shard().settings().limits.max_output_bytes;
}

// Gives the shard what has come, and keeps what it has not used.
void MqttConnection::use(Bytes fresh) {
    const std::size_t before = unused_bytes();
    if (unread_.empty()) {
        const std::size_t used = loop_.shard().receive(*this, fresh);
        if (used < fresh.size() && !closing_) unread_.append(fresh.subspan(used));
    } else {
        unread_.append(fresh);
        used_ += static_cast<std::uint32_t>(
            loop_.shard().receive(*this, unread_.bytes().subspan(used_)));
        drop_used();
    }
    if (pause == Pause::this_turn && !closing_) call();
    if (unused_bytes() != before) loop_.count_unused(*this, before);
}

void MqttConnection::cut_off() {
    unread_.clear();
    used_ = 0;
    if (session != nullptr)
        session->close({Reason::quota_exceeded, "limit max_unfinished_bytes"});
    else if (!lost_ && !closing_)
        lose();
}

// Moves the rest to the front once it is the smaller part, so that each byte moves once or twice.
void MqttConnection::drop_used() {
    if (used_ < unread_.size() - used_) return;
    Buffer rest;
    rest.append(unread_.bytes().subspan(used_));
    unread_ = std::move(rest);
    used_ = 0;
}

void MqttConnection::lose() {
    lost_ = true;
    loop_.shard().link_lost(*this, stream_.failure());
    if (stream_.owes_farewell()) {
        loop_.poller().remove(stream_.socket().fd());
        loop_.see_off(std::move(stream_), {});
    }
    loop_.drop(*this);
}

// Once, for everything, edge-triggered: no further call for as long as the connection lives.
void MqttConnection::watch() {
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

void MqttConnection::begin_probe() {
    segments_before_probe_ = stream_.socket().segments_received();
    stream_.socket().probe_peer(true);
}

bool MqttConnection::probe_answered() {
    if (stream_.socket().segments_received() == segments_before_probe_) return false;
    stream_.socket().probe_peer(false);
    return true;
}

}  // namespace drawbridge::net
