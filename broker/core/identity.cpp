#include "broker/core/identity.hpp"

#include "broker/core/topic_names.hpp"

namespace drawbridge::core {

bool Identity::may_publish_mqtt(std::string_view topic) const {
    return is_internal_name(topic) ? may_publish_by_name(topic) : may_publish(topic);
}

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
