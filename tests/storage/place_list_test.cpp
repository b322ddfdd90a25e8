// Places of a queue's messages: compared with a plain map, whatever is added, changed and removed.
#include "storage/place_list.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

namespace drawbridge::storage {
namespace {

std::vector<Place> all_of(const PlaceList& places, std::uint64_t first = 0,
                          std::uint64_t last = UINT64_MAX) {
    std::vector<Place> all;
    places.visit(first, last, [&](const Place& place) {
        all.push_back(place);
        return true;
    });
    return all;
}

TEST_CASE("a list of places is what a map of them would be", "[storage][places]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto draw = [&](std::uint64_t below) { return random() % below; };
    PlaceList places;
    std::map<std::uint64_t, Place> model;
    std::uint64_t last_seq = 0;
    for (int round = 0; round < 3'000; ++round) {
        const std::uint64_t first = draw(last_seq + 2);
        switch (draw(8)) {
            case 0: {
                const std::uint64_t last = first + draw(draw(2) == 0 ? 4 : 400);
                std::vector<Place> erased;
                places.erase(first, last, [&](const Place& place) { erased.push_back(place); });
                const auto from = model.lower_bound(first);
                const auto to = model.upper_bound(last);
                std::vector<Place> expected;
                for (auto at = from; at != to; ++at) expected.push_back(at->second);
                CHECK((erased == expected));
                model.erase(from, to);
                break;
            }
            case 1: {
                const Place place{first, draw(1'000'000), draw(2) == 0, draw(2) == 0, true};
                places.change(place);
                if (model.contains(first)) model[first] = place;
                break;
            }
            case 2:
                if (first > 0 && !model.contains(first)) {
                    const Place place{first, draw(1'000'000)};
                    places.add(place);
                    model[first] = place;
                    last_seq = std::max(last_seq, first);
                }
                break;
            default:
                for (std::uint64_t count = draw(30); count > 0; --count) {
                    last_seq += 1 + draw(3);
                    const Place place{last_seq, draw(1'000'000), true, draw(3) == 0, false};
                    places.add(place);
                    model[last_seq] = place;
                }
        }
        const auto found = places.find(first);
        CHECK(found.has_value() == model.contains(first));
        if (found && model.contains(first)) CHECK(*found == model[first]);
        const auto next = model.upper_bound(first);
        CHECK(places.after(first) ==
              (next == model.end() ? std::nullopt : std::optional(next->first)));
        const auto at = model.lower_bound(first);
        CHECK(places.before(first) ==
              (at == model.begin() ? std::nullopt : std::optional(std::prev(at)->first)));
        CHECK(places.empty() == model.empty());
        if (round % 50 != 0) continue;
        std::vector<Place> expected;
        for (const auto& [seq, place] : model) expected.push_back(place);
        CHECK((all_of(places) == expected));
    }
}

TEST_CASE("a visit keeps to its range, and ends when it is told", "[storage][places]") {
    PlaceList places;
    for (std::uint64_t seq = 1; seq <= 1'000; ++seq) places.add({seq, 7});
    CHECK(all_of(places, 200, 450).size() == 251);
    CHECK(all_of(places, 1'001, 2'000).empty());
    int visited = 0;
    places.visit(1, 1'000, [&](const Place&) { return ++visited < 5; });
    CHECK(visited == 5);
}

}  // namespace
}  // namespace drawbridge::storage
