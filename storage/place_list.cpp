#include "storage/place_list.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/base/assert.hpp"

namespace drawbridge::storage {

void PlaceList::Block::add(const Place& place) {
    const std::uint64_t flags = unsigned{place.waits} | unsigned{place.shared} << 1 |
                                unsigned{place.has_progress} << 2 | unsigned{place.expires} << 3;
    put_varint(places, (place.seq - last_seq) << 4 | flags);
    put_varint(places, zigzag(place.chunk - last_chunk));
    if (size++ == 0) first_seq = place.seq;
    last_seq = place.seq;
    last_chunk = place.chunk;
}

std::optional<Place> PlaceList::find(std::uint64_t seq) const {
    std::optional<Place> found;
    visit(seq, seq, [&](const Place& place) {
        found = place;
        return false;
    });
    return found;
}

std::optional<std::uint64_t> PlaceList::before(std::uint64_t seq) const {
    if (seq == 0) return std::nullopt;
    std::size_t at = block_of(seq);
    if (at == blocks_.size() || blocks_[at].first_seq >= seq) {
        if (at == 0) return std::nullopt;
        return blocks_[at - 1].last_seq;
    }
    std::uint64_t found = 0;
    blocks_[at].visit([&](const Place& place) {
        if (place.seq >= seq) return false;
        found = place.seq;
        return true;
    });
    return found;
}

std::optional<std::uint64_t> PlaceList::after(std::uint64_t seq) const {
    std::optional<std::uint64_t> found;
    if (seq == UINT64_MAX) return found;
    visit(seq + 1, UINT64_MAX, [&](const Place& place) {
        found = place.seq;
        return false;
    });
    return found;
}

void PlaceList::add(const Place& place) {
    if (!blocks_.empty() && place.seq <= blocks_.back().last_seq) {
        const std::size_t at = block_of(place.seq);
        std::vector<Place> places = places_of(blocks_[at]);
        const auto where = std::find_if(places.begin(), places.end(),
                                        [&](const Place& other) { return other.seq >= place.seq; });
        ASSERT(where == places.end() || where->seq != place.seq);
        places.insert(where, place);
        return rewrite(at, places);
    }
    if (blocks_.empty() || blocks_.back().size >= limits::places_per_block_max) {
        if (!blocks_.empty()) blocks_.back().places.shrink_to_fit();
        blocks_.emplace_back();
    }
    blocks_.back().add(place);
}

void PlaceList::change(const Place& place) {
    const std::size_t at = block_of(place.seq);
    if (at == blocks_.size() || blocks_[at].first_seq > place.seq) return;
    std::vector<Place> places = places_of(blocks_[at]);
    for (Place& other : places)
        if (other.seq == place.seq) other = place;
    rewrite(at, places);
}

std::size_t PlaceList::block_of(std::uint64_t seq) const {
    const auto found = std::lower_bound(
        blocks_.begin(), blocks_.end(), seq,
        [](const Block& block, std::uint64_t value) { return block.last_seq < value; });
    return static_cast<std::size_t>(found - blocks_.begin());
}

std::vector<Place> PlaceList::places_of(const Block& block) const {
    std::vector<Place> places;
    places.reserve(block.size + 1);
    block.visit([&](const Place& place) {
        places.push_back(place);
        return true;
    });
    return places;
}

void PlaceList::rewrite(std::size_t block, const std::vector<Place>& places) {
    Block written;
    std::size_t put = 0;
    const bool splits = places.size() > limits::places_per_block_max;
    for (; put < (splits ? places.size() / 2 : places.size()); ++put) written.add(places[put]);
    blocks_[block] = std::move(written);
    if (!splits) return;
    Block rest;
    for (; put < places.size(); ++put) rest.add(places[put]);
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(block) + 1, std::move(rest));
}

}  // namespace drawbridge::storage
