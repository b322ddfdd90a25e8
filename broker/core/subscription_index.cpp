#include "broker/core/subscription_index.hpp"

#include <algorithm>
#include <array>

#include "broker/base/assert.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

constexpr std::uint32_t root = 1;                    // node 0 stands for "none"
constexpr std::uint32_t plus_level = 0;              // the level id of '+'
constexpr std::uint32_t unknown_level = UINT32_MAX;  // a level of a topic that no filter names

}  // namespace

SubscriptionIndex::SubscriptionIndex() {
    nodes_.resize(2);
    levels_.push_back(std::make_unique<Level>());  // plus_level
}

bool SubscriptionIndex::subscribe(Subscriber& subscriber, std::string_view filter,
                                  const wire::SubscriptionOptions& options, std::uint32_t id) {
    FilterEntry& entry = entry_for(filter);
    changed(entry);
    const auto none = subscriber.subscriptions.end();
    const auto known = entry.subscriptions.empty()
                           ? none
                           : std::find_if(subscriber.subscriptions.begin(), none,
                                          [&](const auto& ref) { return ref.entry == &entry; });
    const bool is_new = known == none;
    Subscription subscription;
    subscription.subscriber = &subscriber;
    subscription.id = id;
    subscription.qos = options.qos & 3u;
    subscription.no_local = options.no_local;
    subscription.retain_as_published = options.retain_as_published;
    if (is_new) {
        subscription.slot = static_cast<std::uint32_t>(subscriber.subscriptions.size()) & 0xFFFFFFu;
        subscriber.subscriptions.push_back(
            {&entry, static_cast<std::uint32_t>(entry.subscriptions.size())});
        entry.subscriptions.push_back(subscription);
        ++subscriptions_;
    } else {
        subscription.slot = entry.subscriptions[known->position].slot;
        entry.subscriptions[known->position] = subscription;
    }
    return is_new;
}

bool SubscriptionIndex::unsubscribe(Subscriber& subscriber, std::string_view filter) {
    const auto found = filters_.find(filter);
    if (found == filters_.end()) return false;
    FilterEntry& entry = *found->second;
    for (const SubscriptionRef& ref : subscriber.subscriptions) {
        if (ref.entry != &entry) continue;
        remove(entry, ref.position);
        return true;
    }
    return false;
}

// Both lists stay dense: the last element moves into the gap, and the other side is told its new
// place.
void SubscriptionIndex::remove(FilterEntry& entry, std::uint32_t position) {
    changed(entry);
    const Subscription gone = entry.subscriptions[position];
    const Subscription last = entry.subscriptions.back();
    entry.subscriptions[position] = last;
    last.subscriber->subscriptions[last.slot].position = position;
    entry.subscriptions.pop_back();

    auto& refs = gone.subscriber->subscriptions;
    ASSERT(refs[gone.slot].entry == &entry);
    const SubscriptionRef moved = refs.back();
    refs[gone.slot] = moved;
    refs.pop_back();
    if (gone.slot < refs.size()) moved.entry->subscriptions[moved.position].slot = gone.slot;
    if (refs.empty()) refs.shrink_to_fit();
    --subscriptions_;
    drop_if_empty(entry);
}

const Subscription* SubscriptionIndex::find(const Subscriber& subscriber,
                                            std::string_view filter) const {
    const auto found = filters_.find(filter);
    if (found == filters_.end()) return nullptr;
    const FilterEntry* const entry = found->second.get();
    const auto ref = std::ranges::find(subscriber.subscriptions, entry,
                                       [](const auto& each) { return each.entry; });
    return ref == subscriber.subscriptions.end() ? nullptr : &entry->subscriptions[ref->position];
}

void SubscriptionIndex::add_group(std::string_view filter, ShareGroup& group) {
    FilterEntry& entry = entry_for(filter);
    changed(entry);
    if (!entry.groups) entry.groups = std::make_unique<std::vector<ShareGroup*>>();
    entry.groups->push_back(&group);
}

void SubscriptionIndex::remove_group(std::string_view filter, ShareGroup& group) {
    const auto found = filters_.find(filter);
    ASSERT(found != filters_.end() && found->second->groups);
    FilterEntry& entry = *found->second;
    changed(entry);
    std::erase(*entry.groups, &group);
    if (entry.groups->empty()) entry.groups.reset();
    drop_if_empty(entry);
}

void SubscriptionIndex::match(std::string_view topic,
                              std::vector<const FilterEntry*>& entries) const {
    const auto exact = filters_.find(topic);
    if (exact != filters_.end()) entries.push_back(exact->second.get());
    const Node& top = nodes_[root];
    if (top.children > 0 || top.rest != nullptr) match_wildcards(topic, entries);
}

