#include "broker/core/route_cache.hpp"

#include <algorithm>

#include "broker/base/limits.hpp"
#include "broker/core/share_groups.hpp"
#include "broker/core/topic_names.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

// Takes the subscriptions [first, last) of one receiver together.
Target merge(const Subscription* const* first, const Subscription* const* last, bool skip_no_local,
             Target::From from, Route& route) {
    Target target;
    target.subscriber = (*first)->subscriber;
    target.from = from;
    target.ids_begin = static_cast<std::uint32_t>(route.ids.size());
    for (; first != last; ++first) {
        const Subscription& subscription = **first;
        if (skip_no_local && subscription.no_local) continue;
        target.qos = std::max<std::uint8_t>(target.qos, subscription.qos);
        target.retain_as_published |= subscription.retain_as_published;
        if (subscription.id != 0) route.ids.push_back(subscription.id);
    }
    target.ids_count = static_cast<std::uint16_t>(route.ids.size() - target.ids_begin);
    return target;
}

}  // namespace

const Route& RouteCache::find(std::string_view topic, TenantId tenant) {
    if (topic.size() > limits::route_topic_bytes_max) {
        build(topic, tenant, long_topic_);
        return long_topic_;
    }
    const auto found = young_.find(topic);
    Route* known = found == young_.end() ? nullptr : route_of(*found->second, tenant);
    Route& route = known != nullptr ? *known : remember(topic, tenant);
    if (route.wildcard_generation != index_.wildcard_generation()) {
        // Built anew it may have grown. What it was counted with before stays counted: too much is
        // forgotten a little early.
        build(topic, tenant, route);
        young_bytes_ += topic.size() + route.bytes();
    }
    return route;
}

// Null if there is none yet.
Route* RouteCache::route_of(Remembered& topic, TenantId tenant) {
    if (topic.tenant == tenant) return &topic.route;
    if (!topic.others) return nullptr;
    const auto other = topic.others->find(tenant);
    return other == topic.others->end() ? nullptr : other->second.get();
}

// A route that is not in the young generation. It is there when this returns, perhaps out of date.
Route& RouteCache::remember(std::string_view topic, TenantId tenant) {
    if (young_.size() >= limits::route_cache_entries_max ||
        young_bytes_ >= limits::route_cache_bytes_max) {
        old_ = std::move(young_);
        young_ = Routes();
        young_bytes_ = 0;
    }
    auto found = young_.find(topic);
    if (found == young_.end()) {
        const auto aged = old_.find(topic);
        auto remembered =
            aged == old_.end() ? std::make_unique<Remembered>(tenant) : std::move(aged->second);
        if (aged != old_.end()) old_.erase(aged);
        remembered->others.reset();  // they may be many, and all but one are not asked for now
        young_bytes_ += remembered->route.bytes();
        found = young_.emplace(std::string(topic), std::move(remembered)).first;
    }
    if (Route* const known = route_of(*found->second, tenant)) return *known;
    auto& others = found->second->others;
    if (!others) others = std::make_unique<Others>();
    return *others->emplace(tenant, std::make_unique<Route>()).first->second;
}

void RouteCache::filter_changed(std::string_view filter) {
    if (wire::has_wildcard(filter)) return;  // the index has grown its generation
    const auto young = young_.find(filter);
    if (young != young_.end()) young_.erase(young);
    const auto old = old_.find(filter);
    if (old != old_.end()) old_.erase(old);
}

void RouteCache::forget_all() {
    young_.clear();
    old_.clear();
    young_bytes_ = 0;
}

void RouteCache::build(std::string_view topic, TenantId tenant, Route& route) {
    route.wildcard_generation = index_.wildcard_generation();
    route.targets.clear();
    route.ids.clear();
    route.groups.clear();
    route.unnamed = 0;
    entries_.clear();
    matching_.clear();
    index_.match(topic, entries_);
    const bool is_internal = is_internal_name(topic);
    for (const FilterEntry* entry : entries_) {
        const bool for_guests_only = is_internal && has_leading_wildcard(entry->filter);
        for (const Subscription& subscription : entry->subscriptions)
            if (!for_guests_only || subscription.subscriber->is_guest())
                matching_.push_back(&subscription);
        if (entry->groups)
            route.groups.insert(route.groups.end(), entry->groups->begin(), entry->groups->end());
    }
    if (route.groups.size() > 1)  // those of one name one after the other
        std::ranges::stable_sort(
            route.groups, {},
            [](const ShareGroup* group) -> const auto& { return group->share(); });
    if (entries_.size() > 1)  // else nobody is there twice
        std::stable_sort(matching_.begin(), matching_.end(), [](auto* a, auto* b) {
            return std::less<>()(a->subscriber, b->subscriber);
        });
    const bool for_guests = is_nats_name(topic);
    const bool for_mqtt = is_mqtt_name(topic);
    for (std::size_t i = 0, end; i < matching_.size(); i = end) {
        const Subscriber* receiver = matching_[i]->subscriber;
        std::size_t no_local = 0;
        for (end = i; end < matching_.size() && matching_[end]->subscriber == receiver; ++end)
            no_local += matching_[end]->no_local;
        if (!(receiver->is_guest() ? for_guests : for_mqtt)) {
            ++route.unnamed;
            continue;
        }
        if (!receiver->may_receive(topic, tenant)) continue;
        const auto* const* first = matching_.data() + i;
        const auto* const* last = matching_.data() + end;
        using From = Target::From;
        const auto from = no_local > 0 ? From::others : From::anyone;
        route.targets.push_back(merge(first, last, false, from, route));
        if (no_local > 0 && no_local < end - i)
            route.targets.push_back(merge(first, last, true, From::itself, route));
    }
}

}  // namespace drawbridge::core
