#include "broker/net/loop.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "broker/base/assert.hpp"
#include "broker/base/limits.hpp"
#include "broker/base/log.hpp"
#include "broker/net/farewell.hpp"
#include "broker/net/handshake.hpp"
#include "broker/net/mqtt_connection.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::net {

namespace {

// At the end: a message takes a step from shard to shard in each. A share group picks somebody, who
// may have to send it back.
constexpr int last_turns_max = 16;

}  // namespace

// An eventfd: ends the wait from another thread.
class Loop::Wakeup final : public Pollable {
public:
    explicit Wakeup(Poller& poller) : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        if (fd_ < 0 || !poller.add(fd_, *this, EPOLLIN))
            throw std::system_error(errno, std::system_category(), "eventfd");
    }
    ~Wakeup() { ::close(fd_); }

    void ring() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
    }
    void ready(std::uint32_t) override {
        std::uint64_t count;
        [[maybe_unused]] const ssize_t size = ::read(fd_, &count, sizeof count);
    }

    // Waits for a ring alone, not for sockets.
    void wait(int timeout_ms) {
        pollfd waiting{fd_, POLLIN, 0};
        if (::poll(&waiting, 1, timeout_ms) > 0) ready(POLLIN);
    }

private:
    const int fd_;
};

Loop::Loop(Network& network, core::Shard& shard)
    : network_(network),
      shard_(shard),
      wakeup_(std::make_unique<Wakeup>(poller_)),
      farewells_(std::make_unique<Farewells>(*this)),
      crowd_(network.share_of(network.settings().max_handshakes),
             std::max(limits::connect_bytes_max,
                      network.share_of(network.settings().max_handshake_bytes))) {
    shard_.wake = [this] { wakeup_->ring(); };
}

Loop::~Loop() = default;

void Loop::run() {
    while (!stopping_.load(std::memory_order_acquire)) turn(sleep_ms());
    close_all();
}

void Loop::stop() {
    stopping_.store(true, std::memory_order_release);
    wakeup_->ring();
}

void Loop::post(std::function<void()> task) {
    {
        const std::scoped_lock lock(mutex_);
        tasks_.push_back(std::move(task));
        if (has_tasks_.exchange(true, std::memory_order_release))
            return;  // it has been rung already
    }
    wakeup_->ring();
}

// A ring that came after the tasks were run and before the eventfd was read has been swallowed; its
// task is still there, so it is looked for before each sleep.
int Loop::sleep_ms() {
    if (shard_.has_work() || !called_.empty() || has_tasks_.load(std::memory_order_acquire))
        return 0;
    const TimePoint next = shard_.next_deadline();
    if (next == TimePoint::max()) return -1;
    const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, 60'000));
}

void Loop::turn(int timeout_ms) {
    std::array<epoll_event, limits::events_per_turn_max> events;
    int count = 0;
    const bool congested = shard_.congested();
    if (congested) {
        // Another shard is behind: it must catch up before more is read from clients here.
        wakeup_->wait(1);
    } else {
        const bool asleep = timeout_ms != 0 && shard_.mailbox().fall_asleep();
        count = poller_.wait(events, asleep ? timeout_ms : 0);
        if (asleep) shard_.mailbox().wake_up();
    }
    shard_.begin_turn(Clock::now());
    shard_.take_mail();
    run_tasks();
    if (!congested) call_connections();
    for (int i = 0; i < count; ++i)
        static_cast<Pollable*>(events[static_cast<std::size_t>(i)].data.ptr)
            ->ready(events[static_cast<std::size_t>(i)].events);
    for (Listener* const listener : accepting_) listener->accept();
    accepting_.clear();
    // While clients are not read, their silence is not theirs.
    if (!congested) shard_.expire();
    shard_.end_turn();
    bury();
}

void Loop::call_connections() {
    std::vector<Connection*> now;
    now.swap(called_);
    if (now.size() > limits::events_per_turn_max) {
        called_.assign(now.begin() + limits::events_per_turn_max, now.end());
        now.resize(limits::events_per_turn_max);
    }
    for (Connection* connection : now) connection->turn_began();
}

void Loop::run_tasks() {
    if (!has_tasks_.load(std::memory_order_acquire)) return;
    std::vector<std::function<void()>> tasks;
    {
        const std::scoped_lock lock(mutex_);
        tasks.swap(tasks_);
        has_tasks_.store(false, std::memory_order_relaxed);
    }
    for (const auto& task : tasks) task();
}

// Who really wants to connect is done in milliseconds, so of too many strangers an old one goes: a
// flood of silent ones does not keep devices out.
void Loop::greet(const Greeter& greeter, Stream stream) {
    const std::uint64_t number = ++last_handshake_;
    auto handshake = greeter(*this, number, std::move(stream));
    Handshake& made = *handshake;
    handshakes_.emplace(number, std::move(handshake));
    crowd_.add(made);
    if (!made.begin()) return drop(made);
    while (Stranger* const one = crowd_.one_too_many())
        push_out(*one, "pushed out, too many strangers (max_handshakes)");
}

void Loop::stranger_holds(Handshake& handshake, std::size_t bytes) {
    crowd_.set_bytes(handshake, bytes);
    while (Stranger* const one = crowd_.too_heavy())
        push_out(*one, "pushed out, strangers hold too much (max_handshake_bytes)");
}

void Loop::forget_held(Listener& listener) { std::erase(held_, &listener); }

void Loop::stranger_heard(Handshake& handshake) { crowd_.set_heard(handshake); }

void Loop::push_out(Stranger& stranger, std::string_view why) {
    network_.stats().strangers_pushed_out.fetch_add(1, std::memory_order_relaxed);
    static_cast<Handshake&>(stranger).end(why);
}

