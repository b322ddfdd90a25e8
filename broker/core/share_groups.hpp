// ShareGroups: the shared subscriptions whose home is this shard. MQTT 5.0, section 4.8.2.
//
// A group (share name and filter) lives on one shard, chosen by its name. That shard sees every
// publish anyway, picks one member for each message, and hands the message to the member's home. It
// knows the members' rules, so it picks none that may not have the message; what a member cannot
// take because the news of it are on their way comes back behind those news, and is picked for
// anew. Limit: max_subscriptions_per_client, applied by the sessions that join.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "broker/core/identity.hpp"
#include "broker/core/mailbox.hpp"
#include "broker/core/text_hash.hpp"

namespace drawbridge::core {

class SubscriptionIndex;

struct ShareMember {
    MemberKey key = 0;
    unsigned shard = 0;  // its home
    std::uint32_t subscription_id = 0;
    std::uint8_t qos = 0;
    bool retain_as_published = false;
    MemberState state = MemberState::available;
    bool is_guest = false;
    IdentityPtr identity;  // as the session has it; shared, because either may outlive the other
};

class ShareGroup {
public:
    ShareGroup(std::uint64_t id, std::string share, std::string filter)
        : id_(id), share_(std::move(share)), filter_(std::move(filter)) {}

    std::uint64_t id() const { return id_; }
    const std::string& share() const { return share_; }
    const std::string& filter() const { return filter_; }
    bool empty() const { return members_.empty(); }
    std::size_t size() const { return members_.size(); }

    std::size_t guests() const { return guests_; }

    // Who may have the message, in turn, among those that can take one now; if there is none, among
    // those connected; if there is none, among all. Null if nobody may have it. except: not this
    // one; 0: anyone. steps: grows by the members that were looked at.
    const ShareMember* pick(const MessageView& message, MemberKey except, std::uint64_t& steps);
    // The same among those connected.
    const ShareMember* pick_other(const MessageView& message, MemberKey except,
                                  std::uint64_t& steps);

    void join(ShareMember member);  // or replaces its options
    void leave(MemberKey member);
    void set_state(MemberKey member, MemberState state);
    void set_identity(MemberKey member, IdentityPtr identity);

private:
    using Row = std::list<ShareMember>;

    const ShareMember* best(const MessageView& message, MemberState worst, MemberKey except,
                            std::uint64_t& steps);
    Row& row_of(MemberState state) { return rows_[static_cast<std::size_t>(state)]; }

    const std::uint64_t id_;
    const std::string share_;
    const std::string filter_;
    std::size_t guests_ = 0;
    // By state; in each, who has not been picked for the longest time comes first. So those of one
    // tenant take turns whoever stands between them.
    std::array<Row, 3> rows_;
    std::unordered_map<MemberKey, Row::iterator> members_;
};

class ShareGroups {
public:
    explicit ShareGroups(SubscriptionIndex& index) : index_(index) {}

    // Returns true if a group came or went, so that the routes of its filter have changed.
    bool apply(const ShareNews& news);
    // The group of a name, "share/filter", whether there is one or not. Never 0.
    static std::uint64_t id_of(std::string_view name) {
        const std::uint64_t hash = hash_text(name);
        return hash != 0 ? hash : 1;
    }
    // Null if it has gone.
    ShareGroup* find(std::uint64_t id);

private:
    SubscriptionIndex& index_;
    boost::unordered_flat_map<std::string, std::unique_ptr<ShareGroup>> groups_;  // "name/filter"
    boost::unordered_flat_map<std::uint64_t, ShareGroup*> by_id_;
};

}  // namespace drawbridge::core
