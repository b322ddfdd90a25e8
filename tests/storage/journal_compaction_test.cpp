// Room in messages.db: what is gone does not stay because somebody else has not come back, and
// while messages are moved for that nothing is lost or comes twice, whenever the process dies.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <thread>

#include "tests/support/journal_life.hpp"

namespace drawbridge::storage {
namespace {

using core::Bundle;
using State = core::KeptMessage::State;
using test::message;
using test::session;
using test::waiting;

constexpr std::uint64_t sessions = 10;

std::string payload_of(std::uint64_t session, std::uint64_t seq) {
    return std::to_string(session) + "/" + std::to_string(seq) + std::string(100, ' ');
}

// Bundle `step`: a message for each session; what is older is acknowledged, by most.
Bundle bundle_of(std::uint64_t step) {
    Bundle bundle;
    for (std::uint64_t id = 1; id <= sessions; ++id) {
        if (step == 1) bundle.sessions.push_back(session(id, "c" + std::to_string(id)));
        bundle.messages.push_back(waiting(id, step, message("t", payload_of(id, step))));
        if (step % 7 == id % 7)
            bundle.progress.push_back({id, step, std::uint16_t(step), State::sent});
        if (id > 1 && step > 5 && (step - 5) % 10 != id)
            bundle.removed.push_back({id, step - 5, step - 5});
    }
    return bundle;
}

using Queues = std::map<std::pair<std::uint64_t, std::uint64_t>, State>;

Queues queues_after(std::uint64_t steps) {
    Queues queues;
    for (std::uint64_t step = 1; step <= steps; ++step) {
        const Bundle bundle = bundle_of(step);
        for (const auto& kept : bundle.messages) queues[{kept.session, kept.seq}] = State::waits;
        for (const auto& one : bundle.progress) queues[{one.session, one.seq}] = one.state;
        for (const auto& range : bundle.removed) queues.erase({range.session, range.first});
    }
    return queues;
}

// What a new life finds; each message has its own content.
Queues found_in(test::JournalLife& life) {
    Queues queues;
    for (const auto& [id, one] : life.recovered()) {
        for (const auto& kept : one.sent) {
            CHECK(as_text(kept.message->view().payload) == payload_of(id, kept.seq));
            queues[{id, kept.seq}] = kept.state;
        }
        const auto loaded = life.load({id, 0, UINT64_MAX, 100'000, 100'000'000, false});
        CHECK(loaded.messages.size() == one.queue.messages);
        for (const auto& kept : loaded.messages) {
            CHECK(as_text(kept.message->view().payload) == payload_of(id, kept.seq));
            queues[{id, kept.seq}] = kept.state;
        }
    }
    return queues;
}

TEST_CASE("what is gone gives its room back, though a message in each chunk stays",
          "[storage][journal][compaction]") {
    test::JournalLife life(1, false);
    life.end();
    life.options.gone_bytes_min = 100'000;
    life.begin();
    constexpr std::uint64_t steps = 3'000;
    for (std::uint64_t step = 1; step <= steps; ++step)
        life.journal->submit(0, std::make_unique<Bundle>(bundle_of(step)));
    life.commit({});
    life.commit({});
    const Queues expected = queues_after(steps);
    // Four times what is left, and what need not be compacted.
    const auto bytes = storage::open_messages(life.file())
                           .execAndGet("SELECT sum(length(entries) + length(contents)) FROM chunks")
                           .getInt();
    CHECK(bytes < 4 * 120 * int(expected.size()) + 300'000);
    CHECK(bytes < int(steps * sessions * 120 / 2));
    CHECK((found_in(life) == expected));
    life.end();
    life.begin();
    CHECK((found_in(life) == expected));
}

TEST_CASE("a process that dies while messages are moved loses none, and has none twice",
          "[storage][journal][compaction]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 8; ++round) {
        test::JournalLife life(1, false);
        life.end();
        life.options.gone_bytes_min = 0;
        int told[2];
        REQUIRE(pipe(told) == 0);
        const pid_t child = fork();
        if (child == 0) {
            life.begin();
            for (std::uint64_t step = 1;; ++step) {
                life.commit(bundle_of(step));
                if (write(told[1], &step, sizeof step) != sizeof step) _exit(1);
            }
        }
        close(told[1]);
        const std::uint64_t last_wanted = 20 + random() % 150;
        std::uint64_t step = 0;
        while (step < last_wanted && read(told[0], &step, sizeof step) == sizeof step) continue;
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 2'000));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        while (read(told[0], &step, sizeof step) == sizeof step) continue;
        close(told[0]);
        REQUIRE(step >= last_wanted);

        life.begin(false);
        const Queues found = found_in(life);
        // The one that was being committed may be there.
        const bool later = found.contains({1, step + 1});
        CHECK((found == queues_after(step + (later ? 1 : 0))));
    }
}

TEST_CASE("a chunk that cannot be read is left where it is, and all else goes on",
          "[storage][journal][compaction]") {
    test::JournalLife life(1, false);
    life.end();
    life.options.gone_bytes_min = 0;
    life.begin();
    for (std::uint64_t step = 1; step <= 10; ++step) life.commit(bundle_of(step));
    REQUIRE(life.load({1, 2, 2, 1, 1, false}).messages.size() == 1);
    life.run("UPDATE chunks SET entries = x'01'");
    for (std::uint64_t step = 11; step <= 60; ++step) life.commit(bundle_of(step));
    CHECK(life.journal->state() == core::Journal::State::good);
    CHECK(life.load({1, 2, 2, 1, 1, false}).damaged.size() == 1);
    CHECK(life.load({1, 60, 60, 1, 1, false}).messages.size() == 1);
}

}  // namespace
}  // namespace drawbridge::storage
