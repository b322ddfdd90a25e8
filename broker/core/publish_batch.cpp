#include "broker/core/publish_batch.hpp"

#include <cstring>

namespace drawbridge::core {
namespace {

// How an item lies in memory: this, then topic, properties, raw head and payload.
struct Head {
    std::int64_t expires_at;
    std::uint64_t receiver;
    std::uint64_t group;
    std::uint64_t except;
    std::uint32_t subscription_id;
    std::uint32_t asks;
    std::uint32_t payload_bytes;
    std::uint32_t properties_bytes;
    std::uint32_t raw_head_bytes;
    std::uint16_t topic_bytes;
    std::uint8_t qos;
    std::uint8_t granted_qos;
    bool retain;
    bool bridged;
    bool echo;
    std::uint8_t hops;
    bool retain_as_published;
    PublishBatch::Step step;
    MemberState believed;
    std::uint16_t packet_id;
    TenantId tenant;
};
static_assert(sizeof(Head) == 72);

std::uint8_t* put(std::uint8_t* at, Bytes bytes) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return at + bytes.size();
}

}  // namespace

void PublishBatch::append(const Item& item) {
    const MessageView& message = item.message;
    Head head{};
    head.expires_at = message.expires_at.time_since_epoch().count();
    head.receiver = item.receiver;
    head.group = item.group;
    head.asks = item.asks;
    head.subscription_id = item.subscription_id;
    head.payload_bytes = static_cast<std::uint32_t>(message.payload.size());
    head.properties_bytes = static_cast<std::uint32_t>(message.properties.size());
    head.raw_head_bytes = static_cast<std::uint32_t>(message.raw_head.size());
    head.topic_bytes = static_cast<std::uint16_t>(message.topic.size());
    head.qos = message.qos;
    head.granted_qos = item.granted_qos;
    head.retain = message.retain;
    head.echo = item.echo;
    head.except = item.except;
    head.hops = item.hops;
    head.bridged = message.bridged;
    head.tenant = message.tenant;
    head.retain_as_published = item.retain_as_published;
    head.packet_id = item.packet_id;
    head.step = item.step;
    head.believed = item.believed;
    std::uint8_t* at = bytes_.grow(sizeof head + message.topic.size() + message.properties.size() +
                                   message.raw_head.size() + message.payload.size());
    std::memcpy(at, &head, sizeof head);
    at = put(at + sizeof head, as_bytes(message.topic));
    at = put(at, message.properties);
    at = put(at, message.raw_head);
    put(at, message.payload);
}

std::size_t PublishBatch::read(std::size_t at, Item& item) const {
    Head head;
    const Bytes all = bytes_.bytes();
    std::memcpy(&head, all.data() + at, sizeof head);
    at += sizeof head;
    const auto next = [&](std::size_t size) {
        const Bytes part = all.subspan(at, size);
        at += size;
        return part;
    };
    item.message.topic = as_text(next(head.topic_bytes));
    item.message.properties = next(head.properties_bytes);
    item.message.raw_head = next(head.raw_head_bytes);
    item.message.payload = next(head.payload_bytes);
    item.message.expires_at = TimePoint(Duration(head.expires_at));
    item.message.qos = head.qos;
    item.message.retain = head.retain;
    item.echo = head.echo;
    item.except = head.except;
    item.hops = head.hops;
    item.message.bridged = head.bridged;
    item.message.tenant = head.tenant;
    item.receiver = head.receiver;
    item.asks = head.asks;
    item.group = head.group;
    item.subscription_id = head.subscription_id;
    item.granted_qos = head.granted_qos;
    item.retain_as_published = head.retain_as_published;
    item.packet_id = head.packet_id;
    item.step = head.step;
    item.believed = head.believed;
    return at;
}

}  // namespace drawbridge::core
