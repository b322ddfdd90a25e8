// Connection: a client's socket and the packets that come and go on it. Nothing blocks.
//
// One thread. What the broker had sent before it was killed is still read: an acknowledgement that
// has left the broker counts.
#pragma once

#include <functional>
#include <vector>

#include "broker/base/buffer.hpp"
#include "broker/wire/framer.hpp"

namespace drawbridge::crash {

class Connection {
public:
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { close(); }

    // Begins to connect to 127.0.0.1. Returns false if nobody listens there.
    bool open(std::uint16_t port);
    // Cuts the connection off, without a word.
    void close();

    bool is_open() const { return fd_ >= 0; }
    int fd() const { return fd_; }  // -1: closed
    bool has_output() const { return !out_.empty(); }

    // Is told of each packet that leaves (sent) or is taken, if it is set.
    std::function<void(bool sent, const wire::Frame& frame)> on_packet;

    // What is encoded into it leaves with the next flush().
    Buffer& out() { return out_; }
    // Returns false when the connection has broken.
    bool flush();
    // Reads what has come. Returns false when the connection has ended; packets may have come
    // before.
    bool read();
    // Takes the next whole packet, which lives until read() is called. False: there is none.
    bool next(wire::Frame& frame);

private:
    int fd_ = -1;
    Buffer out_;
    std::size_t written_ = 0;  // of out_
    std::size_t told_ = 0;     // of out_
    std::vector<std::uint8_t> in_;
    std::size_t taken_ = 0;  // of in_
};

}  // namespace drawbridge::crash
