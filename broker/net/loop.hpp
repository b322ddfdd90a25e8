// Loop: the thread of one shard: waits for sockets, mail, tasks and deadlines, and gives each round
// to the shard as one turn.
//
// Threads: run() on the shard's thread; post() and stop() from any; the rest from the shard's
// thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "broker/base/log_quota.hpp"
#include "broker/core/shard.hpp"
#include "broker/net/crowd.hpp"
#include "broker/net/greeter.hpp"
#include "broker/net/headcount.hpp"
#include "broker/net/poller.hpp"
#include "broker/net/stream.hpp"

namespace drawbridge::net {

class Farewells;
class Handshake;
class Connection;
class Listener;
class Network;

class Loop {
public:
    Loop(Network& network, core::Shard& shard);
    ~Loop();

    // Turns until stop(). Afterwards no connection is left.
    void run();
    void stop();
    // Runs task on the shard's thread, at the beginning of a turn.
    void post(std::function<void()> task);

    core::Shard& shard() { return shard_; }
    Network& network() { return network_; }
    Poller& poller() { return poller_; }
    ReadSpace& read_space() { return read_space_; }

    // A connection from a listener. Takes care of the bounds on strangers.
    void greet(const Greeter& greeter, Stream stream);
    const Crowd& crowd() const { return crowd_; }
    // Tells the listener to go on once a stranger has gone.
    void hold(Listener& listener) { held_.push_back(&listener); }
    void forget_held(Listener& listener);
    // Calls listener.accept() once everything of this turn has been read.
    void accept_after_reading(Listener& listener) { accepting_.push_back(&listener); }
    // One whose address has too many strangers: closes it.
    void turn_away(Socket socket);
    // So many bytes have come from it that are kept.
    void stranger_holds(Handshake& handshake, std::size_t bytes);
    // It has shown its CONNECT.
    void stranger_heard(Handshake& handshake);
    // A stranger that this shard is the home of, with what it sent behind its CONNECT. watched: it
    // has been a stranger here, and its socket is in this loop's poller, disarmed. Takes care of
    // the bounds on clients.
    void welcome(Stream stream, std::unique_ptr<core::ConnectRequest> request, Buffer unread,
                 bool watched);
    // The same of a client that stays on this shard and has no session; what makes it is not called
    // if there is no room for it, and the stream is the caller's again then.
    Full welcome(Stream& stream,
                 const std::function<std::unique_ptr<Connection>(Stream stream)>& make);
    // Writes what is left in output, ends the stream, and waits a little for the peer to do the
    // same.
    void see_off(Stream stream, core::Output output);

    // Destroys it at the end of the turn.
    void drop(Handshake& handshake);
    void drop(Connection& connection);
    // connection.unused_bytes() has changed, from `before`. When too much is kept in all, who has
    // the most is cut off.
    void count_unused(const Connection& connection, std::size_t before);
    // Calls connection.turn_began() at the beginning of the next turn.
    void call_next_turn(Connection& connection) { called_.push_back(&connection); }
    // False when strangers cause more lines than anybody reads; what is left out is counted and
    // told later.
    bool may_log() { return log_quota_.allows(shard_.now()); }
    // The answer for a stranger, which may have gone meanwhile. From the shard's thread.
    void answer_stranger(std::uint64_t handshake, core::AuthAnswer answer);

private:
    class Wakeup;

    Connection& keep(std::unique_ptr<Connection> connection);
    void push_out(Stranger& stranger, std::string_view why);
    Full become_client(Seat& seat, const std::string& client_id);
    void refuse(Stream stream, const core::ConnectRequest& request, Full full);
    void turn(int timeout_ms);
    int sleep_ms();
    void run_tasks();
    void call_connections();
    void bury();
    void end_last_turn();
    void close_all();

    Network& network_;
    core::Shard& shard_;
    Poller poller_;
    ReadSpace read_space_;
    std::unique_ptr<Wakeup> wakeup_;
    std::unique_ptr<Farewells> farewells_;

    boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Handshake>> handshakes_;  // by number
    Crowd crowd_;                                                                      // of them
    std::uint64_t last_handshake_ = 0;
    std::vector<Listener*> held_;
    std::vector<Listener*> accepting_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<std::unique_ptr<Handshake>> dropped_handshakes_;
    std::vector<std::unique_ptr<Connection>> dropped_connections_;
    std::vector<Connection*> called_;
    std::size_t unused_bytes_ = 0;  // of connections_

    log::Quota log_quota_;

    std::mutex mutex_;
    std::vector<std::function<void()>> tasks_;  // guarded by mutex_
    std::atomic<bool> has_tasks_{false};
    std::atomic<bool> stopping_{false};
};

}  // namespace drawbridge::net