void SubscriptionIndex::match_wildcards(std::string_view topic,
                                        std::vector<const FilterEntry*>& entries) const {
    std::vector<std::uint32_t> levels;
    levels.reserve(16);
    wire::Levels walk(topic);
    for (std::string_view level; walk.next(level);) {
        const auto known = level_ids_.find(level);
        levels.push_back(known == level_ids_.end() ? unknown_level : known->second);
    }
    struct Place {
        std::uint32_t node;
        std::uint32_t depth;  // levels behind us
    };
    std::vector<Place> open{{root, 0}};
    const bool system_topic = topic.starts_with('$');
    while (!open.empty()) {
        const Place place = open.back();
        open.pop_back();
        const Node& node = nodes_[place.node];
        const bool wildcard_allowed = !(system_topic && place.depth == 0);  // MQTT-4.7.2-1
        if (node.rest != nullptr && wildcard_allowed) entries.push_back(node.rest);
        if (place.depth == levels.size()) {
            if (node.here != nullptr) entries.push_back(node.here);
            continue;
        }
        if (node.children == 0) continue;
        if (node.plus != 0 && wildcard_allowed) open.push_back({node.plus, place.depth + 1});
        const std::uint32_t level = levels[place.depth];
        if (level == unknown_level) continue;
        const auto next = edges_.find(edge(place.node, level));
        if (next != edges_.end()) open.push_back({next->second, place.depth + 1});
    }
}

FilterEntry& SubscriptionIndex::entry_for(std::string_view filter) {
    const auto found = filters_.find(filter);
    if (found != filters_.end()) return *found->second;
    auto entry = std::make_unique<FilterEntry>();
    entry->filter = filter;
    if (wire::has_wildcard(filter)) entry->node = insert_path(filter, *entry);
    FilterEntry& made = *entry;
    filters_.emplace(made.filter, std::move(entry));
    return made;
}

void SubscriptionIndex::drop_if_empty(FilterEntry& entry) {
    if (!entry.empty()) return;
    if (entry.node != 0) remove_path(entry);
    filters_.erase(std::string_view(entry.filter));
}

void SubscriptionIndex::changed(const FilterEntry& entry) {
    if (entry.node != 0) ++wildcard_generation_;
}

std::uint32_t SubscriptionIndex::insert_path(std::string_view filter, FilterEntry& entry) {
    std::uint32_t node = root;
    wire::Levels walk(filter);
    for (std::string_view level; walk.next(level);) {
        if (level == "#") {
            nodes_[node].rest = &entry;
            return node;
        }
        node = child_for(node, level);
    }
    nodes_[node].here = &entry;
    return node;
}

void SubscriptionIndex::remove_path(FilterEntry& entry) {
    Node& node = nodes_[entry.node];
    if (node.rest == &entry)
        node.rest = nullptr;
    else
        node.here = nullptr;
    prune(entry.node);
}

// Takes away nodes that nothing needs any more, from the leaf upwards.
void SubscriptionIndex::prune(std::uint32_t index) {
    while (index != root) {
        Node& node = nodes_[index];
        if (node.children > 0 || node.here != nullptr || node.rest != nullptr) return;
        const std::uint32_t parent = node.parent;
        if (node.level == plus_level) {
            nodes_[parent].plus = 0;
        } else {
            edges_.erase(edge(parent, node.level));
            Level& level = *levels_[node.level];
            if (--level.edges == 0) {
                level_ids_.erase(std::string_view(level.text));
                level.text = std::string();
                free_levels_.push_back(node.level);
            }
        }
        --nodes_[parent].children;
        node = Node();
        free_nodes_.push_back(index);
        index = parent;
    }
}

std::uint32_t SubscriptionIndex::child_for(std::uint32_t parent, std::string_view level) {
    std::uint32_t level_id = plus_level;
    if (level == "+") {
        if (nodes_[parent].plus != 0) return nodes_[parent].plus;
    } else {
        level_id = intern(level);
        const auto known = edges_.find(edge(parent, level_id));
        if (known != edges_.end()) return known->second;
        ++levels_[level_id]->edges;
    }
    std::uint32_t child;
    if (free_nodes_.empty()) {
        child = static_cast<std::uint32_t>(nodes_.size());
        nodes_.emplace_back();
    } else {
        child = free_nodes_.back();
        free_nodes_.pop_back();
    }
    nodes_[child].parent = parent;
    nodes_[child].level = level_id;
    ++nodes_[parent].children;
    if (level_id == plus_level)
        nodes_[parent].plus = child;
    else
        edges_.emplace(edge(parent, level_id), child);
    return child;
}

std::uint32_t SubscriptionIndex::intern(std::string_view text) {
    const auto known = level_ids_.find(text);
    if (known != level_ids_.end()) return known->second;
    std::uint32_t id;
    if (free_levels_.empty()) {
        id = static_cast<std::uint32_t>(levels_.size());
        levels_.push_back(std::make_unique<Level>());
    } else {
        id = free_levels_.back();
        free_levels_.pop_back();
    }
    levels_[id]->text = text;
    level_ids_.emplace(levels_[id]->text, id);
    return id;
}

}  // namespace drawbridge::core
