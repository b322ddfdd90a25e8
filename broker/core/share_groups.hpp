// ShareGroups: the shared subscriptions whose home is this shard. MQTT 5.0, section 4.8.2.
//
// A group (share name and filter) lives on one shard, chosen by its name. That shard sees every
// publish anyway, picks one member for each message, and hands the message to the member's home.
// Limit: max_subscriptions_per_client, applied by the sessions that join.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/mailbox.hpp"

namespace drawbridge::core {

class SubscriptionIndex;

struct ShareMember {
    MemberKey key = 0;
    unsigned shard = 0;  // its home
    std::uint32_t subscription_id = 0;
    std::uint8_t qos = 0;
    bool retain_as_published = false;
    MemberState state = MemberState::available;
};

class ShareGroup {
public:
    ShareGroup(std::uint64_t id, std::string filter) : id_(id), filter_(std::move(filter)) {}

    std::uint64_t id() const { return id_; }
    const std::string& filter() const { return filter_; }
    bool empty() const { return members_.empty(); }

    std::size_t size() const { return members_.size(); }

    // In turn among those that can take a message now; if there is none, among those connected; if
    // there is none, among all. Null for an empty group.
    const ShareMember* pick();
    // The same among those connected, but for one. Null if there is none.
    const ShareMember* pick_other(MemberKey except);
    // The next in the row, whatever its state. Null for an empty group.
    const ShareMember* pick_next();

    void join(const ShareMember& member);  // or replaces its options
    void leave(MemberKey member);
    void set_state(MemberKey member, MemberState state);

private:
    const ShareMember* best(MemberState worst, MemberKey except);

    const std::uint64_t id_;
    const std::string filter_;
    std::vector<ShareMember> members_;
    std::size_t turn_ = 0;
};

class ShareGroups {
public:
    explicit ShareGroups(SubscriptionIndex& index) : index_(index) {}

    // Returns true if a group came or went, so that the routes of its filter have changed.
    bool apply(const ShareNews& news);
    // Null if it has gone.
    ShareGroup* find(std::uint64_t id);

private:
    SubscriptionIndex& index_;
    boost::unordered_flat_map<std::string, std::unique_ptr<ShareGroup>> groups_;  // "name/filter"
    boost::unordered_flat_map<std::uint64_t, ShareGroup*> by_id_;
    std::uint64_t last_id_ = 0;
};

}  // namespace drawbridge::core
