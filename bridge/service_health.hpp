// ServiceHealth: which services are up, by their heartbeats.
//
// A heartbeat makes a service up at once. At each check, once a period, those that have sent none
// since the check before go down. What decides is a clock that never jumps; the time of day is only
// what is shown. While the broker was away nobody could be heard, and that is nobody's outage: who
// was up in its last life has one whole period to be heard in this one, and a check that comes much
// too late counts for nothing.
//
// Sans-I/O: time is an argument. Owner: one thread.
// Limit: limits::services_max, and services_per_tenant_max for those of one tenant.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string_view>

#include "bridge/service.hpp"

namespace drawbridge::bridge {

class ServiceHealth {
public:
    // The first check is a period after `now`.
    ServiceHealth(Duration period, TimePoint now);

    // What was known of a service in the broker's last life. False if there is no room for it, or
    // it is none that heard() would have taken.
    bool restore(Service service);

    enum class Heard {
        still_up,
        came_up,   // it was down, or not known
        bad_name,  // not a plain id
        no_room
    };
    Heard heard(core::TenantId tenant, std::string_view name, TimePoint now, WallTime wall);

    TimePoint next_check() const { return checked_at_ + period_; }
    // Calls went_down for each service that goes down.
    void check(TimePoint now, WallTime wall, const std::function<void(const Service&)>& went_down);

    // Null if there is none. Valid until it is forgotten.
    const Service* find(core::TenantId tenant, std::string_view name) const;
    // Those of all tenants, by tenant and name.
    void visit(const std::function<void(const Service&)>& visit) const;
    // False if there was none.
    bool forget(core::TenantId tenant, std::string_view name);

    std::size_t up() const { return up_; }
    std::size_t down() const { return watched_.size() - up_; }

private:
    struct Watched {
        Service service;
        TimePoint heard_at = TimePoint::min();  // min(): not in this life
    };
    using All = std::map<ServiceKey, Watched, ServiceOrder>;

    bool has_room_for(core::TenantId tenant) const;
    Watched& add(Service service);

    const Duration period_;
    TimePoint checked_at_;
    All watched_;
    std::map<core::TenantId, std::size_t> of_tenant_;  // how many; of tenants that have some
    std::size_t up_ = 0;
};

}  // namespace drawbridge::bridge
