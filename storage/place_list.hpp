// PlaceList: where the messages of one session's queue are, in the order of the queue.
//
// Differences of neighbours, in blocks that each begin anew: three or four bytes for a message, so
// that a million that wait for somebody who does not come cost 4 MB. To change one place rewrites
// its block, half a microsecond.
// Owner: QueueIndex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/varints.hpp"

namespace drawbridge::storage {

namespace limits {

// Of the places in a block. A session with 1,000,000 messages has 8,000 blocks.
constexpr std::size_t places_per_block_max = 128;

}  // namespace limits

struct Place {
    std::uint64_t seq = 0;
    std::uint64_t chunk = 0;    // the row of `chunks`
    bool waits = true;          // KeptMessage::State::waits
    bool shared = false;        // of a shared subscription
    bool has_progress = false;  // a row of `progress`
    bool expires = false;

    bool operator==(const Place&) const = default;
};

class PlaceList {
public:
    bool empty() const { return blocks_.empty(); }
    std::optional<Place> find(std::uint64_t seq) const;
    // The greatest seq below this one, the least above it.
    std::optional<std::uint64_t> before(std::uint64_t seq) const;
    std::optional<std::uint64_t> after(std::uint64_t seq) const;
    // Those of [first, last], in their order, until visit(place) returns false.
    template <class Visit>
    void visit(std::uint64_t first, std::uint64_t last, Visit visit) const;

    // Behind all others, or, slowly, where it belongs. None has this seq.
    void add(const Place& place);
    // Changes the one with place.seq, if there is one.
    void change(const Place& place);
    // Removes those of [first, last]; calls erased(place) for each.
    template <class Erased>
    void erase(std::uint64_t first, std::uint64_t last, Erased erased);

private:
    struct Block {
        std::uint64_t first_seq = 0;
        std::uint64_t last_seq = 0;
        std::uint64_t last_chunk = 0;
        std::size_t size = 0;
        std::string places;

        void add(const Place& place);
        template <class Visit>
        bool visit(Visit visit) const;
    };

    // The first block that ends at seq or behind it.
    std::size_t block_of(std::uint64_t seq) const;
    std::vector<Place> places_of(const Block& block) const;
    // Blocks of these places take the place of one.
    void rewrite(std::size_t block, const std::vector<Place>& places);

    std::vector<Block> blocks_;  // none is empty
};

template <class Visit>
bool PlaceList::Block::visit(Visit visit) const {
    VarintReader in(as_bytes(places));
    Place place;
    while (in.left() > 0) {
        const std::uint64_t number = in.number();
        place.seq += number >> 4;
        place.waits = (number & 1) != 0;
        place.shared = (number & 2) != 0;
        place.has_progress = (number & 4) != 0;
        place.expires = (number & 8) != 0;
        place.chunk += unzigzag(in.number());
        if (!visit(static_cast<const Place&>(place))) return false;
    }
    return true;
}

template <class Visit>
void PlaceList::visit(std::uint64_t first, std::uint64_t last, Visit visit) const {
    for (std::size_t at = block_of(first); at < blocks_.size(); ++at) {
        const bool more = blocks_[at].visit([&](const Place& place) {
            return place.seq < first || (place.seq <= last && visit(place));
        });
        if (!more) return;
    }
}

template <class Erased>
void PlaceList::erase(std::uint64_t first, std::uint64_t last, Erased erased) {
    const std::size_t begin = block_of(first);
    std::size_t dropped = 0;  // whole blocks, one after the other
    std::size_t drop_from = begin;
    for (std::size_t at = begin; at < blocks_.size() && blocks_[at].first_seq <= last; ++at) {
        std::vector<Place> left;
        blocks_[at].visit([&](const Place& place) {
            if (place.seq < first || place.seq > last)
                left.push_back(place);
            else
                erased(place);
            return true;
        });
        if (left.empty()) {
            if (dropped++ == 0) drop_from = at;
        } else if (left.size() != blocks_[at].size) {
            rewrite(at, left);
        }
    }
    const auto from = blocks_.begin() + static_cast<std::ptrdiff_t>(drop_from);
    blocks_.erase(from, from + static_cast<std::ptrdiff_t>(dropped));
}

}  // namespace drawbridge::storage
