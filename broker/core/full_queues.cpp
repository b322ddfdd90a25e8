#include "broker/core/full_queues.hpp"

#include <algorithm>

#include "broker/wire/topic.hpp"

namespace drawbridge::core {

FullQueues::Counts& FullQueues::counts_for(const std::string& filter) {
    return wire::has_wildcard(filter) ? wildcards_ : exact_;
}

void FullQueues::add(const std::vector<std::string>& filters) {
    const std::scoped_lock lock(mutex_);
    for (const std::string& filter : filters) ++counts_for(filter)[filter];
    some_.store(!exact_.empty() || !wildcards_.empty(), std::memory_order_relaxed);
}

void FullQueues::remove(const std::vector<std::string>& filters) {
    const std::scoped_lock lock(mutex_);
    for (const std::string& filter : filters) {
        Counts& counts = counts_for(filter);
        const auto found = counts.find(filter);
        if (found != counts.end() && --found->second == 0) counts.erase(found);
    }
    some_.store(!exact_.empty() || !wildcards_.empty(), std::memory_order_relaxed);
}

bool FullQueues::concern(std::string_view topic) const {
    if (!some_.load(std::memory_order_relaxed)) return false;
    const std::scoped_lock lock(mutex_);
    return exact_.contains(topic) || std::ranges::any_of(wildcards_, [&](const auto& entry) {
               return wire::matches(entry.first, topic);
           });
}

}  // namespace drawbridge::core
