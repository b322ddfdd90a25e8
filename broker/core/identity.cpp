#include "broker/core/identity.hpp"

namespace drawbridge::core {

bool Identity::is_walled_off(std::string_view topic, TenantId tenant) const {
    if (tenant == 0) return false;
    const TenantId own = tenant_id();
    if (own == 0 || own == tenant) return false;
    return !has_rules_across_tenants() || !may_receive_across_tenants(topic);
}

bool Identity::may_be_given(std::string_view topic, TenantId tenant) const {
    if (is_walled_off(topic, tenant)) return false;
    return !has_denied_subscriptions() || may_receive(topic);
}

}  // namespace drawbridge::core
