// What the journal costs: storing messages into sessions that are away, recovering, draining.
//
//     journal_cost DIRECTORY [full|normal|off [SESSIONS BUNDLE]]
//
// The directory is empty. For each shape (sessions, messages in a bundle) one line: CPU of the
// writer's thread for each message, wall time, the longest commit, the files' sizes; then how long
// recovery takes, what a window of a queue takes to load, and the drain.
// Used by docs/performance.md; it asserts nothing.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstring>
#include <string>

#include "storage/recovery.hpp"
#include "tests/support/journal_shard.hpp"

namespace {

using namespace drawbridge;

constexpr std::uint64_t messages_total = 1'000'000;
constexpr std::size_t payload_bytes = 200;

double seconds_since(TimePoint began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
}

// who: RUSAGE_SELF or RUSAGE_THREAD.
double cpu_s(int who) {
    rusage used{};
    getrusage(who, &used);
    const auto s = [](const timeval& time) {
        return double(time.tv_sec) + double(time.tv_usec) / 1e6;
    };
    return s(used.ru_utime) + s(used.ru_stime);
}
// Of the journal's threads, without this one, which prepares the bundles.
double journal_cpu_s() { return cpu_s(RUSAGE_SELF) - cpu_s(RUSAGE_THREAD); }

struct Shape {
    std::uint64_t sessions;
    std::uint64_t bundle;
};

storage::JournalOptions options_of(const std::filesystem::path& file, storage::Sync sync) {
    storage::JournalOptions options;
    options.file = file;
    options.sync = sync;
    options.retained_of = [](std::string_view) { return std::vector<core::KeptRetained>{}; };
    return options;
}

// At most so many bundles wait, as if so many publishers waited for their acknowledgements.
constexpr std::uint64_t ahead_max = 64;

template <class Fill>
void submit_all(storage::Journal& journal, test::JournalNews& news, std::uint64_t bundle_size,
                Fill fill) {
    std::uint64_t last = 0;
    for (std::uint64_t done = 0; done < messages_total; done += bundle_size) {
        auto bundle = std::make_unique<core::Bundle>();
        for (std::uint64_t i = done; i < std::min(done + bundle_size, messages_total); ++i)
            fill(*bundle, i);
        last = journal.submit(0, std::move(bundle));
        news.wait([&] { return journal.committed(0) + ahead_max > last; });
        journal.take_back(0);
    }
    news.wait([&] { return journal.committed(0) >= last; });
    journal.take_back(0);
}

template <class Run>
void report(const char* what, const storage::Journal& journal, Run run) {
    const auto before = journal.counts();
    const TimePoint began = Clock::now();
    const double cpu = journal_cpu_s();
    run();
    const double cpu_us = (journal_cpu_s() - cpu) * 1e6 / double(messages_total);
    const auto after = journal.counts();
    fmt::print(
        "  {}: {:.2f} us CPU a message, {:.2f} s, {} commits, longest {} us, {} MiB, log {} MiB\n",
        what, cpu_us, seconds_since(began), after.commits - before.commits, after.commit_us_longest,
        after.database_bytes >> 20, after.log_bytes >> 20);
}

void recover(const std::filesystem::path& file) {
    const TimePoint began = Clock::now();
    storage::Recovery recovery(file);
    std::uint64_t sessions = 0, messages = 0;
    recovery.visit_sessions([&](const core::RecoveredSession& one) {
        ++sessions;
        messages += one.queue.messages;
    });
    fmt::print("  recovery: {:.2f} s, {} sessions, {} messages\n", seconds_since(began), sessions,
               messages);
}

void measure(const std::filesystem::path& file, storage::Sync sync, Shape shape) {
    fmt::print("{} sessions, {} in a bundle\n", shape.sessions, shape.bundle);
    const std::string payload(payload_bytes, 'x');
    {
        storage::Journal journal(options_of(file, sync));
        test::JournalNews news;
        news.listen(journal, 1);
        journal.start();
        auto bundle = std::make_unique<core::Bundle>();
        for (std::uint64_t i = 1; i <= shape.sessions; ++i)
            bundle->sessions.push_back(test::session(i, fmt::format("client-{}", i)));
        journal.submit(0, std::move(bundle));
        news.wait([&] { return journal.committed(0) == 1; });
        report("store", journal, [&] {
            submit_all(journal, news, shape.bundle, [&](core::Bundle& to, std::uint64_t i) {
                to.bytes += 400;
                to.messages.push_back(test::waiting(1 + i % shape.sessions, 1 + i / shape.sessions,
                                                    test::message("devices/a/telemetry", payload)));
            });
        });
        const TimePoint began = Clock::now();
        journal.load(0, {1, 1, UINT64_MAX, 100, 1 << 20, false});
        std::vector<core::Journal::Loaded> loaded;
        news.wait([&] { return !(loaded = journal.loaded(0)).empty(); });
        fmt::print("  load of {}: {:.0f} us\n", loaded[0].messages.size(),
                   seconds_since(began) * 1e6);
    }
    recover(file);
    {
        storage::Journal journal(options_of(file, sync));
        test::JournalNews news;
        news.listen(journal, 1);
        journal.start();
        const std::uint64_t each = messages_total / shape.sessions;
        report("drain", journal, [&] {
            submit_all(journal, news, shape.bundle, [&](core::Bundle& to, std::uint64_t i) {
                to.bytes += 40;
                // One session after the other, each acknowledgement by itself.
                to.removed.push_back({1 + i / each, 1 + i % each, 1 + i % each});
            });
        });
    }
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(file.native() + end);
}

}  // namespace

int main(int argc, char** argv) {
    const std::filesystem::path file = std::filesystem::path(argc > 1 ? argv[1] : ".") / "bench.db";
    auto sync = storage::Sync::full;
    if (argc > 2 && std::strcmp(argv[2], "normal") == 0) sync = storage::Sync::normal;
    if (argc > 2 && std::strcmp(argv[2], "off") == 0) sync = storage::Sync::off;
    if (argc > 4) {
        measure(file, sync,
                {std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10)});
        return 0;
    }
    for (const std::uint64_t sessions : {1u, 1'000u, 10'000u})
        for (const std::uint64_t bundle : {1u, 32u, 1'000u})
            measure(file, sync, {sessions, bundle});
}
