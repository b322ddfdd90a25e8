#include "broker/core/full_queues.hpp"

#include <algorithm>

#include "broker/wire/topic.hpp"

namespace drawbridge::core {

FullQueues::Counts& FullQueues::counts_for(const std::string& filter) {
    return wire::has_wildcard(filter) ? wildcards_ : exact_;
}

void FullQueues::add(const std::vector<std::string>& filters, TenantId tenant) {
    const std::scoped_lock lock(mutex_);
    for (const std::string& filter : filters) ++counts_for(filter)[filter][tenant];
    some_.store(!exact_.empty() || !wildcards_.empty(), std::memory_order_relaxed);
}

void FullQueues::remove(const std::vector<std::string>& filters, TenantId tenant) {
    const std::scoped_lock lock(mutex_);
    for (const std::string& filter : filters) {
        Counts& counts = counts_for(filter);
        const auto found = counts.find(filter);
        if (found == counts.end()) continue;
        const auto of_tenant = found->second.find(tenant);
        if (of_tenant == found->second.end() || --of_tenant->second > 0) continue;
        found->second.erase(of_tenant);
        if (found->second.empty()) counts.erase(found);
    }
    some_.store(!exact_.empty() || !wildcards_.empty(), std::memory_order_relaxed);
}

bool FullQueues::concern(std::string_view topic, TenantId tenant) const {
    if (!some_.load(std::memory_order_relaxed)) return false;
    const std::scoped_lock lock(mutex_);
    const auto are_reached = [&](const Sessions& sessions) {
        return tenant == 0 || sessions.contains(tenant) || sessions.contains(0);
    };
    const auto exact = exact_.find(topic);
    if (exact != exact_.end() && are_reached(exact->second)) return true;
    return std::ranges::any_of(wildcards_, [&](const auto& entry) {
        return are_reached(entry.second) && wire::matches(entry.first, topic);
    });
}

}  // namespace drawbridge::core
