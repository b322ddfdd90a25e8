// What a keeper has read back from the journal.
#include "broker/core/broker.hpp"
#include "broker/core/keeper.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {

void Keeper::load(SessionKeep& keep, const KeptQueue& queue) {
    keep.loading = true;
    loading_.insert_or_assign(keep.id, &keep);
    journal_->load(shard_.index(),
                   {keep.id, queue.first, queue.last, limits::queue_messages_in_memory,
                    limits::queue_bytes_read, false});
}

void Keeper::look_for_expired(SessionKeep& keep, const KeptQueue& queue) {
    keep.loading = true;
    loading_.insert_or_assign(keep.id, &keep);
    Journal::Load load{keep.id, queue.first, queue.last, limits::expired_counted_out_max};
    load.expired_by = shard_.now();
    journal_->load(shard_.index(), load);
}

void Keeper::load_orphans(SessionId session, const KeptQueue& queue, std::vector<KeptRange> holes) {
    orphans_.insert_or_assign(session, std::move(holes));
    journal_->load(shard_.index(),
                   {session, queue.first, queue.last, limits::queue_messages_in_memory,
                    limits::queue_bytes_read, true});
}

void Keeper::forget(SessionKeep& keep) { loading_.erase(keep.id); }

void Keeper::take_in(Journal::Loaded& loaded) {
    if (loaded.asked.shared_only) return hand_on_orphans(loaded);
    const auto found = loading_.find(loaded.asked.session);
    if (found == loading_.end()) return;  // the session has ended
    SessionKeep& keep = *found->second;
    if (loaded.asked.expired_by) return take_in_expired(keep, loaded);
    loading_.erase(found);
    keep.loading = false;
    keep.session.take_in_stored(loaded);
}

void Keeper::take_in_expired(SessionKeep& keep, const Journal::Loaded& loaded) {
    expired_out_.emplace_back(keep.id, round_);
    keep.session.take_in_expired(loaded);
}

void Keeper::end_looks_for_expired() {
    std::erase_if(expired_out_, [&](const auto& look) {
        if (committed_round_ < look.second) return false;
        const auto found = loading_.find(look.first);
        if (found == loading_.end()) return true;  // the session has ended
        SessionKeep& keep = *found->second;
        loading_.erase(found);
        keep.loading = false;
        keep.session.look_at_stored();
        return true;
    });
}

void Keeper::hand_on(const KeptMessage& message) {
    const MessageView view = message.message->view();
    begin_handing_on(nullptr);
    shard_.return_to_group(shard_.broker().group_of(message.share), 0, view);
    end_handing_on();
    note_handed_on(message.session, message.seq, view.qos);
}

// A session has ended and left messages of share groups on disk. It is forgotten once others have
// them.
void Keeper::hand_on_orphans(Journal::Loaded& loaded) {
    const SessionId session = loaded.asked.session;
    std::vector<KeptRange> holes = std::exchange(orphans_[session], {});
    for (const KeptMessage& message : loaded.messages)
        if (!Outbound::is_hole(holes, message.seq)) hand_on(message);
    shard_.stats().dropped_damaged.add(loaded.damaged.size());
    if (loaded.is_empty()) {
        orphans_.erase(session);
        return note_ended(session, true);
    }
    KeptQueue rest;
    rest.first = loaded.up_to() + 1;
    rest.last = loaded.asked.last;
    load_orphans(session, rest, std::move(holes));
}

}  // namespace drawbridge::core
