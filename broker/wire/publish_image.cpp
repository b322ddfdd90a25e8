#include "broker/wire/publish_image.hpp"

#include "broker/wire/encode.hpp"

namespace drawbridge::wire {
namespace {

constexpr std::size_t expiry_property_bytes = 5;
constexpr std::size_t alias_property_bytes = 3;

struct Sizes {
    std::size_t properties = 0;  // without their length
    std::size_t remaining = 0;
};

std::string_view topic_of(const PublishContent& content, const PublishMarks& marks) {
    return marks.topic_is_known ? std::string_view() : content.topic;
}

Sizes sizes_of(const PublishContent& content, const PublishMarks& marks, bool with_properties,
               std::span<const std::uint32_t> subscription_ids) {
    Sizes sizes;
    sizes.remaining =
        2 + topic_of(content, marks).size() + (marks.qos > 0 ? 2 : 0) + content.payload.size();
    if (!with_properties) return sizes;
    sizes.properties = content.properties.size();
    if (content.expiry_s) sizes.properties += expiry_property_bytes;
    if (marks.topic_alias != 0) sizes.properties += alias_property_bytes;
    for (const std::uint32_t id : subscription_ids) sizes.properties += 1 + varint_bytes(id);
    sizes.remaining +=
        varint_bytes(static_cast<std::uint32_t>(sizes.properties)) + sizes.properties;
    return sizes;
}

std::uint8_t* write_u16(std::uint8_t* out, std::size_t value) {
    *out++ = static_cast<std::uint8_t>(value >> 8);
    *out++ = static_cast<std::uint8_t>(value);
    return out;
}

std::uint8_t* write_bytes(std::uint8_t* out, Bytes bytes) {
    if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
    return out + bytes.size();
}

}  // namespace

std::size_t publish_bytes(const PublishContent& content, const PublishMarks& marks,
                          bool with_properties, std::span<const std::uint32_t> subscription_ids) {
    const Sizes sizes = sizes_of(content, marks, with_properties, subscription_ids);
    return 1 + varint_bytes(static_cast<std::uint32_t>(sizes.remaining)) + sizes.remaining;
}

std::size_t write_publish(const PublishContent& content, const PublishMarks& marks,
                          bool with_properties, std::span<const std::uint32_t> subscription_ids,
                          bool with_payload, Buffer& out) {
    const bool with_packet_id = marks.qos > 0;
    const Sizes sizes = sizes_of(content, marks, with_properties, subscription_ids);
    const std::string_view topic = topic_of(content, marks);
    const auto remaining = static_cast<std::uint32_t>(sizes.remaining);
    const std::size_t whole = 1 + varint_bytes(remaining) + remaining;
    std::uint8_t* at = out.grow(with_payload ? whole : whole - content.payload.size());

    *at++ = marks.first_byte();
    at = write_varint(at, remaining);
    at = write_u16(at, topic.size());
    at = write_bytes(at, as_bytes(topic));
    std::size_t packet_id_at = 0;
    if (with_packet_id) {
        packet_id_at = static_cast<std::size_t>(at - out.data());
        at = write_u16(at, marks.packet_id);
    }
    if (with_properties) {
        at = write_varint(at, static_cast<std::uint32_t>(sizes.properties));
        if (content.expiry_s) {
            *at++ = static_cast<std::uint8_t>(PropertyId::message_expiry_interval);
            at = write_u16(at, *content.expiry_s >> 16);
            at = write_u16(at, *content.expiry_s & 0xFFFF);
        }
        if (marks.topic_alias != 0) {
            *at++ = static_cast<std::uint8_t>(PropertyId::topic_alias);
            at = write_u16(at, marks.topic_alias);
        }
        at = write_bytes(at, content.properties);
        for (const std::uint32_t id : subscription_ids) {
            *at++ = static_cast<std::uint8_t>(PropertyId::subscription_identifier);
            at = write_varint(at, id);
        }
    }
    if (with_payload) write_bytes(at, content.payload);
    return packet_id_at;
}

void PublishImage::encode(const PublishContent& content, bool with_properties, bool with_packet_id,
                          bool with_payload) {
    PublishMarks marks;
    marks.qos = with_packet_id ? 1 : 0;
    packet_id_at_ = write_publish(content, marks, with_properties, {}, with_payload, bytes_);
}

void PublishImage::append_to(Buffer& out, const PublishMarks& marks) const {
    std::uint8_t* at = out.grow(bytes_.size());
    std::memcpy(at, bytes_.bytes().data(), bytes_.size());
    at[0] = marks.first_byte();
    if (packet_id_at_ != 0) write_u16(at + packet_id_at_, marks.packet_id);
}

}  // namespace drawbridge::wire
