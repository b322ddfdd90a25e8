#include "storage/seen_turns.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"

namespace drawbridge::storage {

SeenTurns::SeenTurns(unsigned shards)
    : shards_(shards), pairs_(std::size_t{shards} * shards), kept_up_to_(shards) {}

void SeenTurns::take_in(unsigned shard, const core::Bundle& bundle) {
    ASSERT(bundle.seen.size() <= shards_);
    for (unsigned of_shard = 0; of_shard < bundle.seen.size(); ++of_shard) {
        std::uint64_t& heard = pairs_[shard * shards_ + of_shard].heard;
        heard = std::max(heard, bundle.seen[of_shard]);
    }
}

std::uint64_t SeenTurns::seen_by_all(unsigned shard) const {
    std::uint64_t lowest = UINT64_MAX;
    for (unsigned other = 0; other < shards_; ++other)
        if (other != shard) lowest = std::min(lowest, heard(other, shard));
    return lowest;
}

bool SeenTurns::is_missed(unsigned shard, const core::KeptPublish& publish) const {
    if (publish.group == 0) return seen_by_all(shard) < publish.turn;
    // A shard has heard of what it does itself.
    return publish.receiver_shard != shard && heard(publish.receiver_shard, shard) < publish.turn;
}

}  // namespace drawbridge::storage
