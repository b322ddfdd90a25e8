// Roster: all clients of a shard in the order in which they came, for what has to look at each of
// them and takes longer than one turn may.
//
// One walk at a time. It meets everybody who was there when it began and has not gone meanwhile,
// once, and those as well who come while it is under way.
// Threads: the shard's.
#pragma once

#include <boost/intrusive/list.hpp>

#include "broker/core/client.hpp"

namespace drawbridge::core {

class Roster {
public:
    void add(Client& client) {
        all_.push_back(client);
        if (next_ == all_.end()) --next_;
    }
    void remove(Client& client) {
        const auto at = all_.iterator_to(client);
        if (next_ == at) ++next_;
        all_.erase(at);
    }

    void begin_walk() { next_ = all_.begin(); }
    // Null at the end. Whoever it is may be removed before the next call.
    Client* next() { return next_ == all_.end() ? nullptr : &*next_++; }

private:
    using All = boost::intrusive::list<Client, boost::intrusive::base_hook<RosterHook>,
                                       boost::intrusive::constant_time_size<false>>;
    All all_;
    All::iterator next_ = all_.end();
};

}  // namespace drawbridge::core
