// A broker and its clients at random: does it keep its promises whatever happens in whatever order?
//
// Chance decides over every step, by a seed: which shard goes on, what mail it takes and when, how
// many bytes arrive, and what each client does. The same seed gives the same run.
// DRAWBRIDGE_SIM_SEEDS is how many seeds each test tries, DRAWBRIDGE_SIM_FIRST the first of them.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/sim/random_client.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::stoull(text);
}

// What becomes of sessions and retained messages when the broker dies.
enum class Kept { nothing, all, all_and_it_dies };

std::vector<std::string> simulate(unsigned shards, std::uint64_t seed, Kept kept = Kept::nothing) {
    std::mt19937_64 chance(seed);
    core::Settings settings;
    if (chance() % 2 == 0) settings.duplicate_client_id = core::DuplicatePolicy::take_over;
    if (chance() % 4 == 0) settings.limits.max_inflight = 4;
    MemoryJournal journal;
    ShardPump pump(settings, shards, seed);
    if (kept != Kept::nothing) pump.keep_in(journal);
    Record record;
    std::deque<RandomClient> clients;
    for (unsigned number = 0; number < 6; ++number)
        clients.emplace_back(pump, record, chance, number, number % 3 != 2, number == 0);
    if (kept == Kept::all_and_it_dies)
        for (RandomClient& client : clients) client.expect_deaths();
    record.dies = kept == Kept::all_and_it_dies;

    for (int step = 0; step < 2'500; ++step) {
        if (chance() % 3 == 0)
            clients[chance() % clients.size()].act();
        else if (chance() % 50 == 0)
            pump.pass(milliseconds(chance() % 1'000));
        else if (kept == Kept::all_and_it_dies && chance() % 300 == 0) {
            pump.die_and_begin_again(1u << chance() % 3);
            for (RandomClient& client : clients) client.broker_died();
        } else
            pump.step();
    }
    for (int quiet_rounds = 0; quiet_rounds < 10; ++quiet_rounds) {
        pump.settle();
        pump.pass(milliseconds(1'000));  // who waits for the end of a probe is let in
        for (RandomClient& client : clients)
            if (client.come_to_rest()) quiet_rounds = 0;
    }
    record.judge();
    return record.broken;
}

void check_promises(Kept kept) {
    const unsigned shards = GENERATE(1u, 2u, 4u);
    const std::uint64_t first = number_from("DRAWBRIDGE_SIM_FIRST", 1);
    const std::uint64_t seeds = number_from("DRAWBRIDGE_SIM_SEEDS", 25);
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        INFO("shards " << shards << ", seed " << seed);
        CHECK(simulate(shards, seed, kept) == std::vector<std::string>{});
    }
}

}  // namespace

TEST_CASE("a broker keeps its promises, whatever happens in whatever order", "[sim]") {
    check_promises(Kept::nothing);
}

TEST_CASE("a broker with a journal keeps its promises, whatever happens in whatever order",
          "[sim]") {
    check_promises(Kept::all);
}

TEST_CASE("a broker that dies again and again keeps its promises", "[sim]") {
    check_promises(Kept::all_and_it_dies);
}

TEST_CASE("the same seed gives the same run", "[sim]") { CHECK(simulate(4, 7) == simulate(4, 7)); }
