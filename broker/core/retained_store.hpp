// RetainedStore: the retained message of each topic. MQTT 5.0, section 3.3.1.3.
//
// Of each topic and tenant, to be exact: a message takes the place of those that its sender's
// tenant could see, and of no other tenant's. So there is one without a tenant, or one each of
// several tenants.
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
#include <vector>

#include "broker/base/limits.hpp"
#include "broker/core/recovery.hpp"

namespace drawbridge::core {

// From which shard's which turn a retained message comes. A subscriber whose shard had not seen
// that turn when it subscribed gets the message as any other, not as a retained one.
struct RetainedOrigin {
    unsigned shard = 0;
    std::uint64_t turn = 0;
    std::uint64_t publisher = 0;  // hash_text() of its client id, for No Local; 0: nobody's
};

// Where a search stands.
struct RetainedPlace {
    RetainedPlace(std::string_view name = {}, TenantId of = 0) : topic(name), tenant(of) {}

    std::string topic;  // "": at the beginning
    TenantId tenant;
};

class RetainedStore {
public:
    explicit RetainedStore(const Limits& limits) : limits_(limits) {}

    // An empty payload removes (MQTT-3.3.1-6). Returns false if a bound refused it.
    bool store(const MessageView& message, RetainedOrigin origin, TimePoint now);

    // Erases what has expired, at most `left` messages. gone: their topics, and those of what
    // store() has erased likewise. Returns when the next one expires; TimePoint::max(): never.
    TimePoint drop_expired(TimePoint now, int left, std::vector<std::string>& gone);

    // False: stop before this one.
    using Visit = std::function<bool(const MessagePtr&, RetainedOrigin)>;
    // Visits messages that filter matches, in the order of their topics, from `after` (exclusive)
    // on, and counts down `steps` for each message it looks at, until they are used up. Returns the
    // place to go on from, or nothing at the end.
    // reader: whose messages are visited, beside those without a tenant; 0: all tenants'. Those of
    // others are passed over, at three looks a topic at most.
    std::optional<RetainedPlace> search(std::string_view filter, TenantId reader,
                                        const RetainedPlace& after, std::size_t& steps,
                                        TimePoint now, const Visit& visit) const;

    // All that is kept of one topic: one message, or one each of several tenants.
    std::vector<KeptRetained> of_topic(std::string_view topic) const;

    std::size_t messages() const;
    std::size_t bytes() const;

private:
    struct Kept {
        MessagePtr message;
        RetainedOrigin origin;
    };
    using Key = std::pair<std::string_view, TenantId>;  // the message's own topic

    using Place = std::map<Key, Kept>::iterator;

    std::vector<Place> replaced_by(const MessageView& message);
    void erase(Place at);
    void erase_expired(TimePoint now, int left);

    const Limits& limits_;
    mutable std::shared_mutex mutex_;
    std::map<Key, Kept> kept_;  // guarded by mutex_
    // Those that expire, soonest first, so that what has expired does not count against the bounds.
    std::set<std::pair<TimePoint, Key>> expiries_;  // guarded by mutex_
    std::vector<std::string> expired_;              // erased; guarded by mutex_
    std::size_t bytes_ = 0;                         // guarded by mutex_
};

}  // namespace drawbridge::core
