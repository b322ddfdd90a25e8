#include "broker/core/full_queues.hpp"

#include <algorithm>
#include <array>

#include "broker/wire/topic.hpp"

namespace drawbridge::core {

FullQueues::Entries& FullQueues::entries_for(const std::string& filter) {
    return wire::has_wildcard(filter) ? wildcards_ : exact_;
}

TenantId FullQueues::place_of(const Identity& session) {
    return session.has_rules_across_tenants() ? 0 : session.tenant_id();
}

void FullQueues::add(const std::vector<std::string>& filters, const IdentityPtr& session) {
    const std::scoped_lock lock(mutex_);
    for (const std::string& filter : filters)
        entries_for(filter)[filter][place_of(*session)].push_back(session);
    some_.store(!exact_.empty() || !wildcards_.empty(), std::memory_order_relaxed);
}

void FullQueues::remove(const std::vector<std::string>& filters, const IdentityPtr& session) {
    const std::scoped_lock lock(mutex_);
    for (const std::string& filter : filters) {
        Entries& entries = entries_for(filter);
        const auto entry = entries.find(filter);
        if (entry == entries.end()) continue;
        const auto sessions = entry->second.find(place_of(*session));
        if (sessions == entry->second.end()) continue;
        const auto gone = std::ranges::find(sessions->second, session);
        if (gone == sessions->second.end()) continue;
        sessions->second.erase(gone);
        if (sessions->second.empty()) entry->second.erase(sessions);
        if (entry->second.empty()) entries.erase(entry);
    }
    some_.store(!exact_.empty() || !wildcards_.empty(), std::memory_order_relaxed);
}

bool FullQueues::concern(std::string_view topic, TenantId tenant) const {
    if (!some_.load(std::memory_order_relaxed)) return false;
    const std::scoped_lock lock(mutex_);
    const auto is_for_one_of = [&](const std::vector<IdentityPtr>& sessions) {
        return std::ranges::any_of(sessions, [&](const IdentityPtr& session) {
            return session->may_be_given(topic, tenant);
        });
    };
    const auto is_for = [&](const Sessions& sessions) {
        if (tenant == 0)
            return std::ranges::any_of(
                sessions, [&](const auto& of_tenant) { return is_for_one_of(of_tenant.second); });
        return std::ranges::any_of(std::array{tenant, TenantId{0}}, [&](TenantId place) {
            const auto found = sessions.find(place);
            return found != sessions.end() && is_for_one_of(found->second);
        });
    };
    const auto exact = exact_.find(topic);
    if (exact != exact_.end() && is_for(exact->second)) return true;
    return std::ranges::any_of(wildcards_, [&](const auto& entry) {
        return wire::matches(entry.first, topic) && is_for(entry.second);
    });
}

}  // namespace drawbridge::core