void Loop::turn_away(Socket socket) {
    network_.stats().refused_address_full.fetch_add(1, std::memory_order_relaxed);
    if (may_log())
        log::info(
            "stranger from {}: closed, its address has as many as "
            "max_connections_per_address",
            socket.peer());
}

void Loop::welcome(Stream stream, std::unique_ptr<core::ConnectRequest> request, Buffer unread,
                   bool watched) {
    const Full full = become_client(stream.socket().seat(), request->client_id);
    if (full != Full::no) {
        if (watched) poller_.remove(stream.socket().fd());
        return refuse(std::move(stream), *request, full);
    }
    auto connection =
        std::make_unique<MqttConnection>(*this, std::move(stream), std::move(unread), watched);
    MqttConnection& made = *connection;
    keep(std::move(connection));
    made.begin(std::move(request));
    count_unused(made, made.unused_bytes());
}

Full Loop::welcome(Stream& stream,
                   const std::function<std::unique_ptr<Connection>(Stream stream)>& make) {
    const Full full = stream.socket().seat().become_client();
    if (full != Full::no) return full;
    Connection& made = keep(make(std::move(stream)));
    shard_.mark_dirty(made);
    count_unused(made, made.unused_bytes());
    return full;
}

Connection& Loop::keep(std::unique_ptr<Connection> connection) {
    Connection& kept = *connection;
    kept.place = connections_.size();
    connections_.push_back(std::move(connection));
    unused_bytes_ += kept.unused_bytes();
    return kept;
}

// Who has a connection already will have one in the end, whoever of the two keeps it, so a client
// that reconnects before its old connection is missed finds its place.
Full Loop::become_client(Seat& seat, const std::string& client_id) {
    const Full full = seat.become_client();
    if (full == Full::no || !shard_.is_connected(client_id)) return full;
    seat.replace_client();
    return Full::no;
}

void Loop::refuse(Stream stream, const core::ConnectRequest& request, Full full) {
    shard_.stats().connects_refused.add();
    NetworkStats& stats = network_.stats();
    auto& counter = full == Full::broker ? stats.refused_broker_full : stats.refused_address_full;
    counter.fetch_add(1, std::memory_order_relaxed);
    const Headcount::Bounds& bounds = network_.headcount().bounds();
    if (may_log())
        log::warn("client {} from {}: refused, {}", request.client_id, stream.peer(),
                  full == Full::broker
                      ? fmt::format("the broker has {} clients already (max_connections)",
                                    bounds.clients_max)
                      : fmt::format("its address has {} clients already "
                                    "(max_connections_per_address)",
                                    bounds.clients_per_network_max));
    network_.broker().audit().note({.kind = core::AuditEvent::Kind::connect_refused,
                                    .identity = std::string(request.identity->id()),
                                    .client_id = request.client_id,
                                    .address = stream.peer(),
                                    .why = full == Full::broker
                                               ? "the broker is full (max_connections)"
                                               : "its address is full "
                                                 "(max_connections_per_address)"});
    core::Output output;
    core::append_refusal(request.view(), Reason::quota_exceeded, "", output.bytes());
    see_off(std::move(stream), std::move(output));
}

void Loop::see_off(Stream stream, core::Output output) {
    farewells_->begin(std::move(stream), std::move(output));
}

void Loop::drop(Handshake& handshake) {
    const auto found = handshakes_.find(handshake.number());
    ASSERT(found != handshakes_.end());
    crowd_.remove(handshake);
    for (Listener* const listener : std::exchange(held_, {})) listener->go_on();
    dropped_handshakes_.push_back(std::move(found->second));
    handshakes_.erase(found);
}

void Loop::drop(Connection& connection) {
    const std::size_t place = connection.place;
    ASSERT(connections_[place].get() == &connection);
    std::erase(called_, &connection);
    unused_bytes_ -= connection.unused_bytes();
    dropped_connections_.push_back(std::move(connections_[place]));
    if (place + 1 < connections_.size()) {
        connections_[place] = std::move(connections_.back());
        connections_[place]->place = place;
    }
    connections_.pop_back();
}

void Loop::count_unused(const Connection& connection, std::size_t before) {
    unused_bytes_ += connection.unused_bytes();
    unused_bytes_ -= before;
    const std::size_t most = shard_.settings().limits.max_unfinished_bytes / network_.loops();
    if (unused_bytes_ <= most) return;
    Connection& largest = **std::ranges::max_element(
        connections_, {}, [](const auto& each) { return each->unused_bytes(); });
    unused_bytes_ -= largest.unused_bytes();
    largest.cut_off();
}

void Loop::answer_stranger(std::uint64_t number, core::AuthAnswer answer) {
    const auto found = handshakes_.find(number);
    if (found != handshakes_.end()) found->second->answered(std::move(answer));
}

void Loop::bury() {
    dropped_handshakes_.clear();
    dropped_connections_.clear();
    farewells_->bury();
}

void Loop::end_last_turn() {
    if (shard_.keeper().is_on()) shard_.keeper().want_now();
    shard_.end_turn();
}

void Loop::close_all() {
    shard_.begin_turn(Clock::now());
    run_tasks();  // clients on their way here
    shard_.disconnect_all(Reason::server_shutting_down);
    end_last_turn();
    // Wills for sessions at home elsewhere are mail by now, and so is what their share groups do.
    for (int left = last_turns_max; left > 0 && network_.mail_is_left(); --left) {
        shard_.begin_turn(Clock::now());
        shard_.take_mail();
        end_last_turn();
    }
    bury();
    handshakes_.clear();
    connections_.clear();
    farewells_->close_all();
    bury();
}

}  // namespace drawbridge::net
