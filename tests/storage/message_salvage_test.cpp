// Salvage of messages.db: what its readable pages have can be recovered and delivered, and the
// journal goes on with it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <random>

#include "storage/salvage.hpp"
#include "tests/support/journal_life.hpp"

namespace drawbridge::storage {
namespace {

constexpr std::size_t page_bytes = 4'096;
constexpr std::uint64_t sessions = 20;
constexpr std::uint64_t messages = 200;

void fill(test::JournalLife& life) {
    for (std::uint64_t seq = 1; seq <= messages; ++seq) {
        core::Bundle bundle;
        for (std::uint64_t id = 1; id <= sessions; ++id) {
            if (seq == 1) bundle.sessions.push_back(test::session(id, "c" + std::to_string(id)));
            bundle.messages.push_back(test::waiting(
                id, seq, test::message("t", std::to_string(seq) + std::string(100, ' '))));
            if (seq % 5 == 0) bundle.removed.push_back({id, seq - 1, seq - 1});
        }
        life.journal->submit(0, std::make_unique<core::Bundle>(std::move(bundle)));
    }
    life.commit({});
    life.end();
}

TEST_CASE("pages of messages that are damaged cost what was on them, and the rest is delivered",
          "[storage][journal][salvage]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    test::JournalLife life;
    fill(life);
    const std::uint64_t before = life.messages();
    CHECK(before == sessions * messages * 4 / 5);
    const std::uint32_t root =
        open_messages(life.file())
            .execAndGet("SELECT rootpage FROM sqlite_master WHERE name = 'chunks'")
            .getUInt();

    std::string content;
    {
        std::ifstream in(life.file(), std::ios::binary);
        content.assign(std::istreambuf_iterator<char>(in), {});
    }
    // The pages behind the tables' roots are of chunks, nearly all.
    const std::size_t pages = content.size() / page_bytes;
    REQUIRE(pages > root + 50);
    for (int i = 0; i < 5; ++i)
        content.replace((root + 20 + random() % (pages - root - 20)) * page_bytes, page_bytes,
                        page_bytes, 'x');
    std::ofstream(life.file(), std::ios::binary) << content;

    const auto report = salvage(life.file(), message_schema, "T");
    REQUIRE(report);
    CHECK(std::ranges::any_of(report->tables, [](const auto& one) { return !one.is_complete; }));
    const auto found = life.recovered();
    CHECK(found.size() == sessions);
    std::uint64_t left = 0;
    life.begin();
    for (const auto& [id, one] : found) {
        left += one.queue.messages;
        CHECK(life.load({id, 0, UINT64_MAX, 1'000, 1'000'000, false}).messages.size() ==
              one.queue.messages);
        core::Bundle bundle;
        bundle.messages = {test::waiting(id, one.last_seq + 1, test::message("t", "new"))};
        life.commit(std::move(bundle));
    }
    CHECK(left > before / 2);
    life.end();
    CHECK(life.messages() == left + sessions);
}

}  // namespace
}  // namespace drawbridge::storage
