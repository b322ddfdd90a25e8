#include "broker/core/settled_rounds.hpp"

namespace drawbridge::core {

bool SettledRounds::publish(std::uint64_t seen, const OpenTurns& open) {
    open.list(scratch_);
    if (seen == state_.seen && scratch_ == state_.open) return false;
    {
        const std::scoped_lock lock(mutex_);
        state_.seen = seen;
        state_.open.swap(scratch_);
        ++state_.version;
    }
    version_.store(state_.version, std::memory_order_seq_cst);
    return true;
}

SettledRounds::State SettledRounds::read() const {
    const std::scoped_lock lock(mutex_);
    return state_;
}

}  // namespace drawbridge::core
