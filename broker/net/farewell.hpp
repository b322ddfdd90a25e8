// Farewells: connections that the broker has ended. Each gets its last words written, and a little
// time to close from its side: closing a socket with unread input would reset it, and the peer
// might never read the reason.
//
// Limits: farewell_time for each; this loop's share of farewells_max at once, then the oldest are
// cut off.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "broker/core/deadlines.hpp"
#include "broker/net/poller.hpp"
#include "broker/net/stream.hpp"

namespace drawbridge::net {

class Loop;

class Farewells final : public core::Deadline {
public:
    explicit Farewells(Loop& loop);
    ~Farewells();

    void begin(Stream stream, core::Output output);
    // At the end of a turn: frees those that are over.
    void bury();
    // Writes once more what can be written, and closes all.
    void close_all();

private:
    class Farewell;

    void expired(TimePoint now) override;
    void arm();

    Loop& loop_;
    const std::size_t open_max_;
    std::deque<std::unique_ptr<Farewell>> open_;  // oldest first
    bool some_over_ = false;
};

}  // namespace drawbridge::net
