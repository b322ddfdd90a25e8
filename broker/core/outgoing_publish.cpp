#include "broker/core/outgoing_publish.hpp"

#include "broker/base/limits.hpp"

namespace drawbridge::core {
namespace {

constexpr milliseconds clocks_apart{100};  // far more than a turn takes

wire::PublishContent content_of(const MessageView& view, TimePoint now) {
    wire::PublishContent content{view.topic, view.payload, view.properties, std::nullopt};
    if (view.expires()) {
        // MQTT-3.3.2-6: less the time that the message has waited, in whole seconds. Rounded up,
        // but not because this shard's turn began a little before the one that took the message in.
        const Duration left = view.expires_at - now;
        const auto whole = std::chrono::ceil<seconds>(left - clocks_apart).count();
        content.expiry_s = left > Duration(0) ? static_cast<std::uint32_t>(std::max(whole, 1L)) : 0;
    }
    return content;
}

}  // namespace

OutgoingPublish::OutgoingPublish(const MessageView& message, TimePoint now, std::size_t receivers)
    : view_(message), content_(content_of(view_, now)), single_(receivers <= 1) {}

OutgoingPublish::OutgoingPublish(MessagePtr message, TimePoint now)
    : view_(message->view()),
      message_(std::move(message)),
      content_(content_of(view_, now)),
      single_(true) {}

const MessagePtr& OutgoingPublish::message() {
    if (!message_) message_ = Message::copy_of(view_);
    return message_;
}

std::size_t OutgoingPublish::packet_bytes(wire::Version version, const wire::PublishMarks& marks,
                                          std::span<const std::uint32_t> subscription_ids) const {
    return wire::publish_bytes(content_, marks, version == wire::Version::v5, subscription_ids);
}

void OutgoingPublish::append_to(Output& out, wire::Version version, const wire::PublishMarks& marks,
                                std::span<const std::uint32_t> subscription_ids) {
    const bool v5 = version == wire::Version::v5;
    const bool with_payload = view_.payload.size() < limits::shared_payload_bytes_min;
    if (single_ || !subscription_ids.empty() || marks.topic_alias != 0) {
        wire::write_publish(content_, marks, v5, subscription_ids, with_payload, out.bytes());
    } else {
        const bool with_packet_id = marks.qos > 0;
        wire::PublishImage& image = images_[(v5 ? 2 : 0) + (with_packet_id ? 1 : 0)];
        if (image.empty()) image.encode(content_, v5, with_packet_id, with_payload);
        image.append_to(out.bytes(), marks);
    }
    if (!with_payload) out.append_payload(message());
}

}  // namespace drawbridge::core
