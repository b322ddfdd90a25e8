// A shard before the start: sessions come back as the journal had them, and what the broker had
// begun to hand out when it died is handed out to the end.
#include "broker/base/log.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {

void Shard::restore(RecoveredSession&& kept, IdentityPtr identity) {
    const bool ended_with_its_connection = !kept.session.away && kept.session.expiry_s == 0;
    if (identity == nullptr || ended_with_its_connection) {
        recovered_ended_.emplace_back(std::move(kept), std::move(identity));
        return;
    }
    // No client has two sessions; if the file says so, the older one goes.
    if (Session* const older = find(kept.session.client_id)) older->discard();
    const unsigned shard = kept.shard;
    Session& session = add_session(kept.session.client_id);
    session.restore(std::move(kept), std::move(identity));
    recovered_.emplace(&session, shard);
}

void Shard::publish_again(const RecoveredPublish& recovered) {
    const MessageView message = recovered.publish.message->view();
    if (recovered.publish.group != 0) {
        if (ShareGroup* const group = groups_.find(recovered.publish.group))
            deliver_to_group(*group, message);
        return;
    }
    const Route& route = routes_.find(message.topic, message.tenant);
    OutgoingPublish publish(message, now_, route.targets.size());
    for (const Target& target : route.targets) {
        const auto session = recovered_.find(target.subscriber);
        if (session == recovered_.end() || session->second != recovered.shard) continue;
        Delivery delivery;
        delivery.qos = target.qos;
        delivery.retain = target.retain_as_published && message.retain;
        delivery.subscription_ids = route.ids_of(target);
        target.subscriber->deliver(publish, delivery);
    }
    // (Those with guests among them, which are gone, are like any other.)
    for (ShareGroup* const group : route.groups)
        if (hash_text(group->share()) % recovered.shards == recovered.shard)
            deliver_to_group(*group, message);
}

void Shard::end_recovery() {
    recovered_ = {};
    for (const auto& [id, session] : sessions_) session->obey_rules();
    for (const auto& [kept, owner] : std::exchange(recovered_ended_, {}))
        end_recovered(kept, owner.get());
    if (index_ == 0) retained_sweep_.note(now_);
    keeper_.want_now();
}

// As Session::discard() does. By now groups have all their members, and subscribers are there.
void Shard::end_recovered(const RecoveredSession& kept, const Identity* owner) {
    for (const KeptMessage& message : kept.sent)
        if (!message.share.empty() && message.qos == 1) keeper_.hand_on(message);
    if (const KeptWill& will = kept.session.will; will.message && owner != nullptr) {
        MessageView message = will.message->view();
        if (will.expires) message.expires_at = now_ + seconds(will.expiry_s);
        message.tenant = owner->tenant_id();
        if (owner->may_publish_mqtt(message.topic)) publish(message, Sender{}, false);
    }
    if (kept.queue.shared > 0)
        keeper_.load_orphans(kept.session.id, kept.queue, {});
    else
        keeper_.note_ended(kept.session.id, true);
}

}  // namespace drawbridge::core
