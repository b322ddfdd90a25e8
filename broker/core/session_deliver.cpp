// What a session does with messages for its client: sends them, or keeps them until they can be
// sent. MQTT 5.0, sections 3.3, 4.3 and 4.9.
#include <algorithm>

#include "broker/base/log.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"
#include "broker/core/topic_names.hpp"

namespace drawbridge::core {
namespace {

// Requests that one client has been sent and may still answer.
constexpr std::size_t replies_max = 64;

}  // namespace

bool Session::deliver(OutgoingPublish& publish, const Delivery& delivery) {
    return deliver(publish, delivery, GroupRef{});
}

bool Session::deliver(OutgoingPublish& publish, const Delivery& delivery, GroupRef group) {
    if (discarded_) return false;
    const std::uint8_t qos = std::min(publish.view().qos, delivery.qos);
    if (link_ == nullptr && qos == 0) return false;
    const bool in_order = !outbound_ || !outbound_->waits_at_qos0();
    if (qos > 0 || !in_order || !has_room()) {
        queue(publish, delivery, qos, group);
        return true;
    }
    wire::PublishMarks marks;
    marks.retain = delivery.retain;
    send(publish, marks, delivery.subscription_ids);
    return true;
}

void Session::queue(OutgoingPublish& publish, const Delivery& delivery, std::uint8_t qos,
                    GroupRef group) {
    Outbound& messages = outbound();
    Outgoing message;
    message.message = publish.message();
    message.qos = qos;
    message.retain = delivery.retain;
    message.group = group;
    if (!delivery.subscription_ids.empty())
        message.subscription_ids = std::make_unique<std::vector<std::uint32_t>>(
            delivery.subscription_ids.begin(), delivery.subscription_ids.end());
    const bool at_once = qos > 0 && link_ != nullptr && messages.nothing_waits() &&
                         messages.window_open() && has_room();
    const Limits& limits = this->limits();
    keep_message(message);
    const bool taken = messages.push(std::move(message), limits, shard_.now());
    count_dropped();
    look_for_expired();
    if (!taken) {
        shard_.stats().dropped_queue_full.add();
        if (publish.message()->bytes() <= limits.max_queued_bytes) queue_is_full();
        return;
    }
    if (!at_once) return tell_groups();
    Outgoing* const next = messages.next(shard_.now());
    if (next == nullptr) return;
    note_packet_id(*next);
    if (waits_for_disk(*next)) return hold_publish(*next);
    if (!send(publish, marks_of(*next), delivery.subscription_ids))
        acknowledged(*next);  // too large: as if it had been sent (MQTT-3.1.2-25)
}

// What gave way in the queue, because of its age or to newer messages.
void Session::count_dropped() {
    if (!outbound_) return;
    if (const std::size_t expired = outbound_->take_expired(); expired > 0) {
        shard_.stats().dropped_expired.add(expired);
        note_change(Keeper::Urgency::lazily);
    }
    const std::size_t displaced = outbound_->take_displaced();
    if (displaced == 0) return;
    shard_.stats().dropped_slow.add(displaced);
    log_full_queue();
}

// When something that has filled the queue goes because of its age, though nobody sends any more.
TimePoint Session::expired_dropped_at() const {
    if (!queue_full_) return TimePoint::max();
    const TimePoint at = outbound_->none_expires_before();
    if (!keep_ || at == TimePoint::max()) return at;
    return std::max(at, keep_->expired_looked_for + limits::counting_out_interval);
}

void Session::drop_expired() {
    outbound_->drop_expired(shard_.now());
    count_dropped();
    look_for_expired();
    if (keep_) keep_->expired_looked_for = shard_.now();
    look_for_room();
}

// Publishers are refused from now on, if the operator wants that.
void Session::queue_is_full() {
    log_full_queue();
    if (std::exchange(queue_full_, true)) return;
    arm_deadline();
    if (subscriptions.empty()) return;
    if (shard_.settings().queue_full != QueueFull::refuse) return;
    auto& filters = rare().full_filters;
    for (const SubscriptionRef& ref : subscriptions) filters.push_back(ref.entry->filter);
    rare_->full_identity = identity_;
    shard_.broker().full_queues().add(filters, identity_);
}

// Other messages may reach it from now on, so others are refused.
void Session::queue_has_new_rules() {
    if (!rare_ || rare_->full_filters.empty()) return;
    FullQueues& full_queues = shard_.broker().full_queues();
    full_queues.remove(rare_->full_filters, rare_->full_identity);
    rare_->full_identity = identity_;
    full_queues.add(rare_->full_filters, identity_);
}

// Once for each connection.
void Session::log_full_queue() {
    if (std::exchange(queue_full_logged_, true)) return;
    const bool refuses = shard_.settings().queue_full == QueueFull::refuse;
    log::warn(
        "client {}: its queue is full ({} messages); of QoS 0 the oldest are dropped, new ones "
        "are {}",
        client_id_, outbound_->waiting(), refuses ? "refused" : "dropped");
}

// A new one, while the queue is full.
void Session::add_full_filter(const std::string& filter) {
    if (!queue_full_ || shard_.settings().queue_full != QueueFull::refuse) return;
    auto& filters = rare().full_filters;
    if (filters.empty()) rare_->full_identity = identity_;
    filters.push_back(filter);
    shard_.broker().full_queues().add({filter}, rare_->full_identity);
}

// The client does not want it any more, so nobody is refused because of it.
void Session::forget_full_filter(const std::string& filter) {
    if (!rare_) return;
    auto& filters = rare_->full_filters;
    const auto found = std::ranges::find(filters, filter);
    if (found == filters.end()) return;
    filters.erase(found);
    shard_.broker().full_queues().remove({filter}, rare_->full_identity);
}

// To be called where messages leave the queue.
void Session::look_for_room() {
    if (queue_full_ && outbound_->has_drained(limits())) queue_has_room();
}

void Session::queue_has_room() {
    if (!std::exchange(queue_full_, false) || !rare_ || rare_->full_filters.empty()) return;
    shard_.broker().full_queues().remove(std::exchange(rare_->full_filters, {}),
                                         std::exchange(rare_->full_identity, nullptr));
}

// A request of a NATS client: whoever gets it may answer, once.
void Session::note_response_topic(const MessageView& message) {
    const wire::PropertyList properties(message.properties);
    const auto topic = properties.text(wire::PropertyId::response_topic);
    if (!topic || !is_internal_name(*topic)) return;
    auto& replies = rare().replies;
    if (replies.size() >= replies_max) replies.erase(replies.begin());
    replies.emplace_back(*topic);
}

wire::PublishMarks Session::marks_of(const Outgoing& message) {
    return {message.packet_id, message.qos, message.retain, message.sent_before};
}

bool Session::send(OutgoingPublish& publish, wire::PublishMarks marks,
                   std::span<const std::uint32_t> subscription_ids) {
    if (version_ != wire::Version::v5) subscription_ids = {};
    if (!publish.view().properties.empty() && version_ == wire::Version::v5)
        note_response_topic(publish.view());
    SentAliases* const aliases = rare_ ? rare_->sent_aliases.get() : nullptr;
    if (aliases != nullptr) {
        const SentAliases::Alias alias = aliases->find(publish.view().topic);
        marks.topic_alias = alias.number;
        marks.topic_is_known = alias.known;
    }
    const auto fits = [&] {
        return packet_bytes_max_ == UINT32_MAX ||
               publish.packet_bytes(version_, marks, subscription_ids) <= packet_bytes_max_;
    };
    if (marks.topic_alias != 0 && !marks.topic_is_known && !fits()) marks.topic_alias = 0;
    if (!fits()) {
        shard_.stats().dropped_too_large.add();
        return false;
    }
    shard_.mark_dirty(*link_);
    publish.append_to(link_->output, version_, marks, subscription_ids);
    if (marks.topic_alias != 0 && !marks.topic_is_known) aliases->remember(publish.view().topic);
    shard_.stats().messages_out.add();
    return true;
}

std::size_t Session::output_high_water() const { return shard_.settings().limits.max_output_bytes; }

// If there is none, the shard pumps this session once its output has been written.
bool Session::has_room() {
    const bool room = link_->output.size() <= output_high_water();
    if (!room) wants_room_ = true;
    return room;
}

void Session::pump() {
    wants_room_ = false;
    std::size_t left = limits::pumped_messages_max;
    while (link_ != nullptr && outbound_ && !outbound_->nothing_waits() && has_room()) {
        if (left-- == 0) {
            shard_.pump_later(*this);
            break;
        }
        if (!send_next()) break;
    }
    count_dropped();
    look_for_room();
    look_at_stored();
    if (link_ != nullptr && rare_ && !rare_->replays.empty()) replay_retained();
    tell_groups();
}

// The next message that waits; false if none can be sent now.
bool Session::send_next() {
    const TimePoint now = shard_.now();
    if (Outgoing* const next = outbound_->next(now)) {
        if (next->progressed) note_change(Keeper::Urgency::soon);
        note_packet_id(*next);
        if (next->awaits == Outgoing::Awaits::pubcomp)
            acknowledge(wire::PacketType::pubrel, next->packet_id, Reason::success, {},
                        keep_ ? Until::committed : Until::now);
        else if (waits_for_disk(*next))
            hold_publish(*next);
        else
            send(*next);
        return true;
    }
    const auto next = outbound_->next_of_qos0(now);
    if (!next) return false;
    std::span<const std::uint32_t> ids;
    OutgoingPublish publish(next->message, now);
    if (next->subscription_ids) ids = *next->subscription_ids;
    send(publish, marks_of(*next), ids);
    return true;
}

void Session::send(Outgoing& message) {
    std::span<const std::uint32_t> ids;
    OutgoingPublish publish(message.message, shard_.now());
    if (message.subscription_ids) ids = *message.subscription_ids;
    if (!send(publish, marks_of(message), ids)) acknowledged(message);
}

}  // namespace drawbridge::core
