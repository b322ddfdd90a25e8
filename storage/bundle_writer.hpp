// BundleWriter: puts bundles of all shards into messages.db, in one transaction.
//
// Owner:   the journal's writer thread, whose connection it uses.
// Memory:  a few bytes for each message of the transaction.
// Fails:   with SQLite::Exception. Then nothing has changed, and the same can be tried again.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/core/journal.hpp"
#include "broker/core/recovery.hpp"
#include "storage/message_row.hpp"
#include "storage/seen_turns.hpp"

namespace drawbridge::storage {

namespace limits {

// A content of more bytes than this is a row of `bodies` even if one session alone waits for it, so
// that rows of `queue` never go on in further pages: a start reads them all.
constexpr std::size_t inline_bytes_max = 700;
// One of fewer is repeated in each row: a reference would not be shorter.
constexpr std::size_t shared_bytes_min = 64;
// Of sessions that have ended, rows of `queue` that go with one transaction: some ten milliseconds.
constexpr std::int64_t ended_rows_per_commit_max = 8'192;

}  // namespace limits

// What is retained of a topic now. Called by the writer's thread.
using RetainedOf = std::function<std::vector<core::KeptRetained>(std::string_view topic)>;

struct PendingBundle {
    unsigned shard = 0;
    std::unique_ptr<core::Bundle> bundle;
};

class BundleWriter {
public:
    // Both must outlive the writer.
    BundleWriter(SQLite::Database& database, unsigned shards, const RetainedOf& retained_of);

    // The first one forgets what the last life has left of `seen` and `published`, in the same
    // transaction.
    void write(std::span<const PendingBundle> bundles);

    bool has_begun() const { return begun_; }
    // Sessions that have ended still have rows: there is something to do for write({}).
    bool unfinished() const { return !ended_.empty(); }

    // Inserted, changed or deleted, since the start.
    std::uint64_t rows() const { return rows_; }

private:
    // A content in this transaction: how many rows have it, and where it is if not in each.
    struct Content {
        std::uint32_t uses = 0;
        std::int64_t body = 0;  // 0: nowhere yet
    };

    void begin_life();
    void count_uses(std::span<const PendingBundle> bundles);
    void write_rows(const core::Bundle& bundle);
    void write_message(const core::KeptMessage& kept);
    std::int64_t body_of(const core::MessagePtr& message, const core::MessageView& view);
    void write_progress(const core::KeptProgress& progress);
    void remove(core::KeptRange range);
    void remove_now();
    void let_go_of_bodies(const core::KeptRange& range);
    void delete_unused_bodies();
    void end_session(core::SessionId session);
    void clear_ended();
    void write_retained(std::span<const PendingBundle> bundles);
    void write_published(std::span<const PendingBundle> bundles, SeenTurns& turns);
    void write_seen(SeenTurns& turns);
    void run(Statement& statement);

    SQLite::Database& database_;
    const RetainedOf& retained_of_;
    bool begun_ = false;  // the first transaction is committed
    SeenTurns turns_;
    std::vector<core::SessionId> ended_;  // they have rows of `queue`, and stand in ended_sessions
    std::int64_t last_body_ = 0;
    bool has_bodies_ = true;  // perhaps
    std::uint64_t rows_ = 0;

    // Of the transaction.
    ClockPair clocks_;
    TenantNames tenants_;
    boost::unordered_flat_map<const core::Message*, Content> contents_;
    std::vector<std::uint8_t> ids_;
    core::KeptRange removing_;          // not deleted yet; its session is 0 if there is none
    std::vector<std::int64_t> bodies_;  // that have lost a row

    Statement put_session_;
    Statement put_subscription_, delete_subscription_;
    Statement put_received_, delete_received_;
    Statement put_message_, put_body_, progress_, forget_message_, delete_messages_;
    Statement bodies_of_, delete_body_;
    Statement delete_session_, delete_subscriptions_, delete_all_received_;
    Statement put_ended_, delete_ended_, queue_place_;
    Statement delete_retained_, put_retained_;
    Statement put_published_, delete_published_, put_seen_;
};

}  // namespace drawbridge::storage
