// What a session does with each packet of its client. MQTT 5.0, sections 3.3 to 3.15.
#include <algorithm>

#include "broker/base/log.hpp"
#include "broker/core/answer.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/publish_properties.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"
#include "broker/core/topic_names.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

// 3.1.1 sets no bound to the QoS 2 messages that a client has begun, but that of packet
// identifiers.
constexpr std::size_t ids_looked_at_in_a_delivery = 256;

// Calls receive with the view, unless the packet is malformed.
template <class View, class Receive>
Result<void> with(const Result<View>& view, Receive receive) {
    if (view.has_error()) return view.error();
    return receive(*view);
}

}  // namespace

std::size_t Session::receive(Bytes bytes) {
    Link& link = *link_;
    link.pause = Link::Pause::none;
    std::size_t used = 0;
    // Who does not read its answers is not read either: what it sends could be answered without
    // end.
    while (link_ != nullptr && used < bytes.size() && has_room()) {
        if (is_throttled()) {
            link.pause = Link::Pause::until_told;
            rare_->throttle->wait();
            break;
        }
        if (shard_.share_used()) {
            link.pause = Link::Pause::this_turn;
            break;
        }
        if (holds_many()) {  // release_held() comes back here
            link.pause = Link::Pause::until_told;
            break;
        }
        wire::Frame frame;
        const auto cut =
            wire::cut_frame(bytes.subspan(used), shard_.settings().limits.max_packet_bytes, frame);
        if (cut == wire::Cut::incomplete) break;
        if (frame.type == wire::PacketType::publish && (frame.flags & 0x06) != 0 &&
            shard_.keeper().is_full()) {
            link.pause = Link::Pause::until_told;
            shard_.keeper().note_paused(*this);
            break;
        }
        Outcome outcome;
        if (cut == wire::Cut::malformed)
            outcome = Violation{Reason::malformed_packet, "MQTT-2.1.4"};
        else if (cut == wire::Cut::too_large)
            outcome = Violation{Reason::packet_too_large, "MQTT-3.2.2-15"};
        else
            outcome = receive_packet(frame);
        if (outcome.has_error()) {
            if (link_ != nullptr) close(outcome.error());
            break;
        }
        if (rare_ && rare_->request) {
            link.pause = Link::Pause::this_turn;
            break;
        }
        used += frame.size;
        if (rare_ && rare_->throttle)
            rare_->throttle->charge(frame.size, frame.type == wire::PacketType::publish,
                                    shard_.now());
    }
    return used;
}

bool Session::is_throttled() const {
    return rare_ && rare_->throttle && rare_->throttle->holds(shard_.now());
}

// It was silent because nobody listened.
void Session::read_on() {
    last_packet_at_ = shard_.now();
    if (link_ != nullptr) link_->read_on();
}

