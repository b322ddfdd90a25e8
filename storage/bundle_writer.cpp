#include "storage/bundle_writer.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/text_hash.hpp"
#include "storage/queue_row.hpp"
#include "storage/session_rows.hpp"

namespace drawbridge::storage {
namespace {

void bind_optional(Statement& statement, std::string_view text) {
    if (text.empty())
        statement.null();
    else
        statement.text(text);
}

std::vector<core::SessionId> read_ended(SQLite::Database& database) {
    std::vector<core::SessionId> ended;
    Statement query(database, "SELECT session FROM ended_sessions");
    while (query.next()) ended.push_back(static_cast<core::SessionId>(query.number_at(0)));
    return ended;
}

bool any_bodies(SQLite::Database& database) {
    Statement query(database, "SELECT 1 FROM bodies LIMIT 1");
    return query.next();
}

}  // namespace

BundleWriter::BundleWriter(SQLite::Database& database, unsigned shards,
                           const RetainedOf& retained_of)
    : database_(database),
      retained_of_(retained_of),
      turns_(shards),
      ended_(read_ended(database)),
      last_body_(database.execAndGet("SELECT coalesce(max(body), 0) FROM bodies").getInt64()),
      clocks_(ClockPair::now()),
      put_session_(database,
                   "INSERT OR REPLACE INTO sessions "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      put_subscription_(database,
                        "INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      delete_subscription_(
          database, "DELETE FROM subscriptions WHERE session = ? AND share = ? AND filter = ?"),
      put_received_(database, "INSERT OR REPLACE INTO received VALUES (?, ?)"),
      delete_received_(database, "DELETE FROM received WHERE session = ? AND packet_id = ?"),
      put_message_(database,
                   "INSERT OR REPLACE INTO queue "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      put_body_(database, "INSERT INTO bodies VALUES (?, ?, ?, ?, ?)"),
      progress_(database,
                "UPDATE queue SET state = ?, packet_id = ? WHERE session = ? AND seq = ?"),
      forget_message_(database,
                      "UPDATE queue SET state = ?, packet_id = ?, body = NULL, tenant = NULL, "
                      "topic = NULL, properties = NULL, payload = NULL "
                      "WHERE session = ? AND seq = ?"),
      delete_messages_(database, "DELETE FROM queue WHERE session = ? AND seq BETWEEN ? AND ?"),
      bodies_of_(database,
                 "SELECT body FROM queue WHERE session = ? AND seq BETWEEN ? AND ? "
                 "AND body IS NOT NULL"),
      delete_body_(database,
                   "DELETE FROM bodies WHERE body = ?1 "
                   "AND NOT EXISTS (SELECT 1 FROM queue WHERE body = ?1)"),
      delete_session_(database, "DELETE FROM sessions WHERE session = ?"),
      delete_subscriptions_(database, "DELETE FROM subscriptions WHERE session = ?"),
      delete_all_received_(database, "DELETE FROM received WHERE session = ?"),
      put_ended_(database, "INSERT OR REPLACE INTO ended_sessions VALUES (?)"),
      delete_ended_(database, "DELETE FROM ended_sessions WHERE session = ?"),
      queue_place_(database,
                   "SELECT seq FROM queue WHERE session = ? ORDER BY seq LIMIT 1 OFFSET ?"),
      delete_retained_(database, "DELETE FROM retained WHERE topic = ?"),
      put_retained_(database,
                    "INSERT INTO retained (publisher, flags, expires_at, tenant, topic, "
                    "properties, payload) VALUES (?, ?, ?, ?, ?, ?, ?)"),
      put_published_(database,
                     "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      delete_published_(database, "DELETE FROM published WHERE shard = ? AND turn <= ?"),
      put_seen_(database, "INSERT OR REPLACE INTO seen VALUES (?, ?, ?)") {}

void BundleWriter::write(std::span<const PendingBundle> bundles) {
    SeenTurns turns = turns_;
    const std::vector<core::SessionId> ended_before = ended_;
    clocks_ = ClockPair::now();
    removing_ = {};
    bodies_.clear();
    try {
        SQLite::Transaction all(database_, SQLite::TransactionBehavior::IMMEDIATE);
        if (!begun_) begin_life();
        count_uses(bundles);
        for (const PendingBundle& pending : bundles) write_rows(*pending.bundle);
        remove_now();
        clear_ended();
        delete_unused_bodies();
        write_retained(bundles);
        write_published(bundles, turns);
        write_seen(turns);
        all.commit();
    } catch (const SQLite::Exception&) {
        ended_ = ended_before;
        throw;
    }
    // Looked at only when it may have changed: a queue without bodies is deleted without asking.
    if (!bodies_.empty() || !begun_) has_bodies_ = any_bodies(database_);
    begun_ = true;
    turns_ = std::move(turns);
}

void BundleWriter::begin_life() {
    const core::TextHashKey key = core::text_hash_key();
    database_.exec("DELETE FROM seen");
    database_.exec("DELETE FROM published");
    // Left by somebody else's hand: the writer leaves none.
    database_.exec(
        "DELETE FROM bodies WHERE NOT EXISTS (SELECT 1 FROM queue WHERE queue.body = bodies.body)");
    Statement put_fact(database_, "INSERT OR REPLACE INTO facts VALUES (?, ?)");
    put_fact.text("shards").number(turns_.shards()).run();
    put_fact.text("home_key_a").number(key.a).run();
    put_fact.text("home_key_b").number(key.b).run();
}

void BundleWriter::count_uses(std::span<const PendingBundle> bundles) {
    contents_.clear();
    for (const PendingBundle& pending : bundles)
        for (const core::KeptMessage& kept : pending.bundle->messages)
            if (kept.message != nullptr) ++contents_[kept.message.get()].uses;
}

void BundleWriter::write_rows(const core::Bundle& bundle) {
    for (const core::KeptSession& session : bundle.sessions) {
        bind_session(put_session_, session, clocks_, tenants_);
        run(put_session_);
    }
    for (const core::KeptSubscription& subscription : bundle.subscriptions) {
        if (subscription.ended) {
            delete_subscription_.number(subscription.session);
            delete_subscription_.text(subscription.share).text(subscription.filter);
            run(delete_subscription_);
        } else {
            bind_subscription(put_subscription_, subscription);
            run(put_subscription_);
        }
    }
    for (const core::KeptReceived& received : bundle.received) {
        Statement& change = received.released ? delete_received_ : put_received_;
        change.number(received.session).number(unsigned{received.packet_id});
        run(change);
    }
    for (const core::KeptMessage& kept : bundle.messages) write_message(kept);
    for (const core::KeptProgress& progress : bundle.progress) write_progress(progress);
    for (const core::KeptRange& range : bundle.removed) remove(range);
    for (const core::SessionId session : bundle.ended) end_session(session);
}

void BundleWriter::write_message(const core::KeptMessage& kept) {
    // A range may reach beyond the queue's end of its time, and is not about what came later.
    if (kept.session == removing_.session && kept.seq <= removing_.last) remove_now();
    // Text and bytes are borrowed until the row is written: the message lives as long as kept.
    const core::MessageView view =
        kept.message == nullptr ? core::MessageView{} : kept.message->view();
    const std::int64_t body = kept.message == nullptr ? 0 : body_of(kept.message, view);
    put_message_.number(kept.session).number(kept.seq);
    put_message_.number(static_cast<unsigned>(kept.state));
    put_message_.number(queue_flags(kept, message_flags(view)));
    put_message_.number(std::uint64_t{kept.message == nullptr ? 0 : kept.message->bytes()});
    clocks_.bind(put_message_, view.expires_at);
    bind_optional(put_message_, kept.share);
    put_message_.number(unsigned{kept.packet_id});
    write_ids(kept.subscription_ids, ids_);
    if (ids_.empty())
        put_message_.null();
    else
        put_message_.bytes(ids_);
    if (body != 0)
        put_message_.number(body);
    else
        put_message_.null();
    if (kept.message == nullptr || body != 0)
        put_message_.null().null().null().null();
    else
        bind_content(put_message_, view, tenants_);
    run(put_message_);
}

// 0: the content goes into the row itself.
std::int64_t BundleWriter::body_of(const core::MessagePtr& message, const core::MessageView& view) {
    const std::size_t bytes = message->bytes();
    Content& content = contents_.find(message.get())->second;
    const bool shared = content.uses > 1 && bytes >= limits::shared_bytes_min;
    if (!shared && bytes <= limits::inline_bytes_max) return 0;
    if (content.body != 0) return content.body;
    content.body = ++last_body_;
    has_bodies_ = true;
    put_body_.number(content.body);
    bind_content(put_body_, view, tenants_);
    run(put_body_);
    return content.body;
}

void BundleWriter::write_progress(const core::KeptProgress& progress) {
    const bool received = progress.state == core::KeptMessage::State::received;
    if (received) let_go_of_bodies({progress.session, progress.seq, progress.seq});
    Statement& change = received ? forget_message_ : progress_;
    change.number(static_cast<unsigned>(progress.state)).number(unsigned{progress.packet_id});
    change.number(progress.session).number(progress.seq);
    run(change);
}

// Acknowledgements come one by one, and mostly in order: their ranges are put together, and deleted
// when another one comes, or a message that must not be taken for one of them.
void BundleWriter::remove(core::KeptRange range) {
    range.last = std::min<std::uint64_t>(range.last, INT64_MAX);  // SQLite's numbers are signed
    if (range.session == removing_.session && range.first == removing_.last + 1) {
        removing_.last = range.last;
        return;
    }
    remove_now();
    removing_ = range;
}

void BundleWriter::remove_now() {
    const core::KeptRange range = std::exchange(removing_, {});
    if (range.session == 0) return;
    let_go_of_bodies(range);
    delete_messages_.number(range.session).number(range.first).number(range.last);
    run(delete_messages_);
}

void BundleWriter::let_go_of_bodies(const core::KeptRange& range) {
    if (!has_bodies_) return;
    bodies_of_.number(range.session).number(range.first).number(range.last);
    while (bodies_of_.next()) bodies_.push_back(bodies_of_.number_at(0));
}

void BundleWriter::delete_unused_bodies() {
    std::sort(bodies_.begin(), bodies_.end());
    bodies_.erase(std::unique(bodies_.begin(), bodies_.end()), bodies_.end());
    for (const std::int64_t body : bodies_) run(delete_body_.number(body));
}

void BundleWriter::end_session(core::SessionId session) {
    run(delete_session_.number(session));
    run(delete_subscriptions_.number(session));
    run(delete_all_received_.number(session));
    run(put_ended_.number(session));
    ended_.push_back(session);
}

void BundleWriter::clear_ended() {
    std::int64_t left = limits::ended_rows_per_commit_max;
    while (!ended_.empty() && left > 0) {
        const core::SessionId session = ended_.back();
        queue_place_.number(session).number(left);
        const bool longer = queue_place_.next();
        const std::int64_t last = longer ? queue_place_.number_at(0) - 1 : INT64_MAX;
        queue_place_.rewind();
        remove({session, 0, static_cast<std::uint64_t>(last)});
        remove_now();
        left -= 1 + delete_messages_.changed();
        if (longer) return;
        run(delete_ended_.number(session));
        ended_.pop_back();
    }
}

void BundleWriter::write_retained(std::span<const PendingBundle> bundles) {
    std::vector<std::string_view> topics;
    for (const PendingBundle& pending : bundles)
        topics.insert(topics.end(), pending.bundle->retained.begin(),
                      pending.bundle->retained.end());
    std::sort(topics.begin(), topics.end());
    topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
    for (const std::string_view topic : topics) {
        run(delete_retained_.text(topic));
        for (const core::KeptRetained& retained : retained_of_(topic)) {
            const core::MessageView view = retained.message->view();
            put_retained_.number(retained.publisher).number(message_flags(view));
            clocks_.bind(put_retained_, view.expires_at);
            bind_content(put_retained_, view, tenants_);
            run(put_retained_);
        }
    }
}

void BundleWriter::write_published(std::span<const PendingBundle> bundles, SeenTurns& turns) {
    for (const PendingBundle& pending : bundles) turns.take_in(pending.shard, *pending.bundle);
    for (unsigned shard = 0; shard < turns.shards(); ++shard) {
        std::uint64_t& kept_up_to = turns.kept_up_to(shard);
        if (kept_up_to == 0) continue;
        const std::uint64_t seen = turns.seen_by_all(shard);
        if (seen != turns_.seen_by_all(shard)) run(delete_published_.number(shard).number(seen));
        if (seen >= kept_up_to) kept_up_to = 0;
    }
    for (const PendingBundle& pending : bundles) {
        for (const core::KeptPublish& publish : pending.bundle->published) {
            if (!turns.is_missed(pending.shard, publish)) continue;
            const core::MessageView view = publish.message->view();
            put_published_.number(pending.shard).number(publish.turn).number(publish.place);
            put_published_.number(static_cast<std::int64_t>(publish.group));
            put_published_.number(publish.receiver_shard);
            put_published_.number(message_flags(view));
            clocks_.bind(put_published_, view.expires_at);
            bind_content(put_published_, view, tenants_);
            run(put_published_);
            std::uint64_t& kept_up_to = turns.kept_up_to(pending.shard);
            kept_up_to = std::max(kept_up_to, publish.turn);
        }
    }
}

// Who has heard of what matters only where messages are kept for those who have not.
void BundleWriter::write_seen(SeenTurns& turns) {
    for (unsigned of_shard = 0; of_shard < turns.shards(); ++of_shard) {
        if (turns.kept_up_to(of_shard) == 0) continue;
        for (unsigned shard = 0; shard < turns.shards(); ++shard) {
            const std::uint64_t heard = turns.heard(shard, of_shard);
            std::uint64_t& written = turns.written(shard, of_shard);
            if (shard == of_shard || heard == written) continue;
            run(put_seen_.number(shard).number(of_shard).number(heard));
            written = heard;
        }
    }
}

void BundleWriter::run(Statement& statement) {
    statement.run();
    ++rows_;
}

}  // namespace drawbridge::storage
