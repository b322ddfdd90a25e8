// A session as a member of share groups. MQTT 5.0, section 4.8.2.
#include <algorithm>

#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

// In deliveries: one piece of news finds its group by name, or crosses to another shard.
constexpr std::uint64_t work_of_news = 4;

}  // namespace

bool Session::deliver_picked(const PublishBatch::Item& item, GroupRef group) {
    const std::string_view topic = item.message.topic;
    const auto is_its_own = [&](const SharedSubscription& subscription) {
        return subscription.id == item.subscription_id && wire::matches(subscription.filter, topic);
    };
    if (!rare_ || std::ranges::none_of(rare_->shared, is_its_own)) return false;
    if (!may_receive(topic, item.message.tenant)) return false;
    if (member_state() > item.believed) {
        tell_groups();
        return false;
    }
    OutgoingPublish publish(item.message, shard_.now(), 1);
    Delivery delivery;
    delivery.qos = item.granted_qos;
    delivery.retain = item.retain_as_published && item.message.retain;
    if (item.subscription_id != 0) delivery.subscription_ids = {&item.subscription_id, 1};
    deliver(publish, delivery, group);
    tell_groups();
    return true;
}

MemberState Session::member_state() const {
    if (link_ == nullptr) return MemberState::away;
    const bool can_take = !outbound_ || (outbound_->nothing_waits() && outbound_->window_open());
    const bool reads = link_->output.size() <= output_high_water();
    return can_take && reads ? MemberState::available : MemberState::busy;
}

void Session::tell_groups() {
    if (!rare_ || rare_->shared.empty()) return;
    const MemberState state = member_state();
    if (state == MemberState::busy) has_room();  // if that is why, the shard says when it is over
    if (std::exchange(rare_->state, state) == state) return;
    ShareNews::Kind kind = ShareNews::Kind::available;
    if (state == MemberState::away) kind = ShareNews::Kind::away;
    if (state == MemberState::busy) kind = ShareNews::Kind::busy;
    shard_.worked(work_of_news * rare_->shared.size());
    for (const SharedSubscription& subscription : rare_->shared) tell_group(subscription, kind);
}

void Session::tell_group(const SharedSubscription& subscription, ShareNews::Kind kind) {
    ShareNews news;
    news.kind = kind;
    news.shard = shard_.index();
    news.member = key_;
    news.share = subscription.share;
    news.filter = subscription.filter;
    news.qos = subscription.options.qos;
    news.retain_as_published = subscription.options.retain_as_published;
    news.subscription_id = subscription.id;
    if (kind == ShareNews::Kind::joined || kind == ShareNews::Kind::new_rules)
        news.identity = identity_;
    shard_.post_share_news(std::move(news));
}

// The connection is gone, the session stays: what the others can take goes to them.
void Session::offer_shared_messages() {
    if (!outbound_) return;
    for (const Outgoing& message : outbound_->take_waiting_shared()) return_to_group(message);
    for (const Offer& offer : outbound_->offers()) {
        shard_.keeper().begin_handing_on(offer.from);
        shard_.offer_to_group(offer, *this);
        shard_.keeper().end_handing_on();
    }
}

void Session::return_to_group(const Outgoing& message) {
    shard_.keeper().begin_handing_on(message.from);
    shard_.return_to_group(message.group, key_, message.message->view());
    shard_.keeper().end_handing_on();
    note_handed_on(message.seq, message.message->view().qos);
}

// What the journal has not been told of need not be forgotten.
void Session::note_handed_on(std::uint64_t seq, std::uint8_t qos) {
    if (keep_ && seq != 0 && seq <= keep_->told) shard_.keeper().note_handed_on(*keep_, seq, qos);
}

void Session::offer_taken(std::uint16_t packet_id, std::uint64_t group) {
    if (outbound_) note_handed_on(outbound_->offer_taken(packet_id, group), 1);
}

// The session ends, and is no member any more.
void Session::return_shared_messages() {
    if (!outbound_) return;
    for (const Outgoing& message : outbound_->take_waiting_shared()) return_to_group(message);
    for (const Offer& offer : outbound_->offers()) {
        shard_.keeper().begin_handing_on(offer.from);
        shard_.return_to_group(offer.group, key_, offer.message->view());
        shard_.keeper().end_handing_on();
        note_handed_on(offer.seq, 1);
    }
}

}  // namespace drawbridge::core
