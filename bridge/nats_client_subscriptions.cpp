// A NATS client as a receiver: its place in the index and in share groups, and what it is sent.
#include <algorithm>

#include "bridge/message_headers.hpp"
#include "bridge/nats_client.hpp"
#include "bridge/nats_encoder.hpp"
#include "bridge/topic_subject.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/topic_names.hpp"

namespace drawbridge::bridge {
namespace {

// Reply subjects that a client with narrow rights may publish to once.
constexpr std::size_t replies_max = 256;

bool has_staying(const std::vector<NatsSubscription*>& queue) {
    return std::ranges::any_of(queue, [](const auto* each) { return !each->is_leaving; });
}

// A share name ends at the first slash. One that MQTT can say is the same there.
std::string share_of(std::string_view queue) {
    std::string share;
    for (const char c : queue) {
        if (c == '/') share += core::name_escape;
        share += c == '/' ? '|' : c;
    }
    return share;
}

}  // namespace

void NatsClient::begin(NatsSubscription& subscription) {
    shard_.stats().subscriptions.add();
    if (subscription.queue.empty()) {
        wire::SubscriptionOptions options;
        options.qos = 2;
        options.no_local = !options_.echo;
        shard_.index_of_filters().subscribe(subscription, subscription.filter, options, 0);
        shard_.routes().filter_changed(subscription.filter);
        return;
    }
    subscription.group =
        core::ShareGroups::id_of(share_of(subscription.queue) + '/' + subscription.filter);
    auto& queue = queues_[subscription.group];
    const bool is_known = has_staying(queue);
    queue.push_back(&subscription);
    if (is_known) return;
    shard_.add_member(*this);
    shard_.broker().count_shared(1);
    tell_group(subscription, core::ShareNews::Kind::joined);
}

void NatsClient::finish(NatsSubscription& subscription) {
    if (!subscription.queue.empty()) {
        withdraw(subscription);
        return remove_from_queue(subscription);
    }
    shard_.stats().subscriptions.subtract();
    shard_.index_of_filters().unsubscribe(subscription, subscription.filter);
    shard_.routes().filter_changed(subscription.filter);
}

// The group may live on another shard, and what was published before comes from there: what others
// have published is on its way, what this client has published in this turn is not even sent. So
// the group hears of the end a round later, and in the round after that nothing is on its way any
// more. The PONG to a PING behind UNSUB waits for that.
void NatsClient::leave_queue(std::unique_ptr<NatsSubscription> subscription) {
    unheard_turn_ = shard_.tell_when_heard(*this);
    leaving_.push_back({unheard_turn_, std::move(subscription)});
}

void NatsClient::leave_queues() {
    while (!leaving_.empty() && leaving_.front().turn <= heard_) {
        Leaving leaving = std::move(leaving_.front());
        leaving_.pop_front();
        if (leaving.subscription->is_leaving) {
            remove_from_queue(*leaving.subscription);
            continue;
        }
        withdraw(*leaving.subscription);
        unheard_turn_ = leaving.turn = shard_.tell_when_heard(*this);
        for (Due& due : due_)
            if (due.heard != 0) due.heard = leaving.turn;
        leaving_.push_back(std::move(leaving));
    }
}

// What others see of its end.
void NatsClient::withdraw(NatsSubscription& subscription) {
    if (subscription.is_leaving) return;
    shard_.stats().subscriptions.subtract();
    subscription.is_leaving = true;
    if (has_staying(queues_.at(subscription.group))) return;
    shard_.broker().count_shared(-1);
    tell_group(subscription, core::ShareNews::Kind::left);
}

void NatsClient::remove_from_queue(NatsSubscription& subscription) {
    const auto queue = queues_.find(subscription.group);
    std::erase(queue->second, &subscription);
    if (!queue->second.empty()) return;
    queues_.erase(queue);
    if (queues_.empty()) shard_.remove_member(*this);
}

void NatsClient::tell_group(const NatsSubscription& subscription, core::ShareNews::Kind kind) {
    core::ShareNews news;
    news.kind = kind;
    news.shard = shard_.index();
    news.member = client_key();
    news.share = share_of(subscription.queue);
    news.filter = subscription.filter;
    news.qos = 2;
    news.is_guest = true;
    news.identity = identity_;
    shard_.post_share_news(std::move(news));
}

void NatsClient::remove_done() {
    for (const std::string& sid : std::exchange(done_, {})) {
        const auto found = subscriptions_.find(sid);
        if (found == subscriptions_.end() || !found->second->is_done()) continue;
        finish(*found->second);
        subscriptions_.erase(found);
    }
}

void NatsClient::forget_subscriptions() {
    for (auto& [sid, subscription] : subscriptions_) finish(*subscription);
    subscriptions_.clear();
    for (const Leaving& each : leaving_) finish(*each.subscription);
    leaving_.clear();
}

bool NatsClient::deliver_picked(const core::PublishBatch::Item& item, core::GroupRef group) {
    const auto found = queues_.find(group.id);
    if (ended_ || found == queues_.end()) return false;
    auto& queue = found->second;
    core::OutgoingPublish publish(item.message, shard_.now(), 1);
    for (std::size_t left = queue.size(); left > 0; --left) {
        NatsSubscription* const subscription = queue.front();
        std::ranges::rotate(queue, queue.begin() + 1);
        if (!subscription->may_receive(item.message.topic, item.message.tenant)) return false;
        if (subscription->deliver(publish, {})) return true;
    }
    return false;
}

// One copy of subject and header for all receivers of a message.
bool NatsClient::send(core::OutgoingPublish& publish, const NatsSubscription& subscription) {
    if (ended_ || is_slow_) return false;
    const core::MessageView& message = publish.view();
    Buffer& subject = publish.guest_subject();
    if (subject.empty()) {
        std::string text;
        if (!subject_of_topic(message.topic, text)) return false;
        subject.append(as_bytes(text));
    }
    NatsHead head = read_raw_head(message.raw_head);
    if (message.raw_head.empty() && !(message.bridged && message.properties.empty())) {
        Buffer& made = publish.guest_head();
        if (made.empty()) append_head_of(message, shard_.now(), made);
        head = read_raw_head(made.bytes());
    }
    NatsMessage packet;
    packet.subject = as_text(subject.bytes());
    packet.reply = head.reply;
    packet.payload = message.payload;
    if (options_.headers) packet.header = head.header;
    core::Output& out = link_.output;
    const std::size_t bytes = packet.payload.size() + packet.header.size();
    if (!out.empty() && out.size() + bytes > settings_.max_pending_bytes) {
        cut_off_as_slow();
        return false;
    }
    if (message.payload.size() < limits::shared_payload_bytes_min) {
        append_message(out.bytes(), packet, subscription.sid());
    } else {
        append_message_line(out.bytes(), packet, subscription.sid());
        out.bytes().append(packet.header);
        out.append_payload(publish.message());
        out.bytes().append(as_bytes("\r\n"));
    }
    shard_.mark_dirty(link_);
    shard_.stats().messages_out.add();
    if (!head.reply.empty()) note_reply(head.reply);
    pending_.set(*this, out.size());
    return !is_slow_;
}

// Who may not publish there by its rules may do so once, because it was asked to.
void NatsClient::note_reply(std::string_view reply) {
    if (may_reply_anywhere_ && reply.starts_with("_INBOX.")) return;
    if (replies_.size() >= replies_max) replies_.erase(replies_.begin());
    replies_.emplace_back(reply);
}

}  // namespace drawbridge::bridge
