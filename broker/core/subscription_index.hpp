// SubscriptionIndex: filter -> subscriptions, and topic -> all that match. One per shard, for its
// own sessions.
//
// A filter without wildcards is found by one hash look-up of the topic. Filters with wildcards form
// a trie whose edges are (node, level) pairs of two integers: the levels of a topic are looked up
// once, and the walk compares numbers. So a topic's cost grows with the filters that can match it,
// not with all filters.
// Limit: max_subscriptions_per_client and max_topic_levels, applied by the session.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/limits.hpp"
#include "broker/core/subscriber.hpp"
#include "broker/core/text_hash.hpp"
#include "broker/wire/packet.hpp"

namespace drawbridge::core {

class ShareGroup;

struct Subscription {
    Subscriber* subscriber = nullptr;
    std::uint32_t id = 0;         // Subscription Identifier; 0: none
    std::uint32_t slot : 24 = 0;  // in subscriber->subscriptions
    std::uint32_t qos : 2 = 0;
    std::uint32_t no_local : 1 = 0;
    std::uint32_t retain_as_published : 1 = 0;
};
static_assert(sizeof(Subscription) == 16);

// One filter and who has subscribed to it.
struct FilterEntry {
    std::string filter;
    std::vector<Subscription> subscriptions;
    std::unique_ptr<std::vector<ShareGroup*>> groups;  // null if none
    std::uint32_t node = 0;                            // in the trie; 0: no wildcard

    bool empty() const { return subscriptions.empty() && !groups; }
};

class SubscriptionIndex {
public:
    SubscriptionIndex();

    // Returns true if the subscriber did not have this filter before; else its options are
    // replaced.
    bool subscribe(Subscriber& subscriber, std::string_view filter,
                   const wire::SubscriptionOptions& options, std::uint32_t id);
    // Returns false if there was none.
    bool unsubscribe(Subscriber& subscriber, std::string_view filter);

    bool has(const Subscriber& subscriber, std::string_view filter) const {
        return find(subscriber, filter) != nullptr;
    }
    // Null if there is none.
    const Subscription* find(const Subscriber& subscriber, std::string_view filter) const;

    void add_group(std::string_view filter, ShareGroup& group);
    void remove_group(std::string_view filter, ShareGroup& group);

    // Appends the entries whose filter matches topic.
    void match(std::string_view topic, std::vector<const FilterEntry*>& entries) const;

    // Grows whenever a filter with wildcards gains or loses a subscription.
    std::uint64_t wildcard_generation() const { return wildcard_generation_; }
    std::size_t size() const { return subscriptions_; }

private:
    struct Node {
        std::uint32_t parent = 0;
        std::uint32_t level = 0;      // of the edge that leads here
        std::uint32_t children = 0;   // edges that leave, '+' included; a '#' is not a node
        std::uint32_t plus = 0;       // the child for '+'; 0: none
        FilterEntry* here = nullptr;  // the filter that ends here
        FilterEntry* rest = nullptr;  // the filter that ends here with '#'
    };
    struct Level {
        std::string text;
        std::uint32_t edges = 0;
    };

    FilterEntry& entry_for(std::string_view filter);
    void drop_if_empty(FilterEntry& entry);
    void remove(FilterEntry& entry, std::uint32_t position);
    void changed(const FilterEntry& entry);

    std::uint32_t insert_path(std::string_view filter, FilterEntry& entry);
    void remove_path(FilterEntry& entry);
    std::uint32_t child_for(std::uint32_t parent, std::string_view level);
    std::uint32_t intern(std::string_view level);
    void prune(std::uint32_t node);
    void match_wildcards(std::string_view topic, std::vector<const FilterEntry*>& entries) const;

    static std::uint64_t edge(std::uint32_t parent, std::uint32_t level) {
        return std::uint64_t{parent} << 32 | level;
    }

    boost::unordered_flat_map<std::string_view, std::unique_ptr<FilterEntry>, TextHash,
                              std::equal_to<>>
        filters_;  // keyed by the entry's own filter
    std::vector<Node> nodes_;
    std::vector<std::uint32_t> free_nodes_;
    boost::unordered_flat_map<std::uint64_t, std::uint32_t> edges_;
    std::vector<std::unique_ptr<Level>> levels_;
    std::vector<std::uint32_t> free_levels_;
    boost::unordered_flat_map<std::string_view, std::uint32_t, TextHash, std::equal_to<>>
        level_ids_;
    std::uint64_t wildcard_generation_ = 1;
    std::size_t subscriptions_ = 0;
};

}  // namespace drawbridge::core
