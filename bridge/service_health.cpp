#include "bridge/service_health.hpp"

#include "bridge/limits.hpp"
#include "broker/base/assert.hpp"
#include "broker/base/plain_id.hpp"

namespace drawbridge::bridge {

ServiceHealth::ServiceHealth(Duration period, TimePoint now) : period_(period), checked_at_(now) {}

bool ServiceHealth::restore(Service service) {
    ASSERT(service.status != ServiceStatus::forgotten);
    if (!is_plain_id(service.name) || find(service.tenant, service.name) != nullptr ||
        !has_room_for(service.tenant))
        return false;
    add(std::move(service));
    return true;
}

ServiceHealth::Heard ServiceHealth::heard(core::TenantId tenant, std::string_view name,
                                          TimePoint now, WallTime wall) {
    if (!is_plain_id(name)) return Heard::bad_name;
    const auto known = watched_.find(ServiceOrder::View(tenant, name));
    if (known == watched_.end() && !has_room_for(tenant)) return Heard::no_room;
    Watched& watched = known != watched_.end() ? known->second
                                               : add({.tenant = tenant, .name = std::string(name)});
    Service& service = watched.service;
    watched.heard_at = now;
    service.last_seen = wall;
    if (service.status == ServiceStatus::up) return Heard::still_up;
    service.status = ServiceStatus::up;
    service.since = wall;
    ++up_;
    return Heard::came_up;
}

void ServiceHealth::check(TimePoint now, WallTime wall,
                          const std::function<void(const Service&)>& went_down) {
    const bool was_away = now > next_check() + period_ / 2;
    for (auto& [key, watched] : watched_) {
        Service& service = watched.service;
        if (was_away || service.status != ServiceStatus::up || watched.heard_at > checked_at_)
            continue;
        service.status = ServiceStatus::down;
        service.since = wall;
        ++service.outages;
        --up_;
        went_down(service);
    }
    checked_at_ = now;
}

const Service* ServiceHealth::find(core::TenantId tenant, std::string_view name) const {
    const auto found = watched_.find(ServiceOrder::View(tenant, name));
    return found == watched_.end() ? nullptr : &found->second.service;
}

void ServiceHealth::visit(const std::function<void(const Service&)>& visit) const {
    for (const auto& [key, watched] : watched_) visit(watched.service);
}

bool ServiceHealth::forget(core::TenantId tenant, std::string_view name) {
    const auto found = watched_.find(ServiceOrder::View(tenant, name));
    if (found == watched_.end()) return false;
    if (found->second.service.status == ServiceStatus::up) --up_;
    watched_.erase(found);
    const auto count = of_tenant_.find(tenant);
    if (--count->second == 0) of_tenant_.erase(count);
    return true;
}

bool ServiceHealth::has_room_for(core::TenantId tenant) const {
    if (watched_.size() >= limits::services_max) return false;
    const auto count = of_tenant_.find(tenant);
    return tenant == 0 || count == of_tenant_.end() ||
           count->second < limits::services_per_tenant_max;
}

ServiceHealth::Watched& ServiceHealth::add(Service service) {
    ++of_tenant_[service.tenant];
    if (service.status == ServiceStatus::up) ++up_;
    ServiceKey key(service.tenant, service.name);
    return watched_.emplace(std::move(key), Watched{.service = std::move(service)}).first->second;
}

}  // namespace drawbridge::bridge
