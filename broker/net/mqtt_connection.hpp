// MqttConnection: a client: its stream, and the beginning of a packet whose end has not come yet.
// The network half of a session.
//
// Idle, it holds no buffer. Owner: the loop of its home shard.
#pragma once

#include "broker/core/connect_request.hpp"
#include "broker/core/link.hpp"
#include "broker/net/poller.hpp"
#include "broker/net/stream.hpp"

namespace drawbridge::net {

class Loop;

class MqttConnection final : public Pollable, public core::Link {
public:
    // unread: what came behind the CONNECT. watched: the loop's poller knows the socket already.
    MqttConnection(Loop& loop, Stream stream, Buffer unread, bool watched);
    ~MqttConnection();

    // Asks the shard for admission.
    void begin(std::unique_ptr<core::ConnectRequest> request);
    // As asked for by Loop::call_next_turn().
    void turn_began();

    void ready(std::uint32_t events) override;

    void flush() override;
    void close(bool peer_is_done) override;
    void begin_probe() override;
    bool probe_answered() override;
    void read_on() override { call(); }
    std::string address() const override { return stream_.peer(); }

    // Ends it: too much is kept for it.
    void cut_off();
    // Bytes kept of packets that are not complete, or not taken in yet.
    std::size_t unused_bytes() const { return unread_.size() - used_; }

    std::size_t place = 0;  // in the loop's list

private:
    void receive();
    void read_next_turn();
    void call();
    bool is_full() const;
    bool may_read() const { return !is_full() && pause == Pause::none; }
    void use(Bytes fresh);
    void drop_used();
    void end_of_stream();
    void lose();
    void leave();
    void watch();

    Loop& loop_;
    Stream stream_;
    Buffer unread_;
    std::uint32_t used_ = 0;  // of unread_
    std::uint32_t segments_before_probe_ = 0;
    bool in_poller_;  // as a stranger, until watched_
    bool watched_ = false;
    bool more_to_read_ = false;
    bool end_announced_ = false;  // behind what is left to read comes the end
    bool end_read_ = false;       // and all has been read
    bool called_ = false;         // for the next turn
    bool stalled_ = false;        // was full after the last flush
    bool blocked_ = false;        // the socket takes no more for now
    bool waiting_ = true;         // not admitted yet: nothing is read
    bool write_failed_ = false;
    bool closing_ = false;  // the core has ended it
    bool peer_is_done_ = false;
    bool lost_ = false;  // it is over, and dropped at the end of the turn
};

}  // namespace drawbridge::net
