// RetainedStore: the retained message of each topic. MQTT 5.0, section 3.3.1.3.
//
// Topics are kept in order, so a wildcard search begins at the filter's fixed beginning and can
// stop and go on at any topic: a store of a million messages is read in short pieces.
// Threads: any.
// Limit: max_retained_messages and max_retained_bytes; a new topic beyond is refused, a known one
// is replaced if the bytes allow it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>

#include "broker/base/limits.hpp"
#include "broker/core/message.hpp"

namespace drawbridge::core {

// From which shard's which turn a retained message comes. A subscriber whose shard had not seen
// that turn when it subscribed gets the message as any other, not as a retained one.
struct RetainedOrigin {
    unsigned shard = 0;
    std::uint64_t turn = 0;
    std::uint64_t publisher = 0;  // hash_text() of its client id, for No Local; 0: nobody's
};

class RetainedStore {
public:
    explicit RetainedStore(const Limits& limits) : limits_(limits) {}

    // An empty payload removes (MQTT-3.3.1-6). Returns false if a bound refused it.
    bool store(const MessageView& message, RetainedOrigin origin, TimePoint now);

    // False: stop before this one.
    using Visit = std::function<bool(const MessagePtr&, RetainedOrigin)>;
    // Visits messages that filter matches, in the order of their topics, from `after` (exclusive;
    // "" for the beginning) on, and counts down `steps` for each topic it looks at, until they are
    // used up. Returns the topic to go on from, or nothing at the end.
    std::optional<std::string> search(std::string_view filter, const std::string& after,
                                      std::size_t& steps, TimePoint now, const Visit& visit) const;

    std::size_t messages() const;
    std::size_t bytes() const;

private:
    struct Kept {
        MessagePtr message;
        RetainedOrigin origin;
    };

    void erase(std::map<std::string_view, Kept>::iterator at);

    const Limits& limits_;
    mutable std::shared_mutex mutex_;
    std::map<std::string_view, Kept> kept_;  // guarded by mutex_; keyed by the message's own topic
    // Those that expire, soonest first, so that what has expired does not count against the bounds.
    std::set<std::pair<TimePoint, std::string_view>> expiries_;  // guarded by mutex_
    std::size_t bytes_ = 0;                                      // guarded by mutex_
};

}  // namespace drawbridge::core
