// Which stranger goes when there are too many, or when they hold too much. Method: strangers
// without a socket; chance against a plain search.
#include "broker/net/crowd.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

namespace drawbridge::net {
namespace {

constexpr std::size_t plenty = 1u << 30;

TEST_CASE("nobody has to go while there is room", "[net][crowd]") {
    Crowd crowd(2, 100);
    Stranger first(1, 7), second(2, 7);
    crowd.add(first);
    crowd.add(second);
    crowd.set_bytes(first, 60);
    crowd.set_bytes(second, 40);
    CHECK(crowd.one_too_many() == nullptr);
    CHECK(crowd.too_heavy() == nullptr);
    CHECK(crowd.size() == 2);
}

TEST_CASE("of strangers from as many addresses the oldest goes", "[net][crowd]") {
    Crowd crowd(2, plenty);
    Stranger first(1, 7), second(2, 8), third(3, 9);
    crowd.add(first);
    crowd.add(second);
    crowd.add(third);
    CHECK(crowd.one_too_many() == &first);
    crowd.remove(first);
    CHECK(crowd.one_too_many() == nullptr);
}

TEST_CASE("an address that floods pushes out its own strangers and nobody else's", "[net][crowd]") {
    Crowd crowd(3, plenty);
    Stranger device(1, 7), flood1(2, 8), flood2(3, 8), flood3(4, 8), late_device(5, 9);
    for (Stranger* one : {&device, &flood1, &flood2, &flood3}) crowd.add(*one);
    CHECK(crowd.one_too_many() == &flood1);
    crowd.remove(flood1);
    crowd.add(late_device);
    CHECK(crowd.one_too_many() == &flood2);
}

TEST_CASE("a full crowd waits for answers once everybody has shown a CONNECT", "[net][crowd]") {
    Crowd crowd(2, plenty);
    Stranger first(1, 7), second(2, 7);
    crowd.add(first);
    crowd.set_heard(first);
    CHECK_FALSE(crowd.waits_for_answers());
    crowd.add(second);
    CHECK_FALSE(crowd.waits_for_answers());
    crowd.set_heard(second);
    CHECK(crowd.waits_for_answers());
    crowd.remove(first);
    CHECK_FALSE(crowd.waits_for_answers());
}

TEST_CASE("who has shown its CONNECT is pushed out only when nobody silent is left",
          "[net][crowd]") {
    Crowd crowd(2, plenty);
    Stranger heard1(1, 7), heard2(2, 7), silent(3, 8), newcomer(4, 9);
    for (Stranger* one : {&heard1, &silent}) crowd.add(*one);
    crowd.set_heard(heard1);
    crowd.add(newcomer);
    CHECK(crowd.one_too_many() == &silent);
    crowd.remove(silent);
    crowd.add(heard2);
    crowd.set_heard(heard2);
    CHECK(crowd.one_too_many() == &heard1);
    crowd.remove(heard1);
    CHECK(crowd.one_too_many() == nullptr);
    CHECK(crowd.size() == 2);
}

TEST_CASE("who holds the most goes first, until what is held fits", "[net][crowd]") {
    Crowd crowd(10, 100);
    Stranger small(1, 7), large(2, 7), larger(3, 8);
    for (Stranger* one : {&small, &large, &larger}) crowd.add(*one);
    crowd.set_bytes(small, 30);
    crowd.set_bytes(large, 70);
    CHECK(crowd.too_heavy() == nullptr);
    crowd.set_bytes(larger, 80);
    CHECK(crowd.too_heavy() == &larger);
    crowd.remove(larger);
    CHECK(crowd.too_heavy() == nullptr);
    crowd.set_bytes(large, 71);
    CHECK(crowd.too_heavy() == &large);
    crowd.set_bytes(large, 10);  // a whole CONNECT has been taken out
    CHECK(crowd.too_heavy() == nullptr);
}

// The same by searching through everybody each time.
class PlainCrowd {
public:
    struct Known {
        std::unique_ptr<Stranger> stranger;
        std::uint64_t network;
        std::uint64_t since;  // when it came, or was heard
        std::size_t bytes = 0;
        bool heard = false;
    };

    Stranger* one_too_many(std::size_t strangers_max) {
        if (all.size() <= strangers_max) return nullptr;
        const auto silent = std::ranges::count(all, false, &Known::heard);
        const bool pick_heard = silent <= 1 && silent < std::ssize(all);
        const Known* found = nullptr;
        for (const Known& known : all) {
            if (known.heard != pick_heard || first_of_group(known) != &known) continue;
            if (found == nullptr || group_size(known) > group_size(*found) ||
                (group_size(known) == group_size(*found) &&
                 known.stranger->number() < found->stranger->number()))
                found = &known;
        }
        return found->stranger.get();
    }

    std::vector<Known> all;  // oldest first

private:
    static bool same_group(const Known& a, const Known& b) {
        return a.network == b.network && a.heard == b.heard;
    }
    std::ptrdiff_t group_size(const Known& of) {
        return std::ranges::count_if(all, [&](const Known& one) { return same_group(one, of); });
    }
    const Known* first_of_group(const Known& of) {
        const Known* first = &of;
        for (const Known& one : all)
            if (same_group(one, of) && one.since < first->since) first = &one;
        return first;
    }
};

TEST_CASE("whoever comes, holds and goes, the crowd finds whom a plain search finds",
          "[net][crowd]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 chance(seed);
    using Known = PlainCrowd::Known;
    Crowd crowd(20, 400);
    PlainCrowd plain;
    const auto leave = [&](const Stranger* gone) {
        const auto at = std::ranges::find_if(
            plain.all, [&](const Known& known) { return known.stranger.get() == gone; });
        REQUIRE(at != plain.all.end());
        crowd.remove(*at->stranger);
        plain.all.erase(at);
    };
    for (std::uint64_t number = 1; number <= 3'000; ++number) {
        const std::uint64_t network = chance() % 6;
        plain.all.push_back({std::make_unique<Stranger>(number, network), network, number});
        crowd.add(*plain.all.back().stranger);
        Known& one = plain.all[chance() % plain.all.size()];
        one.bytes = chance() % 60;
        crowd.set_bytes(*one.stranger, one.bytes);
        if (!one.heard && chance() % 2 == 0) {
            one.heard = true;
            one.since = number;
            crowd.set_heard(*one.stranger);
        }
        if (chance() % 3 == 0) leave(plain.all[chance() % plain.all.size()].stranger.get());

        REQUIRE(crowd.size() == plain.all.size());
        Stranger* const extra = crowd.one_too_many();
        REQUIRE(extra == plain.one_too_many(20));
        if (extra != nullptr) leave(extra);
        std::size_t held = 0;
        for (const Known& known : plain.all) held += known.bytes;
        Stranger* const heavy = crowd.too_heavy();
        REQUIRE((heavy != nullptr) == (held > 400));
        if (heavy == nullptr) continue;
        REQUIRE(heavy == std::ranges::max_element(plain.all, {}, &Known::bytes)->stranger.get());
        leave(heavy);
    }
}

}  // namespace
}  // namespace drawbridge::net
