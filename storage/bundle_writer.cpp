#include "storage/bundle_writer.hpp"

#include <algorithm>
#include <utility>

#include "broker/core/text_hash.hpp"
#include "storage/session_rows.hpp"

namespace drawbridge::storage {
BundleWriter::BundleWriter(SQLite::Database& database, QueueIndex& index, unsigned shards,
                           const RetainedOf& retained_of)
    : database_(database),
      retained_of_(retained_of),
      turns_(shards),
      queues_(database, index),
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
      delete_session_(database, "DELETE FROM sessions WHERE session = ?"),
      delete_subscriptions_(database, "DELETE FROM subscriptions WHERE session = ?"),
      delete_all_received_(database, "DELETE FROM received WHERE session = ?"),
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
    clocks_ = ClockPair::now();
    try {
        SQLite::Transaction all(database_, SQLite::TransactionBehavior::IMMEDIATE);
        if (!begun_) begin_life();
        for (const PendingBundle& pending : bundles) write_rows(*pending.bundle);
        queues_.write(clocks_, tenants_);
        write_retained(bundles);
        write_published(bundles, turns);
        write_seen(turns);
        all.commit();
    } catch (const SQLite::Exception&) {
        queues_.drop();
        throw;
    }
    queues_.apply();
    begun_ = true;
    turns_ = std::move(turns);
}

void BundleWriter::begin_life() {
    const core::TextHashKey key = core::text_hash_key();
    database_.exec("DELETE FROM seen");
    database_.exec("DELETE FROM published");
    queues_.forget_empty_queues();
    Statement put_fact(database_, "INSERT OR REPLACE INTO facts VALUES (?, ?)");
    put_fact.text("shards").number(turns_.shards()).run();
    put_fact.text("home_key_a").number(key.a).run();
    put_fact.text("home_key_b").number(key.b).run();
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
    queues_.take_in(bundle);
    for (const core::SessionId session : bundle.ended) end_session(session);
}

void BundleWriter::end_session(core::SessionId session) {
    run(delete_session_.number(session));
    run(delete_subscriptions_.number(session));
    run(delete_all_received_.number(session));
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
