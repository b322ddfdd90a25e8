// Link: the network side of one client, as the core sees it. Implemented in net/ by a socket, in
// tests by memory.
#pragma once

#include <string>

#include "broker/core/output.hpp"

namespace drawbridge::core {

class Session;

class Link {
public:
    // Writes what is in output, as far as the network takes it now. Called once at the end of a
    // turn in which something was appended, and again by the network itself when it can take more.
    virtual void flush() = 0;

    // Ends the connection once output has been written. The core does not touch the link
    // afterwards. peer_is_done: the client has said DISCONNECT, so nothing more is expected from
    // it.
    virtual void close(bool peer_is_done) = 0;

    // Asks the peer's host for a sign of life (interface: duplicate_probe). Of sessions only.
    virtual void begin_probe() {}
    // True if there was one since begin_probe().
    virtual bool probe_answered() { return true; }

    // Ends Pause::until_told.
    virtual void read_on() = 0;

    virtual std::string address() const = 0;  // "192.0.2.7:50123"

    // Why the shard has left whole packets unused. They are to be given again, and nothing is to be
    // read before that.
    enum class Pause : std::uint8_t {
        none,        // it has not; what is left is the beginning of a packet
        this_turn,   // this client has had its share of the turn
        until_told,  // this client sends more than messages_per_second or bytes_per_second
    };

    Output output;
    Session* session = nullptr;  // null before admission and after the end, and of a guest
    Pause pause = Pause::none;   // set by Shard::receive()
    bool dirty = false;          // in the shard's list of links to flush
    bool held = false;           // nothing may leave yet

protected:
    ~Link() = default;
};

}  // namespace drawbridge::core
