// AuditWriter: keeps what the broker tells, on a thread of its own, a batch at a time.
//
// It has its own connection to the database, with synchronous = NORMAL: a power cut may cost the
// last rows, never the file. The same thing told many times within one batch is one write.
// Owner:   the app. Threads: note() and flush() from any.
// Limit:   limits::audit_events_waiting_max; what is routine only has half of it. What finds it
// full
//          is left out, counted, and said once a batch.
// Failure: a batch that cannot be written is tried again with the next one, until the queue is
// full.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "auth/audit_store.hpp"
#include "broker/core/audit.hpp"

namespace drawbridge::auth {

class AuditWriter final : public core::Audit {
public:
    using Now = std::function<WallTime()>;

    // Throws storage::DatabaseRefused. now is called by whoever notes, and by the writer.
    AuditWriter(const std::filesystem::path& database, const AuditBounds& bounds,
                Now now = WallClock::now);
    // Writes what waits.
    ~AuditWriter() override;

    void note(core::AuditEvent event) override;

    // Writes now; written is called, by the writer's thread, once all that was noted before is in
    // the database, or could not be written.
    void flush(std::function<void()> written);

    // Since the start.
    std::uint64_t left_out() const { return left_out_.load(std::memory_order_relaxed); }

private:
    struct Waiting {
        core::AuditEvent event;
        WallTime at;
    };

    void work();
    void write(std::vector<Waiting>& events);
    void say_what_is_left_out();

    const Now now_;
    SQLite::Database database_;  // the thread's, as is all down to failing_
    AuditStore store_;
    std::vector<Noted> batch_;  // not written yet
    WallTime written_at_{};
    std::uint64_t said_left_out_ = 0;
    bool failing_ = false;

    std::atomic<std::uint64_t> left_out_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Waiting> waiting_;                // guarded by mutex_
    std::vector<std::function<void()>> flushes_;  // guarded by mutex_
    bool stopping_ = false;                       // guarded by mutex_

    std::thread thread_;  // last: everything above exists before it starts
};

}  // namespace drawbridge::auth
