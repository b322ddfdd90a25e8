// Service: what is known of one service that sends heartbeats.
//
// A plain value. Its tenant is its heartbeats' sender's, so no tenant speaks for another one's
// services: the same name in two tenants is two services.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "broker/base/clock.hpp"
#include "broker/core/tenants.hpp"

namespace drawbridge::bridge {

enum class ServiceStatus : std::uint8_t {
    down,
    up,
    forgotten  // only in the database: its retained status is still to be cleared
};

constexpr std::string_view to_text(ServiceStatus status) {
    switch (status) {
        case ServiceStatus::down:
            return "down";
        case ServiceStatus::up:
            return "up";
        case ServiceStatus::forgotten:
            return "forgotten";
    }
    return "?";
}

struct Service {
    core::TenantId tenant = 0;
    std::string name;  // a plain id
    ServiceStatus status = ServiceStatus::down;
    WallTime since{};           // it has this status
    WallTime last_seen{};       // its last heartbeat
    std::uint64_t outages = 0;  // how often it has gone down

    bool operator==(const Service&) const = default;
};

// Orders services by their tenant and name.
using ServiceKey = std::pair<core::TenantId, std::string>;
struct ServiceOrder {
    using is_transparent = void;
    using View = std::pair<core::TenantId, std::string_view>;

    static View view(const ServiceKey& key) { return {key.first, key.second}; }
    static View view(const View& key) { return key; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
        return view(a) < view(b);
    }
};

}  // namespace drawbridge::bridge
