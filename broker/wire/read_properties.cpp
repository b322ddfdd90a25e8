#include "broker/wire/read_properties.hpp"

#include "broker/wire/property_table.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::wire {
namespace {

constexpr std::uint64_t bit_of(PropertyId id) {
    return std::uint64_t{1} << static_cast<unsigned>(id);
}

bool in_range(const Property& property, PropertyRange range) {
    switch (range) {
        case PropertyRange::any:
            return true;
        case PropertyRange::zero_or_one:
            return property.number <= 1;
        case PropertyRange::not_zero:
            return property.number != 0;
        case PropertyRange::topic_name:
            return !property.text.empty() && !has_wildcard(property.text);
    }
    return false;
}

}  // namespace

Property read_property(Cursor& in) {
    const Bytes begin = in.unread();
    Property property;
    const std::uint8_t id = in.u8();
    const PropertyRule& rule = rule_of(id);
    if (rule.packets == 0) in.fail(Reason::malformed_packet, "MQTT-2.2.2.2");

    property.id = static_cast<PropertyId>(id);
    property.type = rule.type;
    switch (rule.type) {
        case PropertyType::byte:
            property.number = in.u8();
            break;
        case PropertyType::u16:
            property.number = in.u16();
            break;
        case PropertyType::u32:
            property.number = in.u32();
            break;
        case PropertyType::varint:
            property.number = in.varint();
            break;
        case PropertyType::text:
        case PropertyType::binary:
            property.text = as_text(in.binary());
            break;
        case PropertyType::text_pair:
            property.text = as_text(in.binary());
            property.value = as_text(in.binary());
            break;
    }
    property.raw = begin.first(begin.size() - in.unread().size());
    return property;
}

Violation check_properties(Bytes list, PacketSet packet) {
    Cursor in(list, Version::v5);
    std::uint64_t seen = 0;
    while (!in.at_end()) {
        const Property property = read_property(in);
        if (in.violation()) break;

        const PropertyRule& rule = rule_of(property.id);
        if ((rule.packets & packet) == 0) in.fail(Reason::malformed_packet, "MQTT-2.2.2.2");
        if ((seen & bit_of(property.id)) != 0 && (rule.repeats & packet) == 0)
            in.fail(Reason::protocol_error, "MQTT-2.2.2.2");
        seen |= bit_of(property.id);

        if (rule.type != PropertyType::binary) in.expect_utf8(property.text);
        in.expect_utf8(property.value);
        if (!in_range(property, rule.range)) in.fail(rule.out_of_range, rule.rule);
    }
    const bool has_data = (seen & bit_of(PropertyId::authentication_data)) != 0;
    const bool has_method = (seen & bit_of(PropertyId::authentication_method)) != 0;
    if (has_data && !has_method) in.fail(Reason::protocol_error, "MQTT-3.1.2.11.10");
    return in.violation() ? *in.violation() : Violation{};
}

}  // namespace drawbridge::wire
