#include "broker/core/share_groups.hpp"

#include <algorithm>

#include "broker/core/subscription_index.hpp"

namespace drawbridge::core {

const ShareMember* ShareGroup::best(MemberState worst, MemberKey except) {
    const ShareMember* best = nullptr;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const ShareMember& member = members_[(turn_ + i) % members_.size()];
        if (member.key == except || member.state > worst) continue;
        if (best == nullptr || member.state < best->state) best = &member;
        if (best->state == MemberState::available) break;
    }
    if (best != nullptr) turn_ = static_cast<std::size_t>(best - members_.data()) + 1;
    return best;
}

const ShareMember* ShareGroup::pick() { return best(MemberState::away, 0); }

const ShareMember* ShareGroup::pick_other(MemberKey except) {
    return best(MemberState::busy, except);
}

const ShareMember* ShareGroup::pick_next() {
    return members_.empty() ? nullptr : &members_[turn_++ % members_.size()];
}

void ShareGroup::join(const ShareMember& member) {
    leave(member.key);
    members_.push_back(member);
}

void ShareGroup::leave(MemberKey key) {
    std::erase_if(members_, [&](const ShareMember& member) { return member.key == key; });
}

void ShareGroup::set_state(MemberKey key, MemberState state) {
    for (ShareMember& member : members_)
        if (member.key == key) member.state = state;
}

bool ShareGroups::apply(const ShareNews& news) {
    using Kind = ShareNews::Kind;
    const std::string name = news.share + '/' + news.filter;
    auto found = groups_.find(name);
    const bool is_new = found == groups_.end();
    if (is_new) {
        if (news.kind != Kind::joined) return false;
        auto group = std::make_unique<ShareGroup>(++last_id_, news.filter);
        index_.add_group(news.filter, *group);
        by_id_.emplace(group->id(), group.get());
        found = groups_.emplace(name, std::move(group)).first;
    }
    ShareGroup& group = *found->second;
    switch (news.kind) {
        case Kind::joined: {
            ShareMember member;
            member.key = news.member;
            member.shard = news.shard;
            member.subscription_id = news.subscription_id;
            member.qos = news.qos;
            member.retain_as_published = news.retain_as_published;
            group.join(member);
            break;
        }
        case Kind::left:
            group.leave(news.member);
            break;
        case Kind::available:
            group.set_state(news.member, MemberState::available);
            break;
        case Kind::busy:
            group.set_state(news.member, MemberState::busy);
            break;
        case Kind::away:
            group.set_state(news.member, MemberState::away);
            break;
    }
    if (!group.empty()) return is_new;
    index_.remove_group(news.filter, group);
    by_id_.erase(group.id());
    groups_.erase(found);
    return true;
}

ShareGroup* ShareGroups::find(std::uint64_t id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

}  // namespace drawbridge::core
