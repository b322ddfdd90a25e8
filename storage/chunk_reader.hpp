// ChunkReader: reads messages whose places are known from `chunks`.
//
// Owner: who has the connection; one thread.
#pragma once

#include "storage/chunk.hpp"
#include "storage/place_list.hpp"
#include "storage/statement.hpp"

namespace drawbridge::storage {

class ChunkReader {
public:
    explicit ChunkReader(SQLite::Database& database);

    // Its entry, borrowed until the next call. Throws DamagedRow, SQLite::Exception.
    Entry find(core::SessionId session, const Place& place);
    // As it was written: what `progress` says is not in it. Neighbours in one chunk cost little.
    // Throws DamagedRow, SQLite::Exception.
    core::KeptMessage read(core::SessionId session, const Place& place, const ClockPair& clocks);
    // Lets go of the row that was read last, and with it of the snapshot.
    void rewind();

private:
    Statement rows_;
    std::uint64_t chunk_ = 0;  // the row that is open; 0: none
};

}  // namespace drawbridge::storage
