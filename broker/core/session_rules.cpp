// What a session's rules keep from its client, and what happens when they change.
#include "broker/base/log.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {

bool Session::may_receive(std::string_view topic, TenantId tenant) const {
    return identity_->may_be_given(topic, tenant);
}

void Session::change_identity(IdentityPtr identity) {
    if (identity == identity_) return;
    const IdentityPtr before = std::exchange(identity_, std::move(identity));
    memo_.reset();
    if (identity_->has_rules_of(*before)) return;
    const auto keeps_some_away = [](const Identity& one) {
        return one.has_denied_subscriptions() || one.has_rules_across_tenants();
    };
    const bool changes_routes = keeps_some_away(*before) || keeps_some_away(*identity_) ||
                                before->tenant_id() != identity_->tenant_id();
    const std::string denied = end_denied_subscriptions();
    if (rare_)
        for (const SharedSubscription& subscription : rare_->shared)
            tell_group(subscription, ShareNews::Kind::new_rules);
    withdraw_denied_messages();  // what goes back to a group is behind the news
    queue_has_new_rules();
    if (changes_routes && !subscriptions.empty()) shard_.routes().forget_all();
    look_for_room();  // what waited may be gone, and more may be allowed to wait
    if (link_ == nullptr) return;
    if (before->limits() != identity_->limits()) {
        set_throttle();
        if (link_->pause == Link::Pause::until_told) read_on();
    }
    if (denied.empty()) return;
    if (shard_.settings().revoked_subscription == RevokedSubscription::disconnect)
        detach(End::broker_closed, Reason::not_authorized,
               "its rules do not allow the subscription to " + denied + " any more");
}

// Returns one of those that have ended; "" if none has.
std::string Session::end_denied_subscriptions() {
    std::vector<std::string> denied;
    for (const SubscriptionRef& ref : subscriptions)
        if (!identity_->may_subscribe(ref.entry->filter)) denied.push_back(ref.entry->filter);
    if (rare_)
        for (const SharedSubscription& subscription : rare_->shared)
            if (!identity_->may_subscribe(subscription.filter))
                denied.push_back("$share/" + subscription.share + "/" + subscription.filter);
    for (const std::string& filter : denied) {
        note_subscribe_refused(filter, "its rules do not allow this subscription any more");
        unsubscribe(filter);
    }
    if (denied.empty()) return {};
    if (shard_.may_log())
        log::info(
            "client {}: {} of its subscriptions are not allowed any more and have ended, that to "
            "{} among them",
            client_id_, denied.size(), denied.front());
    return std::move(denied.front());
}

// A topic is a filter that matches itself alone: if that is not granted, no filter may bring it.
void Session::withdraw_denied_messages() {
    if (!outbound_) return;
    if (keep_) keep_->judge_stored = outbound_->stored().messages > 0;
    std::string topic;  // the last one asked for; many that wait are of one topic
    TenantId tenant = 0;
    bool denied = false;
    const auto is_denied = [&](const MessageView& message) {
        if (topic == message.topic && tenant == message.tenant) return denied;
        topic = message.topic;
        tenant = message.tenant;
        return denied = identity_->is_walled_off(topic, tenant) || !identity_->may_subscribe(topic);
    };
    std::size_t dropped = 0;
    for (const Outgoing& message : outbound_->withdraw(is_denied)) {
        if (message.group.id != 0) {
            return_to_group(message);
        } else {
            outbound_->note_gone(message.seq);
            ++dropped;
        }
    }
    note_change(Keeper::Urgency::lazily);
    if (dropped == 0) return;
    shard_.stats().dropped_denied.add(dropped);
    if (shard_.may_log())
        log::info(
            "client {}: {} messages that it had not received yet are not allowed any more and were "
            "dropped",
            client_id_, dropped);
}

}  // namespace drawbridge::core
