#include "storage/journal.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "broker/base/assert.hpp"
#include "storage/free_space.hpp"
#include "storage/guarded.hpp"
#include "storage/message_schema.hpp"

namespace drawbridge::storage {
namespace {

JournalOptions complete(JournalOptions options) {
    ASSERT(options.shards > 0);
    if (options.free_bytes == nullptr)
        options.free_bytes = [file = options.file] { return free_bytes_at(file); };
    return options;
}

SQLite::Database open_for_writing(const JournalOptions& options) {
    SQLite::Database database = open_messages(options.file);
    constexpr const char* modes[] = {"FULL", "NORMAL", "OFF"};
    database.exec(fmt::format("PRAGMA synchronous = {}", modes[static_cast<int>(options.sync)]));
    // After a burst the log's file is cut to what it usually has.
    database.exec(fmt::format("PRAGMA journal_size_limit = {}", limits::checkpoint_pages * 8192));
    database.exec(fmt::format("PRAGMA cache_size = -{}", limits::cache_kib));
    return database;
}

core::SessionId last_session(SQLite::Database& database) {
    return static_cast<core::SessionId>(
        database
            .execAndGet("SELECT max((SELECT coalesce(max(seq), 0) FROM sqlite_sequence), "
                        "(SELECT coalesce(max(session), 0) FROM sessions))")
            .getInt64());
}

}  // namespace

Journal::Journal(JournalOptions options)
    : options_(complete(std::move(options))),
      desks_(options_.shards),
      database_(open_for_writing(options_)),
      index_(options_.gone_bytes_min),
      writer_(database_, index_, options_.shards, options_.retained_of),
      loader_(options_.file, index_) {
    guarded(options_.file, [this] { index_.read(database_); });
    last_session_ = std::max(last_session(database_), index_.last_session());
    sqlite3_wal_hook(
        database_.getHandle(),
        [](void* pages, sqlite3*, const char*, int count) {
            *static_cast<int*>(pages) = count;
            return SQLITE_OK;
        },
        &log_pages_);
    write_thread_ = std::thread([this] { write_all(); });
    load_thread_ = std::thread([this] { load_all(); });
}

Journal::~Journal() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_writer_.notify_one();
    wake_reader_.notify_one();
    load_thread_.join();
    write_thread_.join();
}

void Journal::start() {
    {
        const std::lock_guard lock(mutex_);
        started_ = true;
    }
    wake_writer_.notify_one();
}

std::uint64_t Journal::submit(unsigned shard, std::unique_ptr<core::Bundle> bundle) {
    const std::size_t waiting =
        bytes_waiting_.fetch_add(bundle->bytes, std::memory_order_relaxed) + bundle->bytes;
    Desk& desk = desks_[shard];
    std::uint64_t number = 0;
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        wake = waiting_.empty() || waiting > limits::written_behind_bytes_max;
        waiting_.push_back({shard, std::move(bundle)});
        number = ++desk.submitted;
    }
    if (options_.sync == Sync::off) desk.committed.store(number, std::memory_order_release);
    if (wake) wake_writer_.notify_one();
    return number;
}

std::uint64_t Journal::committed(unsigned shard) const {
    return desks_[shard].committed.load(std::memory_order_acquire);
}

std::vector<std::unique_ptr<core::Bundle>> Journal::take_back(unsigned shard) {
    const std::lock_guard lock(mutex_);
    return std::exchange(desks_[shard].returned, {});
}

bool Journal::full() const {
    return bytes_waiting_.load(std::memory_order_relaxed) > limits::journal_bytes_max;
}

void Journal::on_news(unsigned shard, std::function<void()> told) {
    desks_[shard].told = std::move(told);
}

void Journal::load(unsigned shard, const Load& load) {
    const bool behind = options_.sync == Sync::off;
    {
        const std::lock_guard lock(mutex_);
        loads_.push_back({shard, behind ? desks_[shard].submitted : 0, load});
        write_now_ = write_now_ || behind;
    }
    wake_reader_.notify_one();
    if (behind) wake_writer_.notify_one();
}

std::vector<core::Journal::Loaded> Journal::loaded(unsigned shard) {
    const std::lock_guard lock(mutex_);
    return std::exchange(desks_[shard].loaded, {});
}

core::SessionId Journal::draw_session_id() {
    return last_session_.fetch_add(1, std::memory_order_relaxed) + 1;
}

JournalCounts Journal::counts() const {
    JournalCounts counts;
    {
        const std::lock_guard lock(mutex_);
        counts = counts_;
    }
    const auto bytes_of = [](const std::filesystem::path& file) {
        std::error_code missing;
        const std::uintmax_t bytes = std::filesystem::file_size(file, missing);
        return missing ? 0 : bytes;
    };
    counts.bytes_waiting = bytes_waiting_.load(std::memory_order_relaxed);
    counts.database_bytes = bytes_of(options_.file);
    counts.log_bytes = bytes_of(options_.file.native() + "-wal");
    return counts;
}

}  // namespace drawbridge::storage
