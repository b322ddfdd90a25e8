// What a session does with each packet of its client. MQTT 5.0, sections 3.3 to 3.15.
#include <algorithm>

#include "broker/base/log.hpp"
#include "broker/core/publish_properties.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

// Calls receive with the view, unless the packet is malformed.
template <class View, class Receive>
Result<void> with(const Result<View>& view, Receive receive) {
    if (view.has_error()) return view.error();
    return receive(*view);
}

}  // namespace

std::size_t Session::receive(Bytes bytes) {
    std::size_t used = 0;
    // Who does not read its answers is not read either: what it sends could be answered without
    // end.
    while (link_ != nullptr && has_room()) {
        wire::Frame frame;
        const auto cut =
            wire::cut_frame(bytes.subspan(used), shard_.settings().limits.max_packet_bytes, frame);
        if (cut == wire::Cut::incomplete) break;
        Outcome outcome;
        if (cut == wire::Cut::malformed)
            outcome = Violation{Reason::malformed_packet, "MQTT-2.1.4"};
        else if (cut == wire::Cut::too_large)
            outcome = Violation{Reason::packet_too_large, "MQTT-3.2.2-15"};
        else
            outcome = receive_packet(frame);
        if (outcome.has_error()) {
            log_violation(outcome.error());
            if (link_ != nullptr) detach(End::broker_closed, outcome.error().reason);
            break;
        }
        used += frame.size;
    }
    return used;
}

Session::Outcome Session::receive_packet(const wire::Frame& frame) {
    using Type = wire::PacketType;
    last_packet_at_ = shard_.now();
    const auto ack = [&] {
        return wire::decode_ack(frame.type, frame.flags, frame.body, version_);
    };
    switch (frame.type) {
        case Type::publish:
            return with(wire::decode_publish(frame.flags, frame.body, version_),
                        [&](auto& publish) { return receive_publish(publish); });
        case Type::puback:
            return with(ack(), [&](auto& puback) { return receive_puback(puback); });
        case Type::pubrec:
            return with(ack(), [&](auto& pubrec) { return receive_pubrec(pubrec); });
        case Type::pubrel:
            return with(ack(), [&](auto& pubrel) { return receive_pubrel(pubrel); });
        case Type::pubcomp:
            return with(ack(), [&](auto& pubcomp) { return receive_pubcomp(pubcomp); });
        case Type::subscribe:
            return with(wire::decode_subscribe(frame.flags, frame.body, version_),
                        [&](auto& subscribe) { return receive_subscribe(subscribe); });
        case Type::unsubscribe:
            return with(wire::decode_unsubscribe(frame.flags, frame.body, version_),
                        [&](auto& unsubscribe) { return receive_unsubscribe(unsubscribe); });
        case Type::pingreq: {
            const auto ping = wire::decode_ping(frame.flags, frame.body);
            if (ping.has_value()) wire::encode_pingresp(output());  // MQTT-3.12.4-1
            return ping;
        }
        case Type::disconnect:
            return with(wire::decode_disconnect(frame.flags, frame.body, version_),
                        [&](auto& disconnect) { return receive_disconnect(disconnect); });
        case Type::connect:
            return Violation{Reason::protocol_error, "MQTT-3.1.0-2"};
        case Type::auth:
            return Violation{Reason::protocol_error, "MQTT-4.12.0-7"};
        case Type::connack:
        case Type::suback:
        case Type::unsuback:
        case Type::pingresp:
            break;
    }
    return Violation{Reason::protocol_error, "MQTT-4.13.1-1"};  // only a server sends these
}

// --- PUBLISH -------------------------------------------------------------------------------------

Session::Outcome Session::receive_publish(const wire::PublishView& publish) {
    const Limits& limits = shard_.settings().limits;
    shard_.stats().messages_in.add();
    MessageView message;
    message.topic = publish.topic;
    message.payload = publish.payload;
    message.qos = publish.qos;
    message.retain = publish.retain;
    Buffer scratch;
    if (!publish.properties.empty()) {
        const PublishProperties properties = sort_properties(publish.properties, scratch);
        if (properties.has_subscription_id)
            return Violation{Reason::protocol_error, "MQTT-3.3.4-6"};
        message.properties = properties.forwarded;
        if (properties.expiry_s) message.expires_at = shard_.now() + seconds(*properties.expiry_s);
        if (properties.topic_alias) {
            const auto topic = resolve_alias(publish.topic, *properties.topic_alias);
            if (topic.has_error()) return topic.error();
            message.topic = *topic;
        }
    }
    if (message.payload.size() > limits.max_payload_bytes)
        return Violation{Reason::packet_too_large, "limit max_payload_bytes"};
    if (publish.qos == 2) {
        if (received_qos2_ &&
            std::ranges::find(*received_qos2_, publish.packet_id) != received_qos2_->end()) {
            acknowledge(wire::PacketType::pubrec, publish.packet_id,
                        Reason::success);  // MQTT-4.3.3-10
            return {};
        }
        const std::size_t open = received_qos2_ ? received_qos2_->size() : 0;
        if (version_ == wire::Version::v5 && open >= limits.max_inflight)
            return Violation{Reason::receive_maximum_exceeded, "MQTT-3.3.4-7"};
    }

    Reason reason = Reason::success;
    if (may_publish(message.topic)) {
        shard_.publish(message, this);
    } else {
        if (!wire::is_topic_name(message.topic, limits.max_topic_levels))
            return Violation{Reason::topic_name_invalid, "limit max_topic_levels"};
        shard_.stats().publishes_denied.add();
        if (shard_.settings().denied_publish == DeniedPublish::disconnect)
            return Violation{Reason::not_authorized, "acl denied_publish"};
        reason = Reason::not_authorized;
    }
    if (publish.qos == 1) acknowledge(wire::PacketType::puback, publish.packet_id, reason);
    if (publish.qos == 2) {
        if (version_ != wire::Version::v5 || !is_failure(reason)) {
            if (!received_qos2_) received_qos2_ = std::make_unique<std::vector<std::uint16_t>>();
            received_qos2_->push_back(publish.packet_id);
        }
        acknowledge(wire::PacketType::pubrec, publish.packet_id, reason);
    }
    return {};
}

