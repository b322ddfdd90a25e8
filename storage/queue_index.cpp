#include "storage/queue_index.hpp"

#include <algorithm>
#include <iterator>

#include "broker/base/assert.hpp"
#include "storage/chunk.hpp"
#include "storage/message_row.hpp"

namespace drawbridge::storage {
namespace {

using State = core::KeptMessage::State;

// What other tables say of a session's messages, and what has been found of them.
struct Known {
    std::vector<core::KeptRange> gone;
    std::vector<core::KeptProgress> progress;
    IndexedQueue queue;
    core::KeptQueue summary;
    bool has_entries = false;
};

bool is_gone(const Known& known, std::uint64_t seq) {
    const auto next = std::ranges::upper_bound(known.gone, seq, {}, &core::KeptRange::first);
    return next != known.gone.begin() && std::prev(next)->last >= seq;
}

const core::KeptProgress* progress_of(const Known& known, std::uint64_t seq) {
    const auto found = std::ranges::lower_bound(known.progress, seq, {}, &core::KeptProgress::seq);
    return found == known.progress.end() || found->seq != seq ? nullptr : &*found;
}

void summarize(core::KeptQueue& queue, const Entry& entry, const ClockPair& clocks) {
    queue.first = queue.messages == 0 ? entry.seq : std::min(queue.first, entry.seq);
    queue.last = std::max(queue.last, entry.seq);
    ++queue.messages;
    queue.bytes += entry.bytes;
    queue.shared += entry.share.empty() ? 0 : 1;
    if (entry.expires())
        queue.none_expires_before =
            std::min(queue.none_expires_before, clocks.steady(entry.expires_at));
}

}  // namespace

struct QueueIndex::Reading {
    const ClockPair clocks = ClockPair::now();
    boost::unordered_flat_map<core::SessionId, Known> sessions;
};

QueueIndex::Summaries QueueIndex::read(SQLite::Database& database) {
    SQLite::Transaction one_moment(database);
    Reading reading;
    Statement sessions(database, "SELECT session FROM sessions");
    while (sessions.next()) reading.sessions[static_cast<core::SessionId>(sessions.number_at(0))];

    Statement gone(database, "SELECT session, first, last FROM gone ORDER BY session, first");
    while (gone.next()) {
        const auto found = reading.sessions.find(read_number(gone, 0, INT64_MAX, "gone"));
        if (found == reading.sessions.end()) continue;
        Known& known = found->second;
        const std::uint64_t first = read_number(gone, 1, limits::seq_max, "gone");
        const std::uint64_t last = read_number(gone, 2, limits::seq_max, "gone");
        expect(first <= last && (known.gone.empty() || known.gone.back().last < first), "gone",
               "ranges that overlap");
        known.gone.push_back({found->first, first, last});
        known.queue.last_seq = last;
        known.queue.has_holes = known.queue.has_holes || first > 0;
    }
    Statement progress(database, "SELECT * FROM progress ORDER BY session, seq");
    while (progress.next()) {
        const auto found = reading.sessions.find(read_number(progress, 0, INT64_MAX, "progress"));
        if (found == reading.sessions.end()) continue;
        core::KeptProgress one;
        one.session = found->first;
        one.seq = read_number(progress, 1, limits::seq_max, "progress");
        one.state = static_cast<State>(read_number(progress, 2, 2, "progress"));
        one.packet_id =
            static_cast<std::uint16_t>(read_number(progress, 3, UINT16_MAX, "progress"));
        expect(one.packet_id != 0 || one.state == State::waits, "progress", "a packet id of 0");
        found->second.queue.last_seq = std::max(found->second.queue.last_seq, one.seq);
        found->second.progress.push_back(one);
    }
    read_chunks(database, reading);

    Summaries summaries;
    for (auto& [session, known] : reading.sessions) {
        if (!known.has_entries) continue;
        summaries.emplace(session, known.summary);
        queues_.emplace(session, std::move(known.queue));
    }
    return summaries;
}

void QueueIndex::read_chunks(SQLite::Database& database, Reading& reading) {
    Statement rows(database, "SELECT chunk, entries, length(contents) FROM chunks ORDER BY chunk");
    while (rows.next()) {
        const std::uint64_t chunk = read_number(rows, 0, INT64_MAX, "chunks");
        const Bytes entries = rows.bytes_at(1);
        Chunk& use = chunks_[chunk];
        use.bytes =
            static_cast<std::uint32_t>(entries.size() + read_number(rows, 2, INT32_MAX, "chunks"));
        last_chunk_ = chunk;
        for_each_entry(entries, [&](const Entry& entry) {
            ++use.messages;
            take_in(entry, chunk, reading);
        });
        bytes_ += use.bytes;
    }
    for (auto at = chunks_.begin(); at != chunks_.end();) {
        const Chunk& use = at->second;
        if (use.left > 0) {
            gone_bytes_ += use.bytes_of_one() * (use.messages - use.left);
            ++at;
            continue;
        }
        bytes_ -= use.bytes;
        emptied_.push_back(at->first);
        chunks_.erase(at++);
    }
}

void QueueIndex::take_in(const Entry& entry, std::uint64_t chunk, Reading& reading) {
    last_session_ = std::max(last_session_, entry.session);
    const auto found = reading.sessions.find(entry.session);
    if (found == reading.sessions.end()) return;  // it has ended
    Known& known = found->second;
    const bool in_order = !known.has_entries || entry.seq > known.queue.last_seq;
    known.has_entries = true;
    known.queue.last_seq = std::max(known.queue.last_seq, entry.seq);
    if (is_gone(known, entry.seq)) return;
    Place place{.seq = entry.seq, .chunk = chunk};
    // It has been moved; the older one was not deleted yet.
    if (const auto older = in_order ? std::nullopt : known.queue.places.find(entry.seq)) {
        place = *older;
        --chunks_[place.chunk].left;
        place.chunk = chunk;
        known.queue.places.change(place);
    } else {
        const core::KeptProgress* const progress = progress_of(known, entry.seq);
        const State state = progress == nullptr ? entry.state() : progress->state;
        expect(state == State::received || entry.state() != State::received, "progress",
               "a message that has gone back");
        place.waits = state == State::waits;
        place.shared = !entry.share.empty();
        place.expires = entry.expires();
        place.has_progress = progress != nullptr;
        known.queue.places.add(place);
        if (place.waits) summarize(known.summary, entry, reading.clocks);
    }
    ++chunks_[chunk].left;
}

const IndexedQueue* QueueIndex::find(core::SessionId session) const {
    const auto found = queues_.find(session);
    return found == queues_.end() ? nullptr : &found->second;
}

std::vector<Place> QueueIndex::window(const core::Journal::Load& asked) const {
    std::vector<Place> places;
    const IndexedQueue* const queue = find(asked.session);
    if (queue == nullptr || asked.messages_max == 0) return places;
    queue->places.visit(asked.first, asked.last, [&](const Place& place) {
        const bool wanted = asked.expired_by ? place.expires : place.shared || !asked.shared_only;
        if (place.waits && wanted) places.push_back(place);
        return asked.expired_by || places.size() < asked.messages_max;
    });
    return places;
}

void QueueIndex::add_chunk(std::uint64_t chunk, std::uint32_t messages, std::uint64_t bytes) {
    ASSERT(messages > 0 && chunk > last_chunk_);
    last_chunk_ = chunk;
    chunks_.emplace(chunk, Chunk{messages, messages, static_cast<std::uint32_t>(bytes)});
    bytes_ += bytes;
}

void QueueIndex::add(core::SessionId session, const Place& place) {
    IndexedQueue& queue = queues_[session];
    queue.places.add(place);
    queue.last_seq = place.seq;
    last_session_ = std::max(last_session_, session);
}

void QueueIndex::move(core::SessionId session, std::uint64_t seq, std::uint64_t from,
                      std::uint64_t to) {
    PlaceList& places = queues_.at(session).places;
    auto place = places.find(seq);
    ASSERT(place && place->chunk == from);
    place->chunk = to;
    places.change(*place);
    leave(from);
}

void QueueIndex::set_progress(core::SessionId session, std::uint64_t seq, bool waits) {
    PlaceList& places = queues_.at(session).places;
    auto place = places.find(seq);
    ASSERT(place);
    place->waits = waits;
    place->has_progress = true;
    places.change(*place);
}

void QueueIndex::set_holes(core::SessionId session, bool has_holes) {
    queues_.at(session).has_holes = has_holes;
}

void QueueIndex::remove(core::SessionId session, std::uint64_t first, std::uint64_t last) {
    queues_.at(session).places.erase(first, last,
                                     [this](const Place& place) { leave(place.chunk); });
}

void QueueIndex::end(core::SessionId session) {
    if (!queues_.contains(session)) return;
    remove(session, 0, UINT64_MAX);
    queues_.erase(session);
}

bool QueueIndex::is_sparse() const {
    return gone_bytes_ > gone_bytes_min_ && gone_bytes_ > bytes_ / 4 * 3;
}

std::vector<std::uint64_t> QueueIndex::sparse_chunks() const {
    std::vector<std::uint64_t> sparse;
    for (const auto& [chunk, use] : chunks_)
        if (use.left <= use.messages / 2) sparse.push_back(chunk);
    std::ranges::sort(sparse);
    return sparse;
}

void QueueIndex::leave(std::uint64_t chunk) {
    const auto found = chunks_.find(chunk);
    Chunk& use = found->second;
    gone_bytes_ += use.bytes_of_one();
    if (--use.left > 0) return;
    gone_bytes_ -= use.bytes_of_one() * use.messages;
    bytes_ -= use.bytes;
    emptied_.push_back(chunk);
    chunks_.erase(found);
}

}  // namespace drawbridge::storage
