// PublishProperties: the properties of a PUBLISH (or of a will) sorted by what the broker does with
// them. MQTT 5.0, section 3.3.2.3.
#pragma once

#include <optional>

#include "broker/base/buffer.hpp"
#include "broker/wire/properties.hpp"

namespace drawbridge::core {

struct PublishProperties {
    Bytes forwarded;  // for the receivers, unchanged and in order; points into the list or into
                      // scratch
    std::optional<std::uint32_t> expiry_s;
    std::optional<std::uint32_t> topic_alias;
    std::uint32_t delay_s = 0;  // of a will
    bool has_subscription_id = false;
};

// scratch: holds what is forwarded if that is not the list as it stands.
PublishProperties sort_properties(const wire::PropertyList& list, Buffer& scratch);

}  // namespace drawbridge::core
