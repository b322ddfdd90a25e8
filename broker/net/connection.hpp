// Connection: a client: its stream, and the beginning of an operation whose end has not come yet.
// What it says is the business of a protocol: MqttConnection, and others that derive from this.
//
// Idle, it holds no buffer. Owner: its loop, which may be told to drop it at the end of the turn.
#pragma once

#include "broker/core/link.hpp"
#include "broker/net/poller.hpp"
#include "broker/net/stream.hpp"

namespace drawbridge::net {

class Loop;

class Connection : public Pollable, public core::Link {
public:
    // unread: what came behind what the handshake has read. watched: the loop's poller knows the
    // socket already.
    Connection(Loop& loop, Stream stream, Buffer unread, bool watched);
    virtual ~Connection();

    // As asked for by Loop::call_next_turn().
    void turn_began();

    void ready(std::uint32_t events) override;

    void flush() override;
    void close(bool peer_is_done) override;
    void read_on() override { call(); }
    std::string address() const override { return stream_.peer(); }

    // Ends it: too much is kept for it.
    void cut_off();
    // Bytes kept of operations that are not complete, or not taken in yet.
    std::size_t unused_bytes() const { return unread_.size() - used_; }

    std::size_t place = 0;  // in the loop's list

protected:
    // Takes in what the client has sent, and returns how much has been used up; `pause` says why
    // whole operations were left.
    virtual std::size_t take_in(Bytes bytes) = 0;
    // It may be read.
    virtual bool is_admitted() const = 0;
    // So much waits for it that it is not read any more.
    virtual bool is_full() const = 0;
    // Output has been written, as much as the socket took; what is left is in `output`.
    virtual void written(std::size_t) {}
    // A layer of the stream has failed, and what follows is the end.
    virtual void stream_broke(const std::string&) {}
    // The connection is gone. why: "" if nothing is known.
    virtual void network_lost(std::string_view why) = 0;
    // It keeps more unfinished than it may.
    virtual void end_unfinished() = 0;

    Loop& loop() const { return loop_; }
    Stream& stream() { return stream_; }

private:
    void receive();
    void read_next_turn();
    void call();
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
    bool in_poller_;          // as a stranger, until watched_
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
