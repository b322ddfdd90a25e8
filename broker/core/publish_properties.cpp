#include "broker/core/publish_properties.hpp"

namespace drawbridge::core {

PublishProperties sort_properties(const wire::PropertyList& list, Buffer& scratch) {
    using Id = wire::PropertyId;
    PublishProperties sorted;
    if (list.empty()) return sorted;
    scratch.clear();
    for (const wire::Property& property : list) {
        switch (property.id) {
            case Id::message_expiry_interval:
                sorted.expiry_s = property.number;
                break;
            case Id::topic_alias:
                sorted.topic_alias = property.number;
                break;
            case Id::will_delay_interval:
                sorted.delay_s = property.number;
                break;
            case Id::subscription_identifier:
                sorted.has_subscription_id = true;
                break;
            default:
                scratch.append(property.raw);
        }
    }
    sorted.forwarded = scratch.bytes();
    return sorted;
}

}  // namespace drawbridge::core
