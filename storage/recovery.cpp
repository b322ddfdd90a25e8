#include "storage/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "storage/chunk_reader.hpp"
#include "storage/guarded.hpp"
#include "storage/message_schema.hpp"
#include "storage/session_rows.hpp"

namespace drawbridge::storage {
namespace {

constexpr std::uint64_t shards_max = 65'535;

// The rows of a table in the order of their sessions, the first column, read along with `sessions`.
class SessionRows {
public:
    SessionRows(SQLite::Database& database, std::string_view sql) : rows_(database, sql) { step(); }

    // Calls visit(row) for the session's rows. Those of sessions before it are of none, and left
    // out: they are being deleted.
    template <class Visit>
    void visit(core::SessionId session, Visit visit) {
        while (more_ && at_ < session) step();
        while (more_ && at_ == session) {
            visit(static_cast<const Statement&>(rows_));
            step();
        }
    }

private:
    void step() {
        more_ = rows_.next();
        if (more_) at_ = static_cast<core::SessionId>(rows_.number_at(0));
    }

    Statement rows_;
    bool more_ = true;
    core::SessionId at_ = 0;
};

// How far a message has come since it was written.
void read_progress(Statement& rows, core::KeptMessage& kept) {
    using State = core::KeptMessage::State;
    rows.number(kept.session).number(kept.seq);
    const Rewind at_the_end(rows);
    expect(rows.next(), "progress", "a row that is not found again");
    kept.state = static_cast<State>(read_number(rows, 0, 2, "progress"));
    kept.packet_id = static_cast<std::uint16_t>(read_number(rows, 1, UINT16_MAX, "progress"));
    if (kept.state == State::received) kept.message.reset();
}

}  // namespace

Recovery::Recovery(const std::filesystem::path& file)
    : file_(file), database_(open_messages(file)) {
    guarded(file_, [&] {
        read_facts();
        summaries_ = index_.read(database_);
    });
}

void Recovery::visit_sessions(const std::function<void(core::RecoveredSession)>& visit) {
    guarded(file_, [&] {
        const ClockPair clocks = ClockPair::now();
        SQLite::Transaction one_moment(database_);
        Statement sessions(database_, "SELECT * FROM sessions ORDER BY session");
        SessionRows subscriptions(database_,
                                  "SELECT * FROM subscriptions ORDER BY session, share, filter");
        SessionRows received(database_, "SELECT * FROM received ORDER BY session, packet_id");
        ChunkReader chunks(database_);
        Statement progress(database_,
                           "SELECT state, packet_id FROM progress WHERE session = ? AND seq = ?");
        while (sessions.next()) {
            core::RecoveredSession recovered;
            recovered.session = read_session(sessions, clocks);
            recovered.shard = home_of(recovered.session.client_id);
            const core::SessionId id = recovered.session.id;
            subscriptions.visit(id, [&](const Statement& row) {
                recovered.subscriptions.push_back(read_subscription(row));
            });
            received.visit(id, [&](const Statement& row) {
                const auto packet_id =
                    static_cast<std::uint16_t>(read_number(row, 1, UINT16_MAX, "received"));
                expect(packet_id != 0, "received", "a packet id of 0");
                recovered.received.push_back(packet_id);
            });
            if (const IndexedQueue* const queue = index_.find(id)) {
                recovered.queue = summaries_.at(id);
                recovered.last_seq = queue->last_seq;
                queue->places.visit(0, limits::seq_max, [&](const Place& place) {
                    if (place.waits) return true;
                    recovered.sent.push_back(chunks.read(id, place, clocks));
                    if (place.has_progress) read_progress(progress, recovered.sent.back());
                    return true;
                });
            }
            visit(std::move(recovered));
        }
    });
}

void Recovery::visit_retained(const std::function<void(core::KeptRetained)>& visit) {
    guarded(file_, [&] {
        const ClockPair clocks = ClockPair::now();
        Statement rows(database_,
                       "SELECT publisher, flags, expires_at, tenant, topic, properties, payload "
                       "FROM retained ORDER BY topic, tenant");
        while (rows.next()) {
            core::KeptRetained retained;
            retained.publisher = static_cast<std::uint64_t>(rows.number_at(0));
            const std::uint64_t flags =
                read_number(rows, 1, (1u << message_flags_bits) - 1, "retained");
            retained.message = read_message(rows, 3, flags, clocks.read(rows, 2), "retained");
            visit(std::move(retained));
        }
    });
}

void Recovery::visit_published(const std::function<void(core::RecoveredPublish)>& visit) {
    guarded(file_, [&] {
        const ClockPair clocks = ClockPair::now();
        std::vector<std::uint64_t> seen(std::size_t{shards_} * shards_);  // by shard, of_shard
        const auto read_shard = [&](const Statement& row, int column, const char* table) {
            expect(shards_ > 0, table, "a row, but no number of shards in facts");
            return static_cast<unsigned>(read_number(row, column, shards_ - 1, table));
        };
        Statement turns(database_, "SELECT shard, of_shard, turn FROM seen");
        while (turns.next()) {
            const unsigned shard = read_shard(turns, 0, "seen");
            const unsigned of_shard = read_shard(turns, 1, "seen");
            seen[shard * shards_ + of_shard] = read_number(turns, 2, INT64_MAX, "seen");
        }
        Statement rows(database_, "SELECT * FROM published ORDER BY shard, turn, place");
        while (rows.next()) {
            core::RecoveredPublish recovered;
            core::KeptPublish& publish = recovered.publish;
            const unsigned of_shard = read_shard(rows, 0, "published");
            publish.turn = read_number(rows, 1, INT64_MAX, "published");
            publish.place =
                static_cast<std::uint32_t>(read_number(rows, 2, UINT32_MAX, "published"));
            publish.group = static_cast<std::uint64_t>(rows.number_at(3));
            publish.receiver_shard = read_shard(rows, 4, "published");
            const std::uint64_t flags =
                read_number(rows, 5, (1u << message_flags_bits) - 1, "published");
            publish.message = read_message(rows, 7, flags, clocks.read(rows, 6), "published");
            for (unsigned shard = 0; shard < shards_; ++shard) {
                const bool concerned = publish.group == 0 || shard == publish.receiver_shard;
                if (shard == of_shard || !concerned) continue;
                if (seen[shard * shards_ + of_shard] >= publish.turn) continue;
                recovered.shard = shard;
                recovered.shards = shards_;
                visit(recovered);
            }
        }
    });
}

void Recovery::read_facts() {
    Statement rows(database_, "SELECT name, value FROM facts");
    while (rows.next()) {
        const std::string_view name = rows.text_at(0);
        if (name == "shards")
            shards_ = static_cast<unsigned>(read_number(rows, 1, shards_max, "facts"));
        if (name == "home_key_a") home_key_.a = static_cast<std::uint64_t>(rows.number_at(1));
        if (name == "home_key_b") home_key_.b = static_cast<std::uint64_t>(rows.number_at(1));
    }
}

unsigned Recovery::home_of(std::string_view client_id) const {
    if (shards_ == 0) return 0;
    return static_cast<unsigned>(core::hash_text(client_id, home_key_) % shards_);
}

}  // namespace drawbridge::storage
