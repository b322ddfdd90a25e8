#include "broker/core/message.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace drawbridge::core {
namespace {

std::uint8_t* put(std::uint8_t* at, Bytes bytes) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return at + bytes.size();
}

}  // namespace

MessagePtr Message::copy_of(const MessageView& view) {
    const std::size_t bytes = view.topic.size() + view.properties.size() + view.payload.size();
    void* memory = std::malloc(sizeof(Message) + bytes);
    if (memory == nullptr) throw std::bad_alloc();
    auto* message = new (memory) Message();
    constexpr std::size_t packet_bytes = (1u << 28) - 1;
    static_assert(sizeof(Message) == 24, "each message that waits has this beside its bytes");
    message->payload_bytes_ = static_cast<std::uint32_t>(view.payload.size()) & packet_bytes;
    message->properties_bytes_ = view.properties.size() & packet_bytes;
    message->topic_bytes_ = view.topic.size() & UINT16_MAX;
    message->tenant_ = view.tenant & tenants_max;
    message->qos_ = view.qos & 3u;
    message->retain_ = view.retain;
    message->bridged_ = view.bridged;
    message->expires_at_ = view.expires_at;
    auto* at = reinterpret_cast<std::uint8_t*>(message + 1);
    at = put(at, as_bytes(view.topic));
    at = put(at, view.properties);
    put(at, view.payload);
    return MessagePtr(message);
}

MessageView Message::view() const {
    MessageView view;
    const std::uint8_t* at = content();
    view.topic = as_text({at, topic_bytes_});
    at += topic_bytes_;
    view.properties = {at, properties_bytes_};
    at += properties_bytes_;
    view.payload = {at, payload_bytes_};
    view.expires_at = expires_at_;
    view.qos = qos_;
    view.retain = retain_;
    view.bridged = bridged_;
    view.tenant = tenant_;
    return view;
}

void intrusive_ptr_release(const Message* message) {
    if (message->count_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    message->~Message();
    std::free(const_cast<Message*>(message));
}

}  // namespace drawbridge::core
