// Tenants: a number for each tenant's name, so that a message carries its sender's tenant in 20
// bits and a comparison of two tenants is one of numbers.
//
// A name keeps its number for as long as the process runs. Only the registry's devices have
// tenants, so strangers cannot make this grow.
// Threads: any.
// Limit: tenants_max names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace drawbridge::core {

using TenantId = std::uint32_t;  // 0: none

constexpr TenantId tenants_max = (1u << 20) - 1;
constexpr TenantId no_tenant_left = UINT32_MAX;  // no message's, and nobody's

// no_tenant_left: there are too many. 0 for "".
TenantId tenant_id(std::string_view name);

// "" for 0.
std::string tenant_name(TenantId id);

}  // namespace drawbridge::core
