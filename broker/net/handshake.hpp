// Handshake: a stranger. Reads its CONNECT, has it authenticated, and sends it home to the shard of
// its client id.
//
// Bounds: connect_timeout for all of it, limits::connect_bytes_max for the packet; for all of them
// together, those of the loop's Crowd.
#pragma once

#include "broker/core/connect_request.hpp"
#include "broker/core/deadlines.hpp"
#include "broker/net/crowd.hpp"
#include "broker/net/poller.hpp"
#include "broker/net/stream.hpp"

namespace drawbridge::net {

class Loop;

class Handshake final : public Pollable, public core::Deadline, public Stranger {
public:
    Handshake(Loop& loop, std::uint64_t number, Stream stream);
    ~Handshake();

    // Registers with the poller; false if that fails.
    bool begin();
    void answer(core::AuthAnswer answer);
    // Closes it without a word of MQTT to the peer. It is dropped at the end of the turn.
    void end(std::string_view why);

    void ready(std::uint32_t events) override;

private:
    void expired(TimePoint now) override;

    void lose();
    void close(std::string_view why);
    void read_connect();
    void authenticate();
    void refuse(wire::Version version, Reason reason, std::string_view why);
    void note_refused(std::string_view why);
    void watch(std::uint32_t events);

    std::size_t bytes_held() const { return received_.size() + connect_bytes_; }

    Loop& loop_;
    Stream stream_;
    Buffer received_;                                // the CONNECT, and what came behind it
    std::unique_ptr<core::ConnectRequest> request_;  // while it is being authenticated
    std::size_t connect_bytes_ = 0;                  // of request_
    bool ended_ = false;
};

}  // namespace drawbridge::net
