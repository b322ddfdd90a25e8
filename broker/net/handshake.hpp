// Handshake: a stranger: reads what it shows of itself, has that authenticated, and makes a client
// of it. What it has to show is the business of a protocol: MqttHandshake, and others that derive
// from this.
//
// Bounds: connect_timeout for all of it, and what each protocol lets one show; for all of them
// together, those of the loop's Crowd.
#pragma once

#include "broker/core/authenticator.hpp"
#include "broker/core/deadlines.hpp"
#include "broker/net/crowd.hpp"
#include "broker/net/poller.hpp"
#include "broker/net/stream.hpp"

namespace drawbridge::net {

class Loop;

class Handshake : public Pollable, public core::Deadline, public Stranger {
public:
    Handshake(Loop& loop, std::uint64_t number, Stream stream);
    virtual ~Handshake();

    // Registers with the poller; false if that fails.
    virtual bool begin();
    // What the authenticator says.
    void answered(core::AuthAnswer answer);
    // Closes it without a word to the peer. It is dropped at the end of the turn.
    void end(std::string_view why);

    void ready(std::uint32_t events) override;

protected:
    // More has come: received() has all of it.
    virtual void read() = 0;
    virtual void answer(core::AuthAnswer answer) = 0;
    virtual void timed_out() = 0;
    // Tells the audit.
    virtual void note_refused(std::string_view why) = 0;
    // Of what is kept beside received().
    virtual std::size_t bytes_held() const { return received_.size(); }

    // Nothing is read until answer() is called.
    void authenticate(core::Credentials credentials);
    // The peer gets these words before the connection is closed.
    void see_off(core::Output last_words);
    // It is somebody else's now, and this one is dropped at the end of the turn.
    Stream leave();

    Loop& loop() { return loop_; }
    Stream& stream() { return stream_; }
    Buffer& received() { return received_; }
    bool has_ended() const { return ended_; }

private:
    void expired(TimePoint now) override;
    void lose();
    void close(std::string_view why);
    void watch(std::uint32_t events);

    Loop& loop_;
    Stream stream_;
    Buffer received_;
    bool waits_ = false;  // for the authenticator
    bool ended_ = false;
};

}  // namespace drawbridge::net
