#include "storage/queue_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/base/assert.hpp"
#include "broker/base/log.hpp"
#include "storage/database.hpp"

namespace drawbridge::storage {
namespace {

using State = core::KeptMessage::State;

// In order, and put together where they touch.
void join(std::vector<core::KeptRange>& ranges) {
    std::ranges::sort(ranges, {}, &core::KeptRange::first);
    std::size_t joined = 0;
    for (const core::KeptRange& range : ranges) {
        if (joined > 0 && range.first <= ranges[joined - 1].last + 1)
            ranges[joined - 1].last = std::max(ranges[joined - 1].last, range.last);
        else
            ranges[joined++] = range;
    }
    ranges.resize(joined);
}

bool contains(const std::vector<core::KeptRange>& ranges, std::uint64_t seq) {
    const auto next = std::ranges::upper_bound(ranges, seq, {}, &core::KeptRange::first);
    return next != ranges.begin() && std::prev(next)->last >= seq;
}

}  // namespace

QueueWriter::QueueWriter(SQLite::Database& database, QueueIndex& index)
    : database_(database),
      index_(index),
      put_chunk_(database, "INSERT INTO chunks VALUES (?, ?, ?)"),
      read_chunk_(database, "SELECT entries, contents FROM chunks WHERE chunk = ?"),
      delete_chunks_(database, "DELETE FROM chunks WHERE chunk BETWEEN ? AND ?"),
      put_gone_(database, "INSERT OR REPLACE INTO gone VALUES (?, ?, ?)"),
      delete_gone_(database, "DELETE FROM gone WHERE session = ? AND first BETWEEN ? AND ?"),
      delete_all_gone_(database, "DELETE FROM gone WHERE session = ?"),
      put_progress_(database, "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?)"),
      delete_progress_(database, "DELETE FROM progress WHERE session = ? AND seq BETWEEN ? AND ?"),
      delete_all_progress_(database, "DELETE FROM progress WHERE session = ?") {}

// --- put together --------------------------------------------------------------------------------

void QueueWriter::take_in(const core::Bundle& bundle) {
    for (const core::KeptMessage& kept : bundle.messages) {
        Change& change = changes_[kept.session];
        const IndexedQueue* const queue = index_.find(kept.session);
        ASSERT(kept.seq > (queue == nullptr ? 0 : queue->last_seq));
        ASSERT(change.fresh.empty() || kept.seq > change.fresh.back().kept->seq);
        change.fresh.push_back({&kept, kept.state, kept.packet_id});
    }
    for (const core::KeptProgress& progress : bundle.progress) note_progress(progress);
    for (const core::KeptRange& range : bundle.removed) note_removed(range);
    for (const core::SessionId session : bundle.ended) {
        changes_[session] = {};
        changes_[session].ended = true;
    }
}

void QueueWriter::note_progress(const core::KeptProgress& progress) {
    Change& change = changes_[progress.session];
    const auto fresh = std::ranges::lower_bound(change.fresh, progress.seq, {},
                                                [](const Fresh& one) { return one.kept->seq; });
    if (fresh != change.fresh.end() && fresh->kept->seq == progress.seq) {
        fresh->state = progress.state;
        fresh->packet_id = progress.packet_id;
    } else {
        change.progress.push_back(progress);
    }
}

// A range may reach beyond the queue's end of its time, and is not about what came later.
void QueueWriter::note_removed(core::KeptRange range) {
    Change& change = changes_[range.session];
    if (!change.fresh.empty() && range.last >= change.fresh.front().kept->seq)
        std::erase_if(change.fresh, [&](const Fresh& one) {
            return one.kept->seq >= range.first && one.kept->seq <= range.last;
        });
    const IndexedQueue* const queue = index_.find(range.session);
    if (queue == nullptr || range.first > queue->last_seq) return;
    range.last = std::min(range.last, queue->last_seq);
    if (!change.removed.empty() && change.removed.back().last + 1 == range.first)
        change.removed.back().last = range.last;
    else if (range.first <= range.last)
        change.removed.push_back(range);
}

// --- written -------------------------------------------------------------------------------------

void QueueWriter::write(const ClockPair& clocks, TenantNames& tenants) {
    next_chunk_ = index_.last_chunk() + 1;
    delete_emptied();
    // After a failure there may be no room for copies.
    if (!std::exchange(has_failed_, true)) compact();
    for (auto& [session, change] : changes_) write_change(session, change);
    write_fresh(clocks, tenants);
}

void QueueWriter::write_change(core::SessionId session, Change& change) {
    const IndexedQueue* const queue = index_.find(session);
    if (queue == nullptr) return;
    if (change.ended) {
        run(delete_all_gone_.number(session));
        run(delete_all_progress_.number(session));
        return;
    }
    join(change.removed);
    write_progress(*queue, change);
    write_gone(session, *queue, change);
}

void QueueWriter::write_progress(const IndexedQueue& queue, Change& change) {
    std::erase_if(change.progress, [&](const core::KeptProgress& progress) {
        return contains(change.removed, progress.seq) || !queue.places.find(progress.seq);
    });
    for (const core::KeptProgress& progress : change.progress) {
        put_progress_.number(progress.session).number(progress.seq);
        put_progress_.number(static_cast<unsigned>(progress.state));
        put_progress_.number(unsigned{progress.packet_id});
        run(put_progress_);
    }
}

void QueueWriter::write_gone(core::SessionId session, const IndexedQueue& queue, Change& change) {
    change.has_holes = queue.has_holes;
    core::KeptRange between{session, 0, 0};  // two messages that stay
    bool has_progress = false;
    const auto put = [&] {
        if (between.last == 0) return;
        if (change.has_holes) {
            delete_gone_.number(session).number(between.first).number(between.last);
            run(delete_gone_);
        }
        if (between.first == 0 && between.last == queue.last_seq)
            change.has_holes = false;
        else
            change.has_holes = change.has_holes || between.first > 0;
        put_gone_.number(session).number(between.first).number(between.last);
        run(put_gone_);
        if (!has_progress) return;
        delete_progress_.number(session).number(between.first).number(between.last);
        run(delete_progress_);
    };
    for (const core::KeptRange& range : change.removed) {
        bool any = false;
        bool any_progress = false;
        queue.places.visit(range.first, range.last, [&](const Place& place) {
            any = true;
            any_progress = any_progress || place.has_progress;
            return true;
        });
        if (!any) continue;
        const auto before = queue.places.before(range.first);
        const auto after = queue.places.after(range.last);
        const std::uint64_t last = after ? *after - 1 : queue.last_seq;
        if (between.last != 0 && before && *before <= between.last) {
            between.last = last;
            has_progress = has_progress || any_progress;
            continue;
        }
        put();
        between.first = before ? *before + 1 : 0;
        between.last = last;
        has_progress = any_progress;
    }
    put();
}

// Messages whose content others share stand beside those, the others by session.
void QueueWriter::write_fresh(const ClockPair& clocks, TenantNames& tenants) {
    uses_.clear();
    for (const auto& [session, change] : changes_)
        for (const Fresh& fresh : change.fresh)
            if (const core::Message* const message = fresh.kept->message.get();
                message != nullptr && message->bytes() >= limits::shared_bytes_min)
                ++uses_[message];
    const auto put = [&](const Fresh& fresh) {
        const core::KeptMessage& kept = *fresh.kept;
        if (builder_.is_full_for(kept.message.get(), kept.message ? kept.message->bytes() : 0))
            write_chunk();
        builder_.add(kept, fresh.state, fresh.packet_id, clocks, tenants);
        added_.push_back({kept.session,
                          {.seq = kept.seq,
                           .chunk = next_chunk_,
                           .waits = fresh.state == State::waits,
                           .shared = !kept.share.empty(),
                           .expires = kept.message != nullptr && kept.message->view().expires()}});
    };
    std::vector<Fresh> sharing;
    for (const auto& [session, change] : changes_) {
        for (const Fresh& fresh : change.fresh) {
            const auto uses = uses_.find(fresh.kept->message.get());
            if (uses != uses_.end() && uses->second > 1)
                sharing.push_back(fresh);
            else
                put(fresh);
        }
    }
    std::ranges::sort(sharing, {}, [](const Fresh& fresh) { return fresh.kept->message.get(); });
    for (const Fresh& fresh : sharing) put(fresh);
    write_chunk();
    // Those of one session are told to the index in their order.
    if (!sharing.empty())
        std::ranges::sort(added_, {}, [](const Added& added) { return added.place.seq; });
}

void QueueWriter::write_chunk() {
    if (builder_.empty()) return;
    put_chunk_.number(next_chunk_).bytes(builder_.entries()).bytes(builder_.contents());
    run(put_chunk_);
    new_chunks_.push_back(
        {next_chunk_, builder_.size(), builder_.entries().size() + builder_.contents().size()});
    builder_.clear();
    ++next_chunk_;
}

void QueueWriter::delete_emptied() {
    auto& emptied = index_.emptied();
    deleted_ = std::min(emptied.size(), limits::chunks_deleted_max);
    const auto end = emptied.begin() + static_cast<std::ptrdiff_t>(deleted_);
    std::sort(emptied.begin(), end);
    for (auto first = emptied.begin(); first != end;) {
        auto last = first;
        while (last + 1 != end && *(last + 1) == *last + 1) ++last;
        delete_chunks_.number(*first).number(*last);
        run(delete_chunks_);
        first = last + 1;
    }
}

// --- compacted -----------------------------------------------------------------------------------

void QueueWriter::compact() {
    if (!index_.is_sparse()) return sparse_.clear();
    if (sparse_.empty()) {
        sparse_ = index_.sparse_chunks();
        std::erase_if(sparse_, [&](std::uint64_t chunk) { return unreadable_.contains(chunk); });
        std::ranges::reverse(sparse_);
        can_compact_ = !sparse_.empty();
    }
    compacted_bytes_ = 0;
    std::size_t chunks = 0;
    // Taken off the list by apply(): a transaction that fails leaves them for the next one.
    for (auto next = sparse_.rbegin(); next != sparse_.rend(); ++next) {
        if (chunks++ == limits::chunks_compacted_max) break;
        if (compacted_bytes_ > limits::compacted_bytes_max) break;
        if (index_.has(*next) && !compact(*next)) unreadable_.emplace(*next, true);
    }
    write_chunk();
}

// False if it cannot be read; then it stays.
bool QueueWriter::compact(std::uint64_t chunk) {
    try {
        read_chunk_.number(chunk);
        const Rewind at_the_end(read_chunk_);
        expect(read_chunk_.next(), "chunks", "a chunk that is missing");
        const Bytes contents = read_chunk_.bytes_at(1);
        builder_.forget_contents();
        for_each_entry(read_chunk_.bytes_at(0), [&](const Entry& entry) {
            const IndexedQueue* const queue = index_.find(entry.session);
            const auto place = queue == nullptr ? std::nullopt : queue->places.find(entry.seq);
            if (!place || place->chunk != chunk) return;
            const auto content = std::min<std::uint64_t>(entry.content, contents.size());
            if (builder_.is_full_for(contents.data() + content, entry.bytes)) write_chunk();
            builder_.add(entry, contents);
            moved_.push_back({entry.session, entry.seq, chunk, next_chunk_});
            compacted_bytes_ += entry.bytes;
        });
        builder_.forget_contents();
        return true;
    } catch (const SQLite::Exception& failure) {
        if (!is_damage(failure)) throw;
        log::error("a chunk of messages cannot be read ({}), and takes its room", failure.what());
    } catch (const DamagedRow& damage) {
        log::error("a chunk of messages cannot be read ({}), and takes its room", damage.what());
    }
    return false;
}

// --- committed -----------------------------------------------------------------------------------

void QueueWriter::apply() {
    const auto lock = index_.lock();
    auto& emptied = index_.emptied();
    emptied.erase(emptied.begin(), emptied.begin() + static_cast<std::ptrdiff_t>(deleted_));
    for (const NewChunk& one : new_chunks_) index_.add_chunk(one.chunk, one.messages, one.bytes);
    for (const Moved& moved : moved_) index_.move(moved.session, moved.seq, moved.from, moved.to);
    for (auto& [session, change] : changes_) {
        if (change.ended) index_.end(session);
        if (index_.find(session) == nullptr) continue;
        for (const core::KeptProgress& progress : change.progress)
            index_.set_progress(session, progress.seq, progress.state == State::waits);
        for (const core::KeptRange& range : change.removed)
            index_.remove(session, range.first, range.last);
        index_.set_holes(session, change.has_holes);
    }
    for (const Added& added : added_) index_.add(added.session, added.place);
    const auto is_done = [this](std::uint64_t chunk) {
        return !index_.has(chunk) || unreadable_.contains(chunk);
    };
    while (!sparse_.empty() && is_done(sparse_.back())) sparse_.pop_back();
    drop();
    has_failed_ = false;
}

bool QueueWriter::unfinished() const {
    return index_.emptied().size() > limits::chunks_left_max ||
           (can_compact_ && !has_failed_ && index_.is_sparse());
}

void QueueWriter::forget_empty_queues() {
    for (const auto& [table, forget] :
         {std::pair("gone", &delete_all_gone_), std::pair("progress", &delete_all_progress_)}) {
        std::vector<std::int64_t> empty;
        Statement sessions(database_, fmt::format("SELECT DISTINCT session FROM {}", table));
        while (sessions.next()) {
            const std::int64_t session = sessions.number_at(0);
            if (index_.find(static_cast<core::SessionId>(session)) == nullptr)
                empty.push_back(session);
        }
        for (const std::int64_t session : empty) run(forget->number(session));
    }
}

void QueueWriter::drop() {
    changes_.clear();
    builder_.clear();
    new_chunks_.clear();
    added_.clear();
    moved_.clear();
    deleted_ = 0;
}

void QueueWriter::run(Statement& statement) {
    statement.run();
    ++rows_;
}

}  // namespace drawbridge::storage
