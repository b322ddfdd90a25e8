// What the journal's two threads do.
#include <sqlite3.h>

#include <algorithm>

#include "broker/base/log.hpp"
#include "storage/journal.hpp"

namespace drawbridge::storage {

using State = core::Journal::State;

void Journal::write_all() {
    std::vector<PendingBundle> batch;  // taken and not committed yet
    for (bool stopping = false; !stopping;) {
        stopping = await_work(batch);
        if (batch.empty() && (stopping || !has_more_to_write())) {
            if (!stopping) look_at_space();
            continue;
        }
        if (write(batch)) {
            hand_back(batch);
            bring_log_in();
        } else if (stopping) {
            log::error("{}: the last {} bundles could not be written", options_.file.native(),
                       batch.size());
        }
    }
}

// Adds what waits to the batch, once there is something to do. Returns true at the end.
bool Journal::await_work(std::vector<PendingBundle>& batch) {
    std::unique_lock lock(mutex_);
    wake_writer_.wait(lock, [this] { return started_ || stopping_; });
    if (!started_) {
        waiting_.clear();
        return true;
    }

    const auto has_work = [this] { return stopping_ || !waiting_.empty() || has_more_to_write(); };
    if (!batch.empty())
        wake_writer_.wait_for(lock, options_.retry_after, [this] { return stopping_; });
    else if (state() == State::good)
        wake_writer_.wait(lock, has_work);
    else
        wake_writer_.wait_for(lock, options_.retry_after,
                              [this] { return stopping_ || !waiting_.empty(); });
    if (options_.sync == Sync::off && writer_.has_begun())
        wake_writer_.wait_for(lock, options_.write_behind, [this] {
            return stopping_ || write_now_ ||
                   bytes_waiting_.load(std::memory_order_relaxed) >
                       limits::written_behind_bytes_max;
        });

    take_waiting(batch);
    write_now_ = write_now_ && !waiting_.empty();
    return stopping_ && waiting_.empty();
}

// The first transaction has all that there is, and so has one that is tried again: what comes last
// may make room. Others have what was submitted first, so that no bundle is committed before one of
// which it is a consequence.
void Journal::take_waiting(std::vector<PendingBundle>& batch) {
    const bool all = !batch.empty() || !writer_.has_begun() || stopping_;
    std::size_t bytes = 0;
    std::size_t changes = 0;
    const auto has_room = [&] {
        return bytes < limits::transaction_bytes_max && changes < limits::transaction_changes_max;
    };
    auto end = waiting_.begin();
    while (end != waiting_.end() && (all || has_room())) {
        const core::Bundle& bundle = *(end++)->bundle;
        bytes += bundle.bytes;
        changes += bundle.messages.size() + bundle.progress.size() + bundle.removed.size();
    }
    std::move(waiting_.begin(), end, std::back_inserter(batch));
    waiting_.erase(waiting_.begin(), end);
}

// Besides bundles.
bool Journal::has_more_to_write() const { return !writer_.has_begun() || writer_.unfinished(); }

bool Journal::write(const std::vector<PendingBundle>& batch) {
    const TimePoint began = Clock::now();
    try {
        writer_.write(batch);
    } catch (const SQLite::Exception& failure) {
        const bool full_disk = failure.getErrorCode() == SQLITE_FULL;
        set_state(full_disk ? State::no_space : State::failing, failure.what());
        return false;
    }
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began).count();
    const std::lock_guard lock(mutex_);
    ++counts_.commits;
    counts_.bundles += batch.size();
    counts_.rows = writer_.rows();
    counts_.commit_us_last = static_cast<std::uint64_t>(took);
    counts_.commit_us_longest = std::max(counts_.commit_us_longest, counts_.commit_us_last);
    return true;
}

// Tells the shards what is safe, and returns it to them.
void Journal::hand_back(std::vector<PendingBundle>& batch) {
    std::size_t bytes = 0;
    std::vector<bool> concerned(desks_.size());
    {
        const std::lock_guard lock(mutex_);
        for (PendingBundle& pending : batch) {
            Desk& desk = desks_[pending.shard];
            bytes += pending.bundle->bytes;
            desk.returned.push_back(std::move(pending.bundle));
            ++desk.written;
            concerned[pending.shard] = true;
        }
        if (options_.sync != Sync::off)
            for (Desk& desk : desks_) desk.committed.store(desk.written, std::memory_order_release);
    }
    batch.clear();
    const bool was_full = full();
    bytes_waiting_.fetch_sub(bytes, std::memory_order_relaxed);
    if (options_.sync == Sync::off) wake_reader_.notify_one();

    look_at_space();
    if (was_full && !full()) return tell_all();
    for (std::size_t shard = 0; shard < desks_.size(); ++shard)
        if (concerned[shard] && desks_[shard].told) desks_[shard].told();
}

// Moves the write-ahead log into the database. After the shards were told: they need not wait.
void Journal::bring_log_in() {
    if (log_pages_ < limits::checkpoint_pages) return;
    // A failure is no harm: the log stays, and it is tried again after the next commit.
    sqlite3_wal_checkpoint_v2(database_.getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                              nullptr);
}

// After a commit that has succeeded, or with nothing to commit.
void Journal::look_at_space() {
    const TimePoint now = Clock::now();
    if (now - space_looked_at_ >= options_.retry_after) {
        space_looked_at_ = now;
        short_of_space_ = options_.free_bytes() < options_.free_bytes_min;
    }
    if (short_of_space_)
        set_state(State::no_space, "there is less room on its disk than [storage] asks for");
    else
        set_state(State::good, "");
}

void Journal::set_state(State state, const char* why) {
    if (state_.exchange(state, std::memory_order_acq_rel) == state) return;
    const std::string& file = options_.file.native();
    if (state == State::good)
        log::info("{}: messages are kept again", file);
    else if (state == State::no_space)
        log::error("{}: no space ({}); new messages of QoS 1 and 2 are refused until there is more",
                   file, why);
    else
        log::error(
            "{}: cannot be written to ({}); it is tried again, and meanwhile new messages "
            "of QoS 1 and 2 wait",
            file, why);
    tell_all();
}

void Journal::tell_all() {
    for (const Desk& desk : desks_)
        if (desk.told) desk.told();
}

void Journal::load_all() {
    AskedLoad asked;
    while (await_load(asked)) {
        std::optional<Loaded> loaded = loader_.load(asked.load);
        Desk& desk = desks_[asked.shard];
        {
            const std::lock_guard lock(mutex_);
            if (!loaded) {
                asked.not_before = Clock::now() + options_.retry_after;
                loads_.push_back(asked);
                continue;
            }
            desk.loaded.push_back(std::move(*loaded));
        }
        if (desk.told) desk.told();
    }
}

// False at the end.
bool Journal::await_load(AskedLoad& asked) {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const TimePoint now = Clock::now();
        TimePoint next = TimePoint::max();
        for (auto at = loads_.begin(); at != loads_.end(); ++at) {
            if (desks_[at->shard].written < at->written_min) continue;
            next = std::min(next, at->not_before);
            if (now < at->not_before) continue;
            asked = *at;
            loads_.erase(at);
            return true;
        }
        if (next == TimePoint::max())
            wake_reader_.wait(lock);
        else
            wake_reader_.wait_until(lock, next);
    }
    return false;
}

}  // namespace drawbridge::storage
