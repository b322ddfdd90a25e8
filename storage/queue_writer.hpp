// QueueWriter: the queues' part of a transaction. What its bundles say of messages is put together
// first, so that one that has come and gone within it is never written; then rows are written;
// then, when the transaction is committed, the index is told.
//
// New messages go into new chunks, behind all others, whoever they are for. That one is gone is
// said by a row of `gone`, one for each range between two that are there, so that a queue that is
// acknowledged in its order has one; `progress` says how far one has come. A chunk is deleted when
// all in it is gone, a transaction later (queue_index.hpp). If most of what the chunks hold is
// gone, what is left in the sparsest is copied into new ones, a piece with each transaction.
//
// Owner:   BundleWriter; its thread.
// Memory:  a few ten bytes for each message of the transaction.
// Fails:   with SQLite::Exception; then drop() and the same can be tried again.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <vector>

#include "storage/chunk.hpp"
#include "storage/queue_index.hpp"

namespace drawbridge::storage {

namespace limits {

// A content of fewer bytes is repeated for each of its receivers, among their other messages.
constexpr std::size_t shared_bytes_min = 64;
// With one transaction: some ten milliseconds each.
constexpr std::size_t chunks_deleted_max = 8'192;
constexpr std::size_t chunks_compacted_max = 1'024;
constexpr std::size_t compacted_bytes_max = 4u << 20;
// So many emptied chunks are left for the next transaction, rather than to have one for them.
constexpr std::size_t chunks_left_max = 1'024;

}  // namespace limits

class QueueWriter {
public:
    // Both must outlive the writer.
    QueueWriter(SQLite::Database& database, QueueIndex& index);

    // Of a bundle, in the order of its members. What it points to must stay until the end.
    void take_in(const core::Bundle& bundle);
    void write(const ClockPair& clocks, TenantNames& tenants);
    void apply();
    void drop();

    // What was said of queues that have left nothing in the file is forgotten: their numbers
    // begin anew. For the first transaction.
    void forget_empty_queues();
    // There is something to do without a bundle.
    bool unfinished() const;
    std::uint64_t rows() const { return rows_; }

private:
    struct Fresh {
        const core::KeptMessage* kept = nullptr;
        core::KeptMessage::State state = core::KeptMessage::State::waits;
        std::uint16_t packet_id = 0;
    };
    // What the transaction does to one session's queue.
    struct Change {
        std::vector<Fresh> fresh;
        std::vector<core::KeptProgress> progress;  // of what is in the file, as are those removed
        std::vector<core::KeptRange> removed;
        bool has_holes = false;
        bool ended = false;
    };
    struct Added {
        core::SessionId session = 0;
        Place place;
    };
    struct Moved {
        core::SessionId session = 0;
        std::uint64_t seq = 0;
        std::uint64_t from = 0;
        std::uint64_t to = 0;
    };
    struct NewChunk {
        std::uint64_t chunk = 0;
        std::uint32_t messages = 0;
        std::uint64_t bytes = 0;
    };

    void note_progress(const core::KeptProgress& progress);
    void note_removed(core::KeptRange range);
    void write_change(core::SessionId session, Change& change);
    void write_progress(const IndexedQueue& queue, Change& change);
    void write_gone(core::SessionId session, const IndexedQueue& queue, Change& change);
    void write_fresh(const ClockPair& clocks, TenantNames& tenants);
    void write_chunk();
    void delete_emptied();
    void compact();
    bool compact(std::uint64_t chunk);
    void run(Statement& statement);

    SQLite::Database& database_;
    QueueIndex& index_;
    std::uint64_t rows_ = 0;
    std::vector<std::uint64_t> sparse_;  // to be compacted, the next one last
    boost::unordered_flat_map<std::uint64_t, bool> unreadable_;  // chunks that could not be
    bool can_compact_ = true;  // the last look has found something
    bool has_failed_ = false;  // the last transaction, or this one is not committed yet

    // Of the transaction.
    boost::unordered_flat_map<core::SessionId, Change> changes_;
    boost::unordered_flat_map<const core::Message*, std::uint32_t> uses_;
    ChunkBuilder builder_;
    std::uint64_t next_chunk_ = 0;
    std::size_t deleted_ = 0;  // of the index's emptied ones
    std::vector<NewChunk> new_chunks_;
    std::vector<Added> added_;
    std::vector<Moved> moved_;
    std::size_t compacted_bytes_ = 0;

    Statement put_chunk_, read_chunk_, delete_chunks_;
    Statement put_gone_, delete_gone_, delete_all_gone_;
    Statement put_progress_, delete_progress_, delete_all_progress_;
};

}  // namespace drawbridge::storage