Result<std::string_view> Session::resolve_alias(std::string_view topic, std::uint32_t alias) {
    if (alias > shard_.settings().limits.max_topic_alias)
        return Violation{Reason::topic_alias_invalid, "MQTT-3.3.2-9"};
    auto& aliases = rare().topic_aliases;
    if (aliases.size() < alias) aliases.resize(alias);
    std::string& known = aliases[alias - 1];
    if (!topic.empty()) known = topic;
    if (known.empty()) return Violation{Reason::protocol_error, "MQTT-3.3.2.3.4"};
    return std::string_view(known);
}

bool Session::may_publish(std::string_view topic) {
    if (memo_ && memo_->topic == topic) return memo_->allowed;
    if (!memo_) memo_ = std::make_unique<PublishMemo>();
    memo_->topic = topic;
    memo_->allowed = wire::is_topic_name(topic, shard_.settings().limits.max_topic_levels) &&
                     identity_->may_publish(topic);
    if (!memo_->allowed && shard_.may_log())
        log::info("client {} from {}: may not publish to {}", client_id_, link_->address(), topic);
    return memo_->allowed;
}

// --- acknowledgements ----------------------------------------------------------------------------

void Session::acknowledge(wire::PacketType type, std::uint16_t packet_id, Reason reason) {
    wire::AckView ack;
    ack.packet_id = packet_id;
    ack.reason = reason;
    wire::encode_ack(type, ack, version_, output());
}

Session::Outcome Session::receive_puback(const wire::AckView& ack) {
    if (!outbound_) return {};
    if (Outgoing* const message = outbound_->find(ack.packet_id, Outgoing::Awaits::puback)) {
        outbound_->acknowledged(*message);
        pump();
    }
    return {};
}

Session::Outcome Session::receive_pubrec(const wire::AckView& ack) {
    Outgoing* message =
        outbound_ ? outbound_->find(ack.packet_id, Outgoing::Awaits::pubrec) : nullptr;
    if (message != nullptr &&
        is_failure(ack.reason)) {  // MQTT-4.4.0-2: as good as an acknowledgement
        outbound_->acknowledged(*message);
        pump();
        return {};
    }
    if (is_failure(ack.reason)) return {};
    Reason reason = Reason::success;
    if (message != nullptr) {
        message->awaits = Outgoing::Awaits::pubcomp;
        message->message.reset();
        message->subscription_ids.reset();
        message->group = GroupRef{};
    } else if (!outbound_ || outbound_->find(ack.packet_id, Outgoing::Awaits::pubcomp) == nullptr) {
        reason = Reason::packet_identifier_not_found;
    }
    acknowledge(wire::PacketType::pubrel, ack.packet_id, reason);  // MQTT-4.3.3-4
    return {};
}

Session::Outcome Session::receive_pubrel(const wire::AckView& ack) {
    Reason reason = Reason::packet_identifier_not_found;
    if (received_qos2_) {
        const auto found = std::ranges::find(*received_qos2_, ack.packet_id);
        if (found != received_qos2_->end()) {
            *found = received_qos2_->back();
            received_qos2_->pop_back();
            reason = Reason::success;
        }
    }
    acknowledge(wire::PacketType::pubcomp, ack.packet_id, reason);  // MQTT-4.3.3-11
    return {};
}

Session::Outcome Session::receive_pubcomp(const wire::AckView& ack) {
    if (!outbound_) return {};
    if (Outgoing* const message = outbound_->find(ack.packet_id, Outgoing::Awaits::pubcomp)) {
        outbound_->acknowledged(*message);
        pump();
    }
    return {};
}

// --- DISCONNECT ----------------------------------------------------------------------------------

Session::Outcome Session::receive_disconnect(const wire::DisconnectView& disconnect) {
    const auto expiry = disconnect.properties.number(wire::PropertyId::session_expiry_interval);
    if (expiry) {
        if (*expiry > 0 && connect_expiry_zero_)
            return Violation{Reason::protocol_error, "MQTT-3.14.2.2.2"};
        expiry_s_ = std::min(*expiry, shard_.settings().limits.max_session_expiry);
    }
    detach(disconnect.reason == Reason::success ? End::client_disconnected
                                                : End::client_asked_for_will);
    return {};
}

void Session::log_violation(const Violation& violation) const {
    log::info("client {} from {}: closed, {} ({})", client_id_,
              link_ != nullptr ? link_->address() : "?", to_text(violation.reason), violation.rule);
}

}  // namespace drawbridge::core
