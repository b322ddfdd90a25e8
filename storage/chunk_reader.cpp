#include "storage/chunk_reader.hpp"

namespace drawbridge::storage {

ChunkReader::ChunkReader(SQLite::Database& database)
    : rows_(database, "SELECT entries, contents FROM chunks WHERE chunk = ?") {}

Entry ChunkReader::find(core::SessionId session, const Place& place) {
    if (chunk_ != place.chunk) {
        rewind();
        rows_.number(place.chunk);
        expect(rows_.next(), "chunks", "a chunk that is missing");
        chunk_ = place.chunk;
    }
    VarintReader in(rows_.bytes_at(0));
    while (in.left() > 0) {
        const Entry entry = next_entry(in);
        if (entry.session == session && entry.seq == place.seq) return entry;
    }
    throw DamagedRow("in chunks: a message that is missing");
}

core::KeptMessage ChunkReader::read(core::SessionId session, const Place& place,
                                    const ClockPair& clocks) {
    const Entry entry = find(session, place);
    return read_entry(entry, rows_.bytes_at(1), clocks);
}

void ChunkReader::rewind() {
    rows_.rewind();
    chunk_ = 0;
}

}  // namespace drawbridge::storage
