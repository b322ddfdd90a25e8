// BundleWriter: puts bundles of all shards into messages.db, in one transaction. What they say of
// queues is QueueWriter's.
//
// Owner:   the journal's writer thread, whose connection it uses.
// Memory:  a few bytes for each message of the transaction.
// Fails:   with SQLite::Exception. Then nothing has changed, and the same can be tried again.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/core/journal.hpp"
#include "broker/core/recovery.hpp"
#include "storage/message_row.hpp"
#include "storage/queue_writer.hpp"
#include "storage/seen_turns.hpp"

namespace drawbridge::storage {

// What is retained of a topic now. Called by the writer's thread.
using RetainedOf = std::function<std::vector<core::KeptRetained>(std::string_view topic)>;

struct PendingBundle {
    unsigned shard = 0;
    std::unique_ptr<core::Bundle> bundle;
};

class BundleWriter {
public:
    // All must outlive the writer.
    BundleWriter(SQLite::Database& database, QueueIndex& index, unsigned shards,
                 const RetainedOf& retained_of);

    // The first one forgets what the last life has left of `seen` and `published`, in the same
    // transaction.
    void write(std::span<const PendingBundle> bundles);

    bool has_begun() const { return begun_; }
    // There is something to do for write({}).
    bool unfinished() const { return queues_.unfinished(); }

    // Inserted, changed or deleted, since the start.
    std::uint64_t rows() const { return rows_ + queues_.rows(); }

private:
    void begin_life();
    void write_rows(const core::Bundle& bundle);
    void end_session(core::SessionId session);
    void write_retained(std::span<const PendingBundle> bundles);
    void write_published(std::span<const PendingBundle> bundles, SeenTurns& turns);
    void write_seen(SeenTurns& turns);
    void run(Statement& statement);

    SQLite::Database& database_;
    const RetainedOf& retained_of_;
    bool begun_ = false;  // the first transaction is committed
    SeenTurns turns_;
    QueueWriter queues_;
    std::uint64_t rows_ = 0;

    // Of the transaction.
    ClockPair clocks_;
    TenantNames tenants_;

    Statement put_session_;
    Statement put_subscription_, delete_subscription_;
    Statement put_received_, delete_received_;
    Statement delete_session_, delete_subscriptions_, delete_all_received_;
    Statement delete_retained_, put_retained_;
    Statement put_published_, delete_published_, put_seen_;
};

}  // namespace drawbridge::storage
