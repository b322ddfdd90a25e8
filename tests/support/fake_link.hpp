// FakeLink: a network connection in memory: two pipes, one each way, and a peer that reads when it
// is told to.
//
// Owner: ShardPump, for as long as it lives, so that a test may look at a link that has ended.
#pragma once

#include <string>

#include "broker/core/link.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::test {

class FakeLink;

// The client's end.
class Peer {
public:
    virtual void receive(FakeLink& link, Bytes bytes) = 0;

protected:
    ~Peer() = default;
};

class FakeLink final : public core::Link {
public:
    // identity: what the authenticator would find the peer to be.
    FakeLink(Peer& at_the_end, core::IdentityPtr who)
        : peer(at_the_end), identity(std::move(who)) {}

    void flush() override;
    void close(bool peer_is_done) override;
    void begin_probe() override { probed = true; }
    bool probe_answered() override { return probed && host_is_up; }
    void read_on() override { has_news = true; }
    std::string address() const override { return "192.0.2.7:50123"; }

    // The peer's end writes.
    void write(Bytes bytes);
    // Nothing can happen on it any more.
    bool ended() const { return closed || lost; }

    Peer& peer;
    const core::IdentityPtr identity;
    core::Shard* home = nullptr;  // null until its CONNECT has been read
    std::string to_broker;        // written by the peer, not used by the shard yet
    std::string to_peer;          // written by the shard, not read by the peer yet
    bool has_news = false;        // to_broker holds bytes that the shard has not looked at
    bool network_takes = true;    // false: what the shard flushes stays in its output
    bool host_is_up = true;       // the peer's host answers a probe
    bool probed = false;
    bool closed = false;     // by the broker
    bool flushed = false;    // for the last time
    bool peer_gone = false;  // the peer has closed; the shard has not noticed yet
    bool lost = false;       // the shard was told so
};

}  // namespace drawbridge::test
