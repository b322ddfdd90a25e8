// What a shard does for the share groups that live on it, and for members of groups elsewhere.
// MQTT 5.0, section 4.8.2.
#include <algorithm>

#include "broker/core/broker.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {
namespace {

// A member that is passed over, because it may not have the message, costs a part of a delivery.
constexpr std::uint64_t members_looked_at_in_a_delivery = 8;

// A message that members on other shards have sent back so often is given up: news of members take
// one step, so it does not happen unless somebody contradicts himself.
constexpr std::uint8_t picks_sent_back_max = 64;

PublishBatch::Item picked_item(const ShareGroup& group, const ShareMember& member,
                               const MessageView& message) {
    PublishBatch::Item item;
    item.message = message;
    item.group = group.id();
    item.receiver = member.key;
    item.subscription_id = member.subscription_id;
    item.granted_qos = member.qos;
    item.retain_as_published = member.retain_as_published;
    item.believed = member.state;
    return item;
}

}  // namespace

// Each group gets a message once. But for its guests all groups of one name are one (NATS: queue
// groups are known by their name, whatever their members have subscribed to), so of groups that
// have none but guests only one gets it, and none if there is a group of both.
// The groups of one name stand together.
bool Shard::deliver_to_groups(std::span<ShareGroup* const> groups, const MessageView& message,
                              MemberKey except) {
    if (groups.size() == 1) return deliver_to_group(*groups[0], message, {.except = except});
    bool taken = false;
    for (std::size_t begin = 0, end; begin < groups.size(); begin = end) {
        end = begin + 1;
        while (end < groups.size() && groups[end]->share() == groups[begin]->share()) ++end;
        const auto of_one_name = groups.subspan(begin, end - begin);
        std::vector<ShareGroup*> of_guests;
        bool has_mixed = false;
        for (ShareGroup* const group : of_one_name) {
            if (group->guests() == group->size()) {
                of_guests.push_back(group);
                continue;
            }
            has_mixed |= group->guests() > 0;
            taken |= deliver_to_group(*group, message, {.except = except});
        }
        if (!has_mixed && !of_guests.empty())
            taken |= deliver_to_one_of(of_guests, message, except);
    }
    return taken;
}

// The groups have their turn by their sizes, so that each member has its.
bool Shard::deliver_to_one_of(std::span<ShareGroup* const> groups, const MessageView& message,
                              MemberKey except) {
    std::size_t members = 0;
    for (const ShareGroup* group : groups) members += group->size();
    std::size_t place = group_turns_++ % members;
    std::size_t first = 0;
    while (place >= groups[first]->size()) place -= groups[first++]->size();
    for (std::size_t i = 0; i < groups.size(); ++i)
        if (deliver_to_group(*groups[(first + i) % groups.size()], message, {.except = except}))
            return true;
    return false;
}

// A member on another shard that cannot take the message sends it back. One on this shard says so
// at once, and the group knows by then why: that it is busy, or away, so this happens twice at
// most. Returns false if nobody may have it.
bool Shard::deliver_to_group(ShareGroup& group, const MessageView& message, Picking picking) {
    std::uint64_t steps = 0;
    bool taken = false;
    std::size_t left = picking.hops < picks_sent_back_max ? 3 * group.size() : 0;
    for (; left > 0 && !taken; --left) {
        const ShareMember* const member = group.pick(message, picking.except, steps);
        if (member == nullptr) break;
        PublishBatch::Item item = picked_item(group, *member, message);
        item.except = picking.except;
        item.hops = picking.hops;
        const bool is_here = member->shard == index_;
        if (!is_here) post_shared(member->shard, item);
        taken = !is_here || deliver_to_member(item, GroupRef{group.id(), index_});
    }
    worked(steps / members_looked_at_in_a_delivery);
    if (!taken) stats_.dropped_no_member.add();
    return taken;
}

// The publisher waits until the message is safe there. One of QoS 2 is on disk meanwhile, so that
// it is there once, whoever dies.
void Shard::post_shared(unsigned to, const PublishBatch::Item& item) {
    mail_for(to).shared.append(item);
    if (item.message.qos == 0 || !keeper_.is_on()) return;
    keeper_.note_forwarded();
    if (item.message.qos == 2 && broker_.keeps_elsewhere(stats_))
        keeper_.note_published(item.message, item.group, to);
}

bool Shard::deliver_to_member(const PublishBatch::Item& item, GroupRef group) {
    const auto member = members_.find(item.receiver);
    return member != members_.end() && member->second->deliver_picked(item, group);
}

// Mail between a group and its members, from the shard `from`.
void Shard::take_shared(const PublishBatch::Item& item, unsigned from) {
    using Step = PublishBatch::Step;
    if (item.step == Step::picked) {
        const GroupRef group{item.group, from};
        if (!deliver_to_member(item, group))
            return_to_group(
                group, item.receiver, item.message,
                {.except = item.except, .hops = static_cast<std::uint8_t>(item.hops + 1)});
        return;
    }
    ShareGroup* const group = groups_.find(item.group);
    if (group == nullptr) return;
    if (item.step == Step::returned)
        deliver_to_group(*group, item.message, {.except = item.except, .hops = item.hops});
    else if (deliver_offer(*group, item.message, item.receiver))
        mail_for(from).offers_taken.push_back({item.receiver, item.group, item.packet_id});
}

void Shard::return_to_group(GroupRef group, MemberKey member, const MessageView& message,
                            Picking picking) {
    if (group.shard == index_) {
        if (ShareGroup* const found = groups_.find(group.id))
            deliver_to_group(*found, message, picking);
        return;
    }
    PublishBatch::Item item;
    item.message = message;
    item.receiver = member;
    item.group = group.id;
    item.except = picking.except;
    item.hops = picking.hops;
    item.step = PublishBatch::Step::returned;
    post_shared(group.shard, item);
}

void Shard::offer_to_group(const Offer& offer, Session& member) {
    if (offer.group.shard == index_) {
        ShareGroup* const found = groups_.find(offer.group.id);
        if (found != nullptr && deliver_offer(*found, offer.message->view(), member.key()))
            member.offer_taken(offer.packet_id, offer.group.id);
        return;
    }
    PublishBatch::Item item;
    item.message = offer.message->view();
    item.receiver = member.key();
    item.group = offer.group.id;
    item.packet_id = offer.packet_id;
    item.step = PublishBatch::Step::offered;
    post_shared(offer.group.shard, item);
}

// Returns true if another member has it, or is about to.
bool Shard::deliver_offer(ShareGroup& group, const MessageView& message, MemberKey from) {
    std::uint64_t steps = 0;
    const ShareMember* const member = group.pick_other(message, from, steps);
    worked(steps / members_looked_at_in_a_delivery);
    if (member == nullptr) return false;
    const PublishBatch::Item item = picked_item(group, *member, message);
    if (member->shard == index_) return deliver_to_member(item, GroupRef{group.id(), index_});
    post_shared(member->shard, item);
    return true;
}

void Shard::offer_taken(const OfferTaken& taken) {
    const auto member = members_.find(taken.member);
    if (member != members_.end()) member->second->offer_taken(taken.packet_id, taken.group);
}

void Shard::post_share_news(ShareNews news) {
    const unsigned home = broker_.home_of(news.share);
    if (home == index_)
        apply_share_news(news);
    else
        mail_for(home).share_news.push_back(std::move(news));
}

void Shard::apply_share_news(const ShareNews& news) {
    if (groups_.apply(news)) routes_.filter_changed(news.filter);
}

}  // namespace drawbridge::core
