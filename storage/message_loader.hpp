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

    // What could be read until the file failed, if it did; nothing if that is nothing: it is to be
    // tried again. Never throws; a failure is logged, once until the file can be read again.
    std::optional<core::Journal::Loaded> load(const core::Journal::Load& asked);

private:
    std::vector<Place> begin(const core::Journal::Load& asked);
    void end();
    void read(core::Journal::Loaded& loaded, const std::vector<Place>& places);
    void read_expired(core::Journal::Loaded& loaded, const std::vector<Place>& places);

    SQLite::Database database_;
    const QueueIndex& index_;
    Statement begin_, look_, end_;
    ChunkReader chunks_;
    bool failing_ = false;
};

}  // namespace drawbridge::storage
