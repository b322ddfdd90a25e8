// QueueIndex: where in `chunks` the messages are that are not gone, in memory: by session for those
// who add, remove and load messages, by chunk for finding out what can be deleted.
//
// It says what is committed. The writer works a transaction out by looking into the index, commits
// it, and only then tells the index. What has been emptied is deleted by a transaction after that:
// so a chunk that the index names, asked under its lock, is in any snapshot of the database that
// begins before the lock is let go.
// Owner:   the journal.
// Threads: the writer changes it, under the lock, and may look without; others look under the lock.
// Memory:  three or four bytes for a message, two to four for its share of a chunk.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <mutex>
#include <vector>

#include "broker/core/journal.hpp"
#include "broker/core/recovery.hpp"
#include "storage/place_list.hpp"
#include "storage/statement.hpp"

namespace drawbridge::storage {

namespace limits {

// Chunks are compacted while three quarters of what they hold is gone, and more than this. At a
// half, sessions that all come back at the same time would have each message moved once.
constexpr std::uint64_t gone_bytes_min = 16u << 20;

}  // namespace limits

// Of a session that has entries in chunks, gone or not.
struct IndexedQueue {
    PlaceList places;
    std::uint64_t last_seq = 0;  // no message in the file has a higher one
    bool has_holes = false;      // perhaps: rows of `gone` that do not begin at 0
};

class QueueIndex {
public:
    // What a start wants to know of the queues.
    using Summaries = boost::unordered_flat_map<core::SessionId, core::KeptQueue>;

    explicit QueueIndex(std::uint64_t gone_bytes_min = limits::gone_bytes_min)
        : gone_bytes_min_(gone_bytes_min) {}

    // Before anything else. Throws SQLite::Exception, DamagedRow.
    Summaries read(SQLite::Database& database);

    [[nodiscard]] std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }

    const IndexedQueue* find(core::SessionId session) const;
    // Those that wait, as asked for; all that expire, if asked for what has expired.
    std::vector<Place> window(const core::Journal::Load& asked) const;

    void add_chunk(std::uint64_t chunk, std::uint32_t messages, std::uint64_t bytes);
    void add(core::SessionId session, const Place& place);
    // It is still in chunk `from`.
    void move(core::SessionId session, std::uint64_t seq, std::uint64_t from, std::uint64_t to);
    // Of a message that is there.
    void set_progress(core::SessionId session, std::uint64_t seq, bool waits);
    void set_holes(core::SessionId session, bool has_holes);
    void remove(core::SessionId session, std::uint64_t first, std::uint64_t last);
    void end(core::SessionId session);

    // Chunks of which nothing is left, to be deleted.
    std::vector<std::uint64_t>& emptied() { return emptied_; }
    // So much is gone that chunks should be compacted.
    bool is_sparse() const;
    // Chunks of which at least half is gone, in their order.
    std::vector<std::uint64_t> sparse_chunks() const;
    // Has the chunk something that is not gone?
    bool has(std::uint64_t chunk) const { return chunks_.contains(chunk); }

    std::uint64_t last_chunk() const { return last_chunk_; }
    core::SessionId last_session() const { return last_session_; }

private:
    struct Chunk {
        std::uint32_t messages = 0;
        std::uint32_t left = 0;
        std::uint32_t bytes = 0;

        std::uint64_t bytes_of_one() const { return bytes / messages; }
    };
    struct Reading;

    void read_chunks(SQLite::Database& database, Reading& reading);
    void take_in(const struct Entry& entry, std::uint64_t chunk, Reading& reading);
    void leave(std::uint64_t chunk);

    const std::uint64_t gone_bytes_min_;
    mutable std::mutex mutex_;
    boost::unordered_flat_map<core::SessionId, IndexedQueue> queues_;
    boost::unordered_flat_map<std::uint64_t, Chunk> chunks_;
    std::vector<std::uint64_t> emptied_;
    std::uint64_t bytes_ = 0;       // of all chunks that are not emptied
    std::uint64_t gone_bytes_ = 0;  // about, of them
    std::uint64_t last_chunk_ = 0;
    core::SessionId last_session_ = 0;
};

}  // namespace drawbridge::storage