Session::Outcome Session::receive_packet(const wire::Frame& frame) {
    using Type = wire::PacketType;
    last_packet_at_ = shard_.now();
    shard_.worked(limits::work_of_a_packet);
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
            return receive_subscribe(frame);
        case Type::unsubscribe:
            return receive_unsubscribe(frame);
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
            return with(wire::decode_auth(frame.flags, frame.body, version_), [](auto&) -> Outcome {
                return Violation{Reason::protocol_error, "MQTT-4.12.0-7"};
            });
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
    message.tenant = identity_->tenant_id();
    Buffer scratch;
    if (!publish.properties.empty()) {
        const PublishProperties properties = sort_properties(publish.properties, scratch);
        if (properties.has_subscription_id)
            return Violation{Reason::protocol_error, "MQTT-3.3.4-6"};
        message.properties = properties.forwarded;
        if (properties.expiry_s) message.expires_at = shard_.now() + seconds(*properties.expiry_s);
        if (properties.topic_alias) {
            const auto topic = rare().received_aliases.resolve(
                publish.topic, *properties.topic_alias, limits.max_topic_alias);
            if (topic.has_error()) return topic.error();
            message.topic = *topic;
        }
    }
    if (message.payload.size() > limits.max_payload_bytes)
        return Violation{Reason::packet_too_large, "limit max_payload_bytes"};
    if (publish.qos == 2) {
        if (received_qos2_) shard_.worked(received_qos2_->size() / ids_looked_at_in_a_delivery);
        if (received_qos2_ &&
            std::ranges::find(*received_qos2_, publish.packet_id) != received_qos2_->end()) {
            acknowledge(wire::PacketType::pubrec, publish.packet_id, Reason::success, {},
                        keep_ ? Until::committed : Until::now);  // MQTT-4.3.3-10
            return {};
        }
        const std::size_t open = received_qos2_ ? received_qos2_->size() : 0;
        if (version_ == wire::Version::v5 && open >= limits.max_inflight)
            return Violation{Reason::receive_maximum_exceeded, "MQTT-3.3.4-7"};
    }

    Reason reason = Reason::success;
    std::string_view why;
    Until until = Until::now;
    if (may_publish(message.topic)) {
        if (publish.qos > 0 && shard_.keeper().refuses() && must_be_kept(message)) {
            shard_.stats().refused_no_space.add();
            if (version_ != wire::Version::v5) return {};  // and it is not acknowledged
            why = "the broker has no space to keep the message";
            reason = Reason::quota_exceeded;
            note_publish_refused(message.topic, why);
        } else {
            reason = take_over(message, why, until);
        }
        if (is_failure(reason)) note_publish_refused(message.topic, why);
        if (is_failure(reason) && version_ != wire::Version::v5)
            return Violation{reason, "limit max_queued_messages of a subscriber"};
    } else {
        if (!wire::is_topic_name(message.topic, limits.max_topic_levels))
            return Violation{Reason::topic_name_invalid, "limit max_topic_levels"};
        shard_.stats().publishes_denied.add();
        note_publish_refused(message.topic);
        if (shard_.settings().denied_publish == DeniedPublish::disconnect)
            return Violation{Reason::not_authorized, "acl denied_publish"};
        reason = Reason::not_authorized;
        why = "no rule of this client allows the topic";
    }
    if (publish.qos == 1)
        acknowledge(wire::PacketType::puback, publish.packet_id, reason, why, until);
    if (publish.qos == 2) {
        if (version_ != wire::Version::v5 || !is_failure(reason)) {
            if (!received_qos2_) received_qos2_ = std::make_unique<std::vector<std::uint16_t>>();
            received_qos2_->push_back(publish.packet_id);
            note_received(publish.packet_id, Keeper::Urgency::in_front);
            if (keep_) until = Until::committed;
        }
        acknowledge(wire::PacketType::pubrec, publish.packet_id, reason, why, until);
    }
    return {};
}

// Hands the message on to all who get it, or to nobody, and says why.
Reason Session::take_over(const MessageView& message, std::string_view& why, Until& until) {
    if (message.qos > 0 && shard_.settings().queue_full == QueueFull::refuse &&
        shard_.broker().full_queues().concern(message.topic, message.tenant)) {
        shard_.stats().refused_queue_full.add();
        why = "the queue of a subscriber is full";
        return Reason::quota_exceeded;
    }
    const bool can_be_told = version_ == wire::Version::v5 && message.qos > 0;
    const std::uint64_t opened_before = shard_.keeper().opened();
    const Sender sender{.client = key_, .id = client_id_};
    const Reason reason = shard_.publish(message, sender, can_be_told).reason;
    if (is_failure(reason)) why = "the retained store is full";
    if (message.qos > 0) until = shard_.until_safe(message, opened_before);
    if (message.qos == 2 && keep_ && shard_.broker().keeps_elsewhere(shard_.stats()))
        shard_.keeper().note_published(message);
    return reason;
}

// By somebody; who does not matter.
bool Session::must_be_kept(const MessageView& message) const {
    return message.retain || keep_ || shard_.broker().kept_sessions() > 0;
}

bool Session::may_publish(std::string_view topic) {
    if (memo_ && memo_->topic == topic) return memo_->allowed;
    if (is_internal_name(topic)) return may_publish_internal(topic);
    if (!memo_) memo_ = std::make_unique<PublishMemo>();
    memo_->topic = topic;
    memo_->allowed = wire::is_topic_name(topic, shard_.settings().limits.max_topic_levels) &&
                     identity_->may_publish(topic);
    return memo_->allowed;
}

