// OpenTurns: which turns of one shard have caused something here that is not safe yet: a message
// in a session that outlives the process, which is neither on disk nor acknowledged by its client.
//
// Whoever has such a thing holds an OpenTurnPtr; the turn is over when the last one has gone.
// Threads: the owning shard's.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <vector>

namespace drawbridge::core {

class OpenTurn : public boost::intrusive::list_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    explicit OpenTurn(std::uint64_t turn) : turn_(turn) {}
    std::uint64_t turn() const { return turn_; }

private:
    friend void intrusive_ptr_add_ref(OpenTurn* open) { ++open->holders_; }
    friend void intrusive_ptr_release(OpenTurn* open) {
        if (--open->holders_ == 0) delete open;
    }

    const std::uint64_t turn_;
    std::uint32_t holders_ = 0;
};

using OpenTurnPtr = boost::intrusive_ptr<OpenTurn>;

class OpenTurns {
public:
    // The turn is the last one that was opened, or a later one.
    OpenTurnPtr open(std::uint64_t turn) {
        if (turns_.empty() || turns_.back().turn() != turn) turns_.push_back(*new OpenTurn(turn));
        return OpenTurnPtr(&turns_.back());
    }
    bool is_open(std::uint64_t turn) const {
        for (const OpenTurn& open : turns_)
            if (open.turn() >= turn) return open.turn() == turn;
        return false;
    }
    bool is_any_open(std::uint64_t up_to) const {
        return !turns_.empty() && turns_.front().turn() <= up_to;
    }
    // In order.
    void list(std::vector<std::uint64_t>& turns) const {
        turns.clear();
        for (const OpenTurn& open : turns_) turns.push_back(open.turn());
    }

private:
    boost::intrusive::list<OpenTurn, boost::intrusive::constant_time_size<false>> turns_;
};

}  // namespace drawbridge::core
