// Journal: keeps in messages.db what the shards submit.
//
// One thread writes: it takes the bundles that wait, of all shards, in the order in which they
// came, writes them in one transaction and commits it. Meanwhile the next ones gather, so that the
// longer an fsync takes the more bundles share one. A transaction has whole bundles, and if they
// are large not all that wait. Another thread reads what waits for sessions.
//
// Owner:   the app. It outlives the shards that use it, but nothing is told to a shard once
//          the journal is being destroyed.
// Order:   the bundles of a shard in their order; of several shards, see core::Journal.
// Limit:   limits::journal_bytes_max, which full() tells: submit() takes all the same.
// Failure: what cannot be written stays in memory and is tried again every retry_after. state()
//          says so, and it is logged once. What cannot be read is tried again as well.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "storage/bundle_writer.hpp"
#include "storage/message_loader.hpp"

namespace drawbridge::storage {

namespace limits {

// Bundles in memory that are not written: what a slow disk takes in a second or two.
constexpr std::size_t journal_bytes_max = 64u << 20;
// Of them, with Sync::off, before the second is over.
constexpr std::size_t written_behind_bytes_max = 8u << 20;
// The write-ahead log is brought into the database when it has so many pages (of 4 KiB). Four times
// as many made no difference (measured).
constexpr int checkpoint_pages = 4'096;
// Of bundles in one transaction, unless a single one has more: some 50 ms, which the bundles behind
// them wait at most.
constexpr std::size_t transaction_bytes_max = 8u << 20;
constexpr std::size_t transaction_changes_max = 16'384;  // to messages
// KiB of the writer's page cache: nearly all pages that it writes are new.
constexpr int cache_kib = 8'192;

}  // namespace limits

enum class Sync : std::uint8_t {
    full,    // committed: survives a power cut
    normal,  // committed: survives a crash of the broker; a power cut costs what came since the
             // last checkpoint
    off,     // written about a second later
};

struct JournalOptions {
    std::filesystem::path file;
    unsigned shards = 1;
    Sync sync = Sync::full;
    RetainedOf retained_of;            // called by the writer's thread
    std::uint64_t free_bytes_min = 0;  // with less room on the disk, state() is no_space
    // What a test may want otherwise.
    milliseconds retry_after{500};
    milliseconds write_behind{1'000};
    std::function<std::uint64_t()> free_bytes = nullptr;  // null: asks the file's disk
    std::uint64_t gone_bytes_min = limits::gone_bytes_min;
};

// Since the start.
struct JournalCounts {
    std::uint64_t commits = 0;
    std::uint64_t bundles = 0;
    std::uint64_t rows = 0;
    std::uint64_t commit_us_last = 0;
    std::uint64_t commit_us_longest = 0;
    std::uint64_t bytes_waiting = 0;  // now
    std::uint64_t database_bytes = 0;
    std::uint64_t log_bytes = 0;  // of the write-ahead log
};

class Journal final : public core::Journal {
public:
    // Opens the file, and makes it if there is none. Throws DatabaseRefused.
    explicit Journal(JournalOptions options);
    // Writes all that was submitted; tries once.
    ~Journal() override;

    // Begins to write. All that was submitted before goes into the first transaction, together with
    // forgetting what Recovery has read for it: a broker that dies before repeats its recovery from
    // the same rows, and one that dies later does not repeat it. If it is never called nothing is
    // written.
    void start();

    std::uint64_t submit(unsigned shard, std::unique_ptr<core::Bundle> bundle) override;
    // With Sync::off a bundle counts as soon as submit() has returned, and nobody is told.
    std::uint64_t committed(unsigned shard) const override;
    std::vector<std::unique_ptr<core::Bundle>> take_back(unsigned shard) override;
    bool full() const override;
    State state() const override { return state_.load(std::memory_order_acquire); }
    void on_news(unsigned shard, std::function<void()> told) override;
    void load(unsigned shard, const Load& load) override;
    std::vector<Loaded> loaded(unsigned shard) override;
    core::SessionId draw_session_id() override;

    // Any thread.
    JournalCounts counts() const;

private:
    // What the journal has for one shard.
    struct Desk {
        std::uint64_t submitted = 0;  // guarded by mutex_, as are those down to loaded
        std::uint64_t written = 0;
        std::vector<std::unique_ptr<core::Bundle>> returned;
        std::vector<Loaded> loaded;
        std::atomic<std::uint64_t> committed{0};
        std::function<void()> told;
    };
    struct AskedLoad {
        unsigned shard = 0;
        std::uint64_t written_min = 0;  // Sync::off: the bundle that must be in the file before
        Load load;
        TimePoint not_before{};  // after a failure
    };

    void write_all();
    bool await_work(std::vector<PendingBundle>& batch);
    void take_waiting(std::vector<PendingBundle>& batch);
    bool has_more_to_write() const;
    bool write(const std::vector<PendingBundle>& batch);
    void hand_back(std::vector<PendingBundle>& batch);
    void bring_log_in();
    void look_at_space();
    void set_state(State state, const char* why);
    void tell_all();

    void load_all();
    bool await_load(AskedLoad& asked);

    const JournalOptions options_;
    std::vector<Desk> desks_;  // by shard
    std::atomic<core::SessionId> last_session_{0};
    std::atomic<State> state_{State::good};
    std::atomic<std::size_t> bytes_waiting_{0};

    // The writer's.
    SQLite::Database database_;
    QueueIndex index_;
    BundleWriter writer_;
    int log_pages_ = 0;
    TimePoint space_looked_at_{};
    bool short_of_space_ = false;

    MessageLoader loader_;  // the reader's

    mutable std::mutex mutex_;
    std::condition_variable wake_writer_;
    std::condition_variable wake_reader_;
    std::vector<PendingBundle> waiting_;  // guarded by mutex_, as are those down to stopping_
    std::vector<AskedLoad> loads_;
    JournalCounts counts_;
    bool write_now_ = false;  // Sync::off: a reader waits for it
    bool started_ = false;
    bool stopping_ = false;

    std::thread write_thread_;  // last: everything above exists before they start
    std::thread load_thread_;
};

}  // namespace drawbridge::storage
