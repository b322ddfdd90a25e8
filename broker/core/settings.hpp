// Settings: what the operator decides about the protocol's side of the broker. Fixed while it runs.
#pragma once

#include "broker/base/limits.hpp"

namespace drawbridge::core {

enum class DuplicatePolicy { reject, take_over };
enum class DeniedPublish { drop, disconnect };

// What becomes of a client with a subscription that new rules do not allow.
enum class RevokedSubscription { end, disconnect };

// What becomes of a message for a session whose queue is full: it is dropped there, or its
// publisher is told that it has not been taken over.
enum class QueueFull { drop, refuse };

struct Settings {
    Limits limits;
    DuplicatePolicy duplicate_client_id = DuplicatePolicy::reject;
    milliseconds duplicate_probe{3'000};  // 0: a newcomer is refused at once
    DeniedPublish denied_publish = DeniedPublish::drop;
    RevokedSubscription revoked_subscription = RevokedSubscription::end;
    QueueFull queue_full = QueueFull::drop;
};

}  // namespace drawbridge::core
