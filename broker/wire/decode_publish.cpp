// PUBLISH: the one decoder that runs for every message. MQTT 5.0, section 3.3.
#include "broker/wire/cursor.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/read_properties.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::wire {

Result<PublishView> decode_publish(std::uint8_t flags, Bytes body, Version version) {
    Cursor in(body, version);
    PublishView publish;
    publish.retain = (flags & 0b0001) != 0;
    publish.dup = (flags & 0b1000) != 0;
    publish.qos = (flags >> 1) & 0b11;
    if (publish.qos == 3) in.fail(Reason::malformed_packet, "MQTT-3.3.1-4");
    if (publish.qos == 0 && publish.dup) in.fail(Reason::malformed_packet, "MQTT-3.3.1-2");

    publish.topic = in.utf8();
    if (has_wildcard(publish.topic)) in.fail(Reason::topic_name_invalid, "MQTT-3.3.2-2");
    if (publish.qos > 0) publish.packet_id = in.packet_id();
    publish.properties = read_properties(in, PacketType::publish);
    if (publish.topic.empty() && !publish.properties.has(PropertyId::topic_alias))
        in.fail(Reason::protocol_error, "MQTT-4.7.3-1");
    publish.payload = in.rest();
    return in.finish(publish);
}

}  // namespace drawbridge::wire
