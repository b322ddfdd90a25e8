// RouteCache: topic and tenant of the sender -> who gets it, remembered.
//
// A route is worked out by matching the topic against the index once, and holds until a
// subscription that concerns it changes: a change of a filter without wildcards forgets that one
// topic, a change of a filter with wildcards makes all routes out of date.
// Limit: limits::route_cache_entries_max topics and route_cache_bytes_max bytes in each of two
// generations. When the young one is full it becomes the old one and the old one is forgotten, so
// topics in use stay and the rest go. Of a topic with routes of several tenants, one stays and the
// others are worked out again.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/subscription_index.hpp"

namespace drawbridge::core {

// One receiver of a topic, all its matching subscriptions taken together.
struct Target {
    // A subscription with No Local counts for messages of others only (MQTT-3.8.3-3), so a receiver
    // whose subscriptions differ in that has two targets.
    enum class From : std::uint8_t { anyone, others, itself };

    Subscriber* subscriber = nullptr;
    std::uint32_t ids_begin = 0;  // Subscription Identifiers, in Route::ids
    std::uint16_t ids_count = 0;
    std::uint8_t qos = 0;  // the highest granted (MQTT-3.3.4-2)
    bool retain_as_published = false;
    From from = From::anyone;
};

struct Route {
    std::uint64_t wildcard_generation = 0;
    std::vector<Target> targets;
    std::vector<std::uint32_t> ids;
    std::vector<ShareGroup*> groups;
    std::uint32_t unnamed = 0;  // subscriptions that match and whose protocol cannot name the topic

    std::size_t bytes() const {
        return sizeof(Route) + targets.capacity() * sizeof(Target) +
               ids.capacity() * sizeof(std::uint32_t) + groups.capacity() * sizeof(ShareGroup*);
    }
    std::span<const std::uint32_t> ids_of(const Target& target) const {
        return {ids.data() + target.ids_begin, target.ids_count};
    }
};

class RouteCache {
public:
    explicit RouteCache(const SubscriptionIndex& index) : index_(index) {}

    // The route of topic for messages of a tenant's clients; valid until the next call of any
    // function here.
    const Route& find(std::string_view topic, TenantId tenant = 0);

    // To be called after a subscription to filter came, went or changed.
    void filter_changed(std::string_view filter);
    // To be called after what a receiver may receive has changed.
    void forget_all();

private:
    using Others = boost::unordered_flat_map<TenantId, std::unique_ptr<Route>>;

    // Nearly every topic is one tenant's, which is found with it.
    struct Remembered {
        explicit Remembered(TenantId first) : tenant(first) {}

        TenantId tenant;
        Route route;
        std::unique_ptr<Others> others;  // of other tenants; null if none
    };
    using Routes = boost::unordered_flat_map<std::string, std::unique_ptr<Remembered>, TextHash,
                                             std::equal_to<>>;

    static Route* route_of(Remembered& topic, TenantId tenant);
    Route& remember(std::string_view topic, TenantId tenant);
    void build(std::string_view topic, TenantId tenant, Route& route);

    const SubscriptionIndex& index_;
    Routes young_;
    Routes old_;
    std::size_t young_bytes_ = 0;
    Route long_topic_;  // of the last topic that is too long to be remembered
    std::vector<const FilterEntry*> entries_;    // scratch of build()
    std::vector<const Subscription*> matching_;  // scratch of build()
};

}  // namespace drawbridge::core
