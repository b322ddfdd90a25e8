#include "tests/support/memory_journal.hpp"

#include "broker/base/assert.hpp"
#include "broker/core/text_hash.hpp"

namespace drawbridge::test {

using namespace core;

std::uint64_t MemoryJournal::submit(unsigned shard, std::unique_ptr<Bundle> bundle) {
    waiting_.emplace_back(shard, std::move(bundle));
    committed_[shard] += 0;
    return ++submitted_[shard];
}

void MemoryJournal::commit() {
    ++commits_;
    for (const auto& [shard, bundle] : std::exchange(waiting_, {})) apply(shard, *bundle);
    for (const auto& [shard, number] : submitted_) committed_[shard] = number;
    std::erase_if(published_, [&](const Published& published) {
        for (const auto& [shard, seen] : seen_)
            if (shard != published.shard && !has_seen(shard, published)) return false;
        return true;
    });
    for (const auto& [shard, told] : told_) told();
}

bool MemoryJournal::has_seen(unsigned shard, const Published& published) const {
    const KeptPublish& publish = published.publish;
    if (publish.group != 0 && publish.receiver_shard != shard) return true;
    const auto seen = seen_.find(shard);
    return seen != seen_.end() && seen->second.at(published.shard) >= publish.turn;
}

void MemoryJournal::apply(unsigned shard, const Bundle& bundle) {
    for (const KeptSession& row : bundle.sessions) {
        sessions_[row.id].row = row;
    }
    for (const KeptSubscription& row : bundle.subscriptions) {
        auto& subscriptions = sessions_.at(row.session).subscriptions;
        if (row.ended)
            subscriptions.erase({row.share, row.filter});
        else
            subscriptions[{row.share, row.filter}] = row;
    }
    for (const KeptReceived& row : bundle.received) {
        if (row.released)
            sessions_.at(row.session).received.erase(row.packet_id);
        else
            sessions_.at(row.session).received.insert(row.packet_id);
    }
    for (const KeptMessage& row : bundle.messages) {
        ++messages_written_;
        const bool is_new = sessions_.at(row.session).messages.emplace(row.seq, row).second;
        ASSERT(is_new);
    }
    for (const KeptProgress& row : bundle.progress) {
        KeptMessage& message = sessions_.at(row.session).messages.at(row.seq);
        message.packet_id = row.packet_id;
        message.state = row.state;
        if (row.state == KeptMessage::State::received) message.message.reset();
    }
    for (const KeptRange& range : bundle.removed) {
        const auto session = sessions_.find(range.session);
        if (session == sessions_.end()) continue;  // handed on, and ended before that had settled
        auto& messages = session->second.messages;
        messages.erase(messages.lower_bound(range.first), messages.upper_bound(range.last));
    }
    for (const SessionId id : bundle.ended) sessions_.erase(id);
    for (const std::string& topic : bundle.retained) retained_[topic] = retained->of_topic(topic);
    for (const KeptPublish& publish : bundle.published) published_.push_back({shard, publish});
    seen_[shard] = bundle.seen;
}

std::size_t MemoryJournal::messages_on_disk() const {
    std::size_t messages = 0;
    for (const auto& [id, session] : sessions_) messages += session.messages.size();
    return messages;
}

std::size_t MemoryJournal::retained_on_disk() const {
    std::size_t messages = 0;
    for (const auto& [topic, of_tenants] : retained_) messages += of_tenants.size();
    return messages;
}

void MemoryJournal::load(unsigned shard, const Load& load) {
    Loaded loaded;
    loaded.asked = load;
    std::size_t bytes = 0;
    for (const auto& [seq, message] : sessions_.at(load.session).messages) {
        if (seq < load.first || seq > load.last) continue;
        if (load.expired_by) {
            if (message.state != KeptMessage::State::waits) continue;
            const MessageView view = message.message->view();
            if (view.expired(*load.expired_by) && loaded.expired.size() < load.messages_max)
                loaded.expired.push_back({seq, message.message->bytes(), !message.share.empty()});
            else
                loaded.none_expires_before = std::min(loaded.none_expires_before, view.expires_at);
            continue;
        }
        if (load.shared_only && message.share.empty()) continue;
        if (message.state != KeptMessage::State::waits) continue;
        if (loaded.messages.size() == load.messages_max || bytes > load.bytes_max) break;
        bytes += message.message->bytes();
        if (damaged && as_text(message.message->view().payload) == *damaged)
            loaded.damaged.push_back(seq);
        else
            loaded.messages.push_back(message);
    }
    loaded_[shard].push_back(std::move(loaded));
    told_.at(shard)();
}

std::vector<Journal::Loaded> MemoryJournal::loaded(unsigned shard) {
    return std::exchange(loaded_[shard], {});
}

void MemoryJournal::die(unsigned shards) {
    shards_ = shards;
    waiting_.clear();
    submitted_.clear();
    committed_.clear();
    loaded_.clear();
    told_.clear();
    retained = nullptr;
}

void MemoryJournal::recover(Broker& broker, TimePoint now,
                            const std::function<IdentityPtr(const std::string&)>& identity_of) {
    for (unsigned shard = 0; shard < broker.shards(); ++shard) committed_[shard] = 0;
    for (const auto& [topic, messages] : retained_)
        for (const KeptRetained& kept : messages)
            broker.retained().store(kept.message->view(), {0, 0, kept.publisher}, now);
    for (unsigned shard = 0; shard < broker.shards(); ++shard) broker.shard(shard).begin_turn(now);
    for (const auto& [id, on_disk] : sessions_) {
        RecoveredSession session;
        session.shard = static_cast<unsigned>(hash_text(on_disk.row.client_id) % shards_);
        session.session = on_disk.row;
        for (const auto& [name, row] : on_disk.subscriptions) session.subscriptions.push_back(row);
        session.received.assign(on_disk.received.begin(), on_disk.received.end());
        for (const auto& [seq, row] : on_disk.messages) {
            session.last_seq = seq;
            if (row.state != KeptMessage::State::waits) {
                session.sent.push_back(row);
                continue;
            }
            KeptQueue& queue = session.queue;
            if (queue.messages++ == 0) queue.first = seq;
            queue.last = seq;
            queue.bytes += row.message->bytes();
            queue.none_expires_before =
                std::min(queue.none_expires_before, row.message->view().expires_at);
            queue.shared += !row.share.empty();
        }
        broker.shard(broker.home_of(on_disk.row.client_id))
            .restore(std::move(session), identity_of(on_disk.row.identity));
    }
    for (unsigned shard = 0; shard < broker.shards(); ++shard) broker.shard(shard).end_turn();
    for (unsigned shard = 0; shard < broker.shards(); ++shard) {
        broker.shard(shard).begin_turn(now);
        broker.shard(shard).take_mail();
    }
    for (const Published& published : published_)
        for (unsigned shard = 0; shard < shards_; ++shard)
            if (shard != published.shard && !has_seen(shard, published))
                for (unsigned home = 0; home < broker.shards(); ++home)
                    broker.shard(home).publish_again({shard, shards_, published.publish});
    for (unsigned shard = 0; shard < broker.shards(); ++shard) {
        broker.shard(shard).end_recovery();
        broker.shard(shard).end_turn();
    }
    // What comes of it and that it is done are one transaction.
    seen_.clear();
    published_.clear();
    commit();
}

}  // namespace drawbridge::test
