// Audit: the port through which the broker tells what an operator may ask about later: every
// refusal, and how each connection ended. Implemented in auth/, which keeps it.
//
// What tells has decided already that it is worth telling: a flood of the same thing is held back
// where it happens (RecentRefusals), not here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace drawbridge::core {

struct AuditEvent {
    enum class Kind : std::uint8_t {
        connect_refused,
        subscribe_refused,
        publish_refused,
        will_refused,
        disconnected,
        locked_out,  // an address, a device, or a device at an address, for too many failures
        banned,      // a client at an address, for connecting again and again
    };

    Kind kind = Kind::disconnected;
    std::string identity{};   // whose it is, or whose a stranger says it is; "" if nobody is named
    std::string client_id{};  // as the client has chosen it, of any length
    std::string address{};    // "192.0.2.7:50123"
    std::string subject{};    // the topic or the filter; "" if it is not about one
    std::string why{};        // in words for the operator, with the rule
    bool routine = false;     // what happens all day: the first to be left out when there is much
};

std::string_view to_text(AuditEvent::Kind kind);  // "connect_refused"

class Audit {
public:
    virtual ~Audit() = default;

    // Any thread; never blocks, and takes about as long as the event's allocations.
    virtual void note(AuditEvent event) = 0;
};

// Keeps nothing.
Audit& no_audit();

}  // namespace drawbridge::core
