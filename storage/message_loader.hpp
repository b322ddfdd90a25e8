// MessageLoader: reads what waits for a session, a window at a time.
//
// It has a connection of its own: in WAL mode a reader waits for no writer and no fsync.
// Owner: the journal's reader thread.
#pragma once

#include "broker/core/journal.hpp"
#include "storage/chunk_reader.hpp"
#include "storage/queue_index.hpp"

namespace drawbridge::storage {

namespace limits {

// KiB: the upper levels of the tree of 2,000,000 chunks. Their own pages come from the system's.
constexpr int loader_cache_kib = 8'192;

}  // namespace limits

class MessageLoader {
public:
    // index: of the same file; it outlives the loader. Throws DatabaseRefused.
    MessageLoader(const std::filesystem::path& file, const QueueIndex& index);

    // Never throws; what cannot be read is logged, once until it can be read again.
    core::Journal::Loaded load(const core::Journal::Load& asked);

private:
    void read(core::Journal::Loaded& loaded);

    SQLite::Database database_;
    const QueueIndex& index_;
    Statement begin_, look_, end_;
    ChunkReader chunks_;
    bool failing_ = false;
};

}  // namespace drawbridge::storage
