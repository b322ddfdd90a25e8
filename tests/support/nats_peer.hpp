// NatsPeer: a NATS client at the end of a link in memory, on one shard of a ShardPump: a test
// writes what the client sends and reads what it is told.
//
// It is there from the start, with its CONNECT: headers, no_responders, echo; neither verbose nor
// pedantic.
#pragma once

#include <optional>
#include <string>

#include "bridge/nats_client.hpp"
#include "tests/support/shard_pump.hpp"
#include "tests/support/test_identity.hpp"

namespace drawbridge::test {

class NatsPeer final : public core::Link {
public:
    NatsPeer(ShardPump& pump, unsigned shard, const bridge::NatsSettings& settings = {},
             core::IdentityPtr who = identity("back-end"));
    ~NatsPeer();

    // Writes, has it read, and lets all happen that can happen.
    void send(std::string_view text);
    // The same with a PING behind it; what comes until then.
    std::string ask(std::string_view text);
    // One turn of its shard, and nothing happens elsewhere: no commit, no turn of others.
    void send_in_a_turn(std::string_view text);
    // What it has been told since the last time.
    std::string said() { return std::exchange(said_, {}); }
    // Operations that have been read, but not used.
    std::size_t unused() const { return input_.size(); }

    void flush() override;
    void close(bool) override { closed = true; }
    void read_on() override { has_news_ = true; }
    std::string address() const override { return "192.0.2.8:50124"; }

    std::size_t network_takes = SIZE_MAX;  // so many bytes; the rest stays in the output
    bool closed = false;                   // by the broker

private:
    void receive();

    ShardPump& pump_;
    const unsigned shard_;
    const bridge::NatsSettings settings_;
    bridge::PendingBytes pending_;
    std::optional<bridge::NatsClient> client_;
    std::string input_;
    std::string said_;
    bool has_news_ = false;
};

}  // namespace drawbridge::test