// Replies to requests of NATS clients: once where it was asked to, else by a rule that names the
// prefix. A rule that allows any name does not.
bool Session::may_publish_internal(std::string_view topic) {
    if (!wire::is_topic_name(topic, shard_.settings().limits.max_topic_levels)) return false;
    if (rare_) {
        auto& replies = rare_->replies;
        if (const auto asked = std::ranges::find(replies, topic); asked != replies.end()) {
            replies.erase(asked);
            return true;
        }
    }
    return identity_->may_publish_by_name(topic);
}

// --- acknowledgements ----------------------------------------------------------------------------

void Session::acknowledge(wire::PacketType type, std::uint16_t packet_id, Reason reason,
                          std::string_view why, Until until) {
    answer(until, [&](Buffer& out) {
        return append_answer(
            out, if_wanted(why), packet_bytes_max_, [&](const wire::PropertyList& properties) {
                wire::encode_ack(type, {packet_id, reason, properties}, version_, out);
            });
    });
}

std::string_view Session::if_wanted(std::string_view why) const {
    return version_ == wire::Version::v5 && problem_information_ ? why : std::string_view();
}

Session::Outcome Session::receive_puback(const wire::AckView& ack) {
    if (!outbound_) return {};
    if (Outgoing* const message = outbound_->find(ack.packet_id, Outgoing::Awaits::puback)) {
        acknowledged(*message);
        pump();
    }
    return {};
}

void Session::acknowledged(Outgoing& message) {
    if (keep_ && message.seq != 0 && message.seq <= keep_->told)
        note_change(Keeper::Urgency::lazily);
    outbound_->acknowledged(message);
}

Session::Outcome Session::receive_pubrec(const wire::AckView& ack) {
    Outgoing* message =
        outbound_ ? outbound_->find(ack.packet_id, Outgoing::Awaits::pubrec) : nullptr;
    if (message != nullptr &&
        is_failure(ack.reason)) {  // MQTT-4.4.0-2: as good as an acknowledgement
        acknowledged(*message);
        pump();
        return {};
    }
    if (is_failure(ack.reason)) return {};
    Reason reason = Reason::success;
    if (message != nullptr) {
        message->goes_on_with_pubrel();
        note_change(Keeper::Urgency::now);
    } else if (!outbound_ || outbound_->find(ack.packet_id, Outgoing::Awaits::pubcomp) == nullptr) {
        reason = Reason::packet_identifier_not_found;
    }
    acknowledge(wire::PacketType::pubrel, ack.packet_id, reason, {},
                keep_ ? Until::committed : Until::now);  // MQTT-4.3.3-4
    return {};
}

Session::Outcome Session::receive_pubrel(const wire::AckView& ack) {
    Reason reason = Reason::packet_identifier_not_found;
    if (received_qos2_) {
        const auto found = std::ranges::find(*received_qos2_, ack.packet_id);
        if (found != received_qos2_->end()) {
            *found = received_qos2_->back();
            received_qos2_->pop_back();
            note_received(ack.packet_id, Keeper::Urgency::now);
            reason = Reason::success;
        }
    }
    acknowledge(wire::PacketType::pubcomp, ack.packet_id, reason, {},
                keep_ ? Until::committed : Until::now);  // MQTT-4.3.3-11
    return {};
}

Session::Outcome Session::receive_pubcomp(const wire::AckView& ack) {
    if (!outbound_) return {};
    if (Outgoing* const message = outbound_->find(ack.packet_id, Outgoing::Awaits::pubcomp)) {
        acknowledged(*message);
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
        expiry_s_ = std::min(*expiry, limits().max_session_expiry);
    }
    detach(disconnect.reason == Reason::success ? End::client_disconnected
                                                : End::client_asked_for_will);
    return {};
}

void Session::close(const Violation& violation) {
    const std::string why = fmt::format("{} ({})", to_text(violation.reason), violation.rule);
    if (shard_.may_log())
        log::info("client {} from {}: closed, {}", client_id_, link_->address(), why);
    detach(End::broker_closed, violation.reason, why);
}

}  // namespace drawbridge::core
