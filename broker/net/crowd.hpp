// Crowd: the strangers of one loop, by the network they come from (an IPv4 address, an IPv6 /64):
// who must go when there are too many of them, or when they hold too much.
//
// Too many: the oldest of the network that has the most, so that one address cannot push out
// everybody else's; of those who have shown their CONNECT and wait for an answer only when nobody
// else is there, so that work that is nearly done is not thrown away. Too much: the one that holds
// the most.
// Owner: the loop. Threads: its own. Limit: what it tells its owner; it allocates one entry for
// each network.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>

namespace drawbridge::net {

// What the crowd knows of a stranger, and its place in it. Must be removed before it is destroyed.
class Stranger {
public:
    // number: the order of arrival.
    Stranger(std::uint64_t number, std::uint64_t network) : number_(number), network_(network) {}
    Stranger(const Stranger&) = delete;
    Stranger& operator=(const Stranger&) = delete;

    std::uint64_t number() const { return number_; }

private:
    friend class Crowd;

    const std::uint64_t number_;
    const std::uint64_t network_;
    bool heard_ = false;         // its CONNECT is here
    std::size_t bytes_ = 0;      // that it holds
    Stranger* older_ = nullptr;  // of the same group; null if it is the oldest
    Stranger* newer_ = nullptr;
};

class Crowd {
public:
    Crowd(std::size_t strangers_max, std::size_t bytes_max)
        : strangers_max_(strangers_max), bytes_max_(bytes_max) {}

    // The newest of all.
    void add(Stranger& stranger);
    void remove(Stranger& stranger);
    void set_bytes(Stranger& stranger, std::size_t bytes);
    // It has shown its CONNECT.
    void set_heard(Stranger& stranger);

    // Who must be removed now, after add(): null if nobody.
    Stranger* one_too_many() const;
    Stranger* too_heavy() const;

    // As many as there may be, and all of them have shown their CONNECT: nobody has to go, since
    // each will be answered soon. Until then nobody should be added.
    bool waits_for_answers() const { return silent_.size == 0 && is_full(); }
    bool is_full() const { return size() >= strangers_max_; }

    std::size_t size() const { return silent_.size + heard_.size; }

private:
    // Those of one network, oldest first.
    struct Group {
        Stranger* oldest = nullptr;
        Stranger* newest = nullptr;
        std::size_t size = 0;
    };
    struct Groups {
        boost::unordered_flat_map<std::uint64_t, Group> by_network;  // none is empty
        std::size_t size = 0;                                        // strangers
    };

    Groups& groups_of(const Stranger& stranger) { return stranger.heard_ ? heard_ : silent_; }
    void link(Stranger& stranger);
    void unlink(Stranger& stranger);

    const std::size_t strangers_max_;
    const std::size_t bytes_max_;
    Groups silent_;
    Groups heard_;
    std::size_t bytes_ = 0;
};

}  // namespace drawbridge::net
