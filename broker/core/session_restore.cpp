// A session before the start: it comes back as the journal had it.
#include "broker/core/broker.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {

void Session::restore(RecoveredSession&& kept, IdentityPtr identity) {
    identity_ = std::move(identity);
    version_ = wire::Version::v5;
    keep_ = std::make_unique<SessionKeep>(*this, kept.session.id);
    keep_->itself_changed = false;
    keep_->told = keep_->on_disk = kept.last_seq;
    keep_->judge_stored = true;
    // What was sent at last may not have come to the disk.
    keep_->last_packet_id =
        static_cast<std::uint16_t>(kept.session.last_packet_id + packet_ids_skipped);
    if (!kept.session.away) keep_->perhaps_sent = kept.last_seq;
    shard_.broker().count_kept(1);
    shard_.stats().sessions_kept.add();
    expiry_s_ = kept.session.expiry_s;
    const auto steady = [&](WallTime at) {
        return at == WallTime::max() ? TimePoint::max() : shard_.now() + (at - WallClock::now());
    };
    session_ends_at_ = kept.session.away ? steady(kept.session.ends_at) : ends_after(shard_.now());
    if (KeptWill& will = kept.session.will; will.message) {
        will_ = std::make_unique<Will>();
        will_->message = std::move(will.message);
        will_->delay_s = will.delay_s;
        if (will.expires) will_->expiry_s = will.expiry_s;
        will_->due = kept.session.away ? steady(kept.session.will_due)
                                       : shard_.now() + seconds(std::min(will.delay_s, expiry_s_));
    }
    if (!kept.received.empty())
        received_qos2_ = std::make_unique<std::vector<std::uint16_t>>(std::move(kept.received));
    for (const KeptSubscription& subscription : kept.subscriptions) restore(subscription);
    if (!kept.sent.empty() || kept.last_seq > 0) {
        std::vector<Outgoing> sent;
        for (const KeptMessage& row : kept.sent) sent.push_back(outgoing_of(row));
        outbound().restore(std::move(sent), kept.queue, kept.last_seq);
        outbound().end_connection();
    }
    if (!kept.session.away) note_itself(Keeper::Urgency::now);
    arm_deadline();
}

void Session::restore(const KeptSubscription& kept) {
    if (!kept.share.empty())
        return subscribe_shared(kept.share, kept.filter, kept.options, kept.id);
    shard_.index_of_filters().subscribe(*this, kept.filter, kept.options, kept.id);
    shard_.routes().filter_changed(kept.filter);
    shard_.stats().subscriptions.add();
    if (!kept.replay) return;
    begin_replay(kept.filter, true, kept.options, kept.id);
    rare().replays.back().after = RetainedPlace(*kept.replay);
}

}  // namespace drawbridge::core
