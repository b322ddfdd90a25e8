#include "broker/core/share_groups.hpp"

#include "broker/core/subscription_index.hpp"
#include "broker/core/topic_names.hpp"

namespace drawbridge::core {
namespace {

bool has_name_for(const ShareMember& member, std::string_view filter, std::string_view topic) {
    if (member.is_guest) return is_nats_name(topic);
    return is_mqtt_name(topic) && !(is_internal_name(topic) && has_leading_wildcard(filter));
}

}  // namespace

const ShareMember* ShareGroup::best(const MessageView& message, MemberState worst, MemberKey except,
                                    std::uint64_t& steps) {
    for (Row& row : rows_) {
        for (auto at = row.begin(); at != row.end(); ++at) {
            if (at->state > worst) return nullptr;
            ++steps;
            if (at->key == except || !has_name_for(*at, filter_, message.topic) ||
                !at->identity->may_be_given(message.topic, message.tenant))
                continue;
            row.splice(row.end(), row, at);
            return &row.back();
        }
    }
    return nullptr;
}

const ShareMember* ShareGroup::pick(const MessageView& message, MemberKey except,
                                    std::uint64_t& steps) {
    return best(message, MemberState::away, except, steps);
}

const ShareMember* ShareGroup::pick_other(const MessageView& message, MemberKey except,
                                          std::uint64_t& steps) {
    return best(message, MemberState::busy, except, steps);
}

void ShareGroup::join(ShareMember member) {
    leave(member.key);
    Row& row = row_of(member.state);
    guests_ += member.is_guest;
    row.push_back(std::move(member));
    members_.emplace(row.back().key, std::prev(row.end()));
}

void ShareGroup::leave(MemberKey key) {
    const auto member = members_.find(key);
    if (member == members_.end()) return;
    guests_ -= member->second->is_guest;
    row_of(member->second->state).erase(member->second);
    members_.erase(member);
}

void ShareGroup::set_state(MemberKey key, MemberState state) {
    const auto member = members_.find(key);
    if (member == members_.end() || member->second->state == state) return;
    Row& row = row_of(state);
    row.splice(row.end(), row_of(member->second->state), member->second);
    member->second->state = state;
}

void ShareGroup::set_identity(MemberKey key, IdentityPtr identity) {
    const auto member = members_.find(key);
    if (member != members_.end()) member->second->identity = std::move(identity);
}

bool ShareGroups::apply(const ShareNews& news) {
    using Kind = ShareNews::Kind;
    const std::string name = news.share + '/' + news.filter;
    auto found = groups_.find(name);
    const bool is_new = found == groups_.end();
    if (is_new) {
        if (news.kind != Kind::joined) return false;
        auto group = std::make_unique<ShareGroup>(id_of(name), news.share, news.filter);
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
            member.is_guest = news.is_guest;
            member.identity = news.identity;
            group.join(std::move(member));
            break;
        }
        case Kind::left:
            group.leave(news.member);
            break;
        case Kind::new_rules:
            group.set_identity(news.member, news.identity);
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
