// Listener: one loop's share of an open port. All loops wait on the same socket; the kernel wakes
// one of them for each newcomer.
//
// Limit: accepts_per_turn_max. Where no more sockets can be opened (or may be: max_sockets leaves
// some descriptors to the rest of the broker) it does not spin: it rests and tries again, while the
// newcomers wait in the kernel's queue.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "broker/core/deadlines.hpp"
#include "broker/net/current_tls.hpp"
#include "broker/net/greeter.hpp"
#include "broker/net/poller.hpp"
#include "broker/net/ws_upgrade.hpp"

namespace drawbridge::net {

class Loop;

// An open port, shared by the loops' listeners.
struct Port {
    Port(std::string name, int fd, Greeter greeter, std::shared_ptr<const CurrentTls> tls,
         std::optional<WsRules> ws);
    ~Port();
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    const std::string name;
    const int fd;
    const Greeter greeter;
    const std::shared_ptr<const CurrentTls> tls;  // null: no TLS. Shared with who replaces it
    const std::optional<WsRules> ws;              // none: no WebSocket
};

class Listener final : public Pollable, public core::Deadline {
public:
    Listener(Loop& loop, const Port& port) : loop_(loop), port_(port) {}

    ~Listener() { close(); }

    // Both from the loop's thread, or before it runs. open() throws std::runtime_error.
    void open();
    void close();
    // Ends the hold: a stranger of the loop has gone.
    void go_on();

    void ready(std::uint32_t events) override;
    // Takes in those who wait, or some of them.
    void accept();

private:
    void expired(TimePoint now) override;  // the rest is over, or there has been none for a while
    bool watch();
    void unwatch();
    void accept_some();
    void rest(const char* why);
    void hold();

    Loop& loop_;
    const Port& port_;
    bool open_ = false;    // watched by the poller
    bool paused_ = false;  // has had to rest lately
    bool held_ = false;    // until strangers have been answered
};

}  // namespace drawbridge::net
