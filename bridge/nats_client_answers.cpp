// Answers of a NATS client that have to wait: PONG until all before it is so, and 503 until it is
// known that nobody has taken the request.
#include <algorithm>

#include "bridge/nats_client.hpp"
#include "bridge/nats_encoder.hpp"
#include "bridge/topic_subject.hpp"
#include "broker/core/broker.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::bridge {
namespace {

// Each may look through all subscriptions of the client.
constexpr std::size_t requests_answered_at_once = 64;

}  // namespace

void NatsClient::pong() {
    Due due;
    if (waits_for_others()) due.heard = shard_.tell_when_heard(*this);
    const core::Keeper& keeper = shard_.keeper();
    if (keeper.must_hold(unsafe_until_)) {
        due.round = unsafe_round_;
        due.until = unsafe_until_;
        unsafe_until_ = core::Until::now;
    }
    due_.push_back(std::move(due));
    send_due();
}

// What it has published may go to a member of a group, this client perhaps, by way of the shard
// where the group lives; and a queue that it leaves may live elsewhere.
bool NatsClient::waits_for_others() const {
    return unheard_turn_ > heard_ && shard_.broker().shards() > 1;
}

void NatsClient::request(std::string_view reply, std::uint32_t asks, bool taken) {
    if (taken) return;
    if (asks == 0 || shard_.broker().shards() == 1) return say_nobody(reply);
    Due due;
    due.reply = reply;
    due.heard = shard_.tell_when_heard(*this);
    due.asks = asks;
    due_.push_back(std::move(due));
}

void NatsClient::taken(std::uint32_t asks) { taken_.insert(asks); }

void NatsClient::heard(std::uint64_t turn) {
    heard_ = turn;
    leave_queues();
    send_due();
}

void NatsClient::send_due() {
    core::Keeper& keeper = shard_.keeper();
    std::size_t searches_left = requests_answered_at_once;
    while (!due_.empty()) {
        const Due& next = due_.front();
        if (next.heard > heard_) break;
        if (next.until != core::Until::now && !keeper.is_safe(next.round, next.until)) {
            keeper.note_held(held_, next.until);
            break;
        }
        if (!next.reply.empty()) {
            if (searches_left-- == 0) return wake_now();
            if (taken_.erase(next.asks) == 0) say_nobody(next.reply);
        } else {
            link_.output.bytes().append(as_bytes(pong_line));
            shard_.mark_dirty(link_);
        }
        due_.pop_front();
    }
    if (!due_.empty()) return;
    if (held_.is_linked()) held_.unlink();
    // Whoever else has had it paused will do so again.
    if (link_.pause == core::Link::Pause::until_told) link_.read_on();
}

// To the requester's own subscription to the reply subject, if it has one.
void NatsClient::say_nobody(std::string_view reply) {
    std::string topic;
    if (topic_of_subject(reply, topic) == Spelling::none) return;
    shard_.worked(subscriptions_.size());
    for (const auto& [sid, subscription] : subscriptions_) {
        if (subscription->is_done() || !subscription->queue.empty()) continue;
        if (!wire::matches(subscription->filter, topic)) continue;
        append_no_responders(link_.output.bytes(), reply, sid);
        subscription->count();
        if (subscription->is_done()) remove_soon(*subscription);
        return shard_.mark_dirty(link_);
    }
}

}  // namespace drawbridge::bridge
