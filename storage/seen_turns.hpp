// SeenTurns: which turns of each other the shards have heard of, as far as it is committed.
//
// Owner: the journal's writer. A transaction works on a copy, which takes the place of the original
// when it is committed. Memory: 16 bytes for each pair of shards.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/core/journal.hpp"

namespace drawbridge::storage {

class SeenTurns {
public:
    explicit SeenTurns(unsigned shards);

    // All of a shard's bundles that one transaction holds are taken in before the questions below
    // are asked.
    void take_in(unsigned shard, const core::Bundle& bundle);

    // Of the shard's turns, the last that all others have heard of. With one shard there is no
    // other, and it is UINT64_MAX.
    std::uint64_t seen_by_all(unsigned shard) const;

    // Must the message be kept, for one who has not heard of it?
    bool is_missed(unsigned shard, const core::KeptPublish& publish) const;

    // Up to which turn messages of the shard are in the file; 0: none are.
    std::uint64_t& kept_up_to(unsigned shard) { return kept_up_to_[shard]; }

    std::uint64_t heard(unsigned shard, unsigned of_shard) const {
        return pairs_[shard * shards_ + of_shard].heard;
    }
    // What is in the file of it.
    std::uint64_t& written(unsigned shard, unsigned of_shard) {
        return pairs_[shard * shards_ + of_shard].written;
    }
    unsigned shards() const { return shards_; }

private:
    struct Pair {
        std::uint64_t heard = 0;
        std::uint64_t written = 0;
    };

    unsigned shards_;
    std::vector<Pair> pairs_;
    std::vector<std::uint64_t> kept_up_to_;
};

}  // namespace drawbridge::storage
