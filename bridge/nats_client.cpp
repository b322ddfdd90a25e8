#include "bridge/nats_client.hpp"

#include <fmt/format.h>

#include "bridge/nats_encoder.hpp"
#include "bridge/nats_info.hpp"
#include "broker/base/log.hpp"
#include "broker/core/broker.hpp"

namespace drawbridge::bridge {
namespace {

constexpr std::string_view revoked = "User Authentication Revoked";

}  // namespace

NatsClient::NatsClient(core::Shard& shard, core::Link& link, PendingBytes& pending,
                       const NatsSettings& settings, std::uint64_t number,
                       core::IdentityPtr identity)
    : Guest(shard.draw_key()),
      shard_(shard),
      link_(link),
      pending_(pending),
      settings_(settings),
      number_(number),
      identity_(std::move(identity)),
      client_id_(identity_->id()),
      connected_at_(WallClock::now()),
      last_input_at_(shard.now()),
      progress_at_(shard.now()) {
    shard_.add_guest(*this);
    look_at_rules();
    arm();
}

NatsClient::~NatsClient() {
    if (!ended_) leave("");
}

void NatsClient::look_at_rules() {
    // Any name there will do: what comes after the prefix is drawn at random by the client
    // libraries.
    may_reply_anywhere_ = identity_->may_publish("_INBOX/any/1");
    throttle_.reset();
    const Limits& limits =
        identity_->limits() != nullptr ? *identity_->limits() : shard_.settings().limits;
    if (limits.messages_per_second > 0 || limits.bytes_per_second > 0)
        throttle_ = std::make_unique<core::Throttle>(*this, shard_.deadlines(), limits);
}

// --- the end -------------------------------------------------------------------------------------

void NatsClient::lost(std::string_view why) {
    if (!ended_) leave(why.empty() ? "by the client, or the connection was lost" : why);
}

void NatsClient::close(std::string_view text, std::string_view why) {
    if (ended_) return;
    if (shard_.may_log())
        log::info("NATS client {} from {}: closed, {}", client_id_, address(), why);
    // What has to be written yet is kept for a while, so it must not be much.
    if (link_.output.size() > shard_.settings().limits.max_output_bytes)
        link_.output.clear();
    else if (!text.empty())
        error(text);
    leave(why);
    link_.close(false);
}

void NatsClient::cut_off_as_slow() {
    if (ended_ || std::exchange(is_slow_, true)) return;
    link_.output.clear();
    pending_.set(*this, 0);
    wake_now();
}

// Without an -ERR, as nobody reads it.
void NatsClient::close_as_slow() {
    shard_.stats().slow_guests.add();
    link_.output.clear();
    close("", "a slow consumer: it does not read what it has subscribed to");
}

void NatsClient::end(Reason reason) {
    switch (reason) {
        case Reason::not_authorized:
            return close(revoked,
                         "its account was disabled or removed, or what it connected with is not "
                         "valid any more");
        case Reason::server_shutting_down:
            return close("", "the broker stops");
        default:
            return close("", to_text(reason));
    }
}

// In a turn: what other shards must know of it is mailed at its end.
void NatsClient::leave(std::string_view why) {
    ended_ = true;
    forget_subscriptions();
    shard_.deadlines().cancel(*this);
    throttle_.reset();
    if (held_.is_linked()) held_.unlink();
    due_.clear();
    taken_.clear();
    pending_.set(*this, 0);
    shard_.remove_guest(*this);
    shard_.broker().audit().note({.kind = core::AuditEvent::Kind::disconnected,
                                  .identity = std::string(identity_->id()),
                                  .client_id = client_id_,
                                  .address = address(),
                                  .why = std::string(why),
                                  .routine = true});
}

void NatsClient::warn_of_end() {
    if (options_.protocol < 1 || ended_) return;
    ServerInfo info = info_of(settings_);
    info.client_id = number_;
    info.ldm = true;
    append_info(link_.output.bytes(), info);
    shard_.mark_dirty(link_);
}

// --- rules ---------------------------------------------------------------------------------------

void NatsClient::change_identity(core::IdentityPtr identity) {
    const core::IdentityPtr before = std::exchange(identity_, std::move(identity));
    last_subject_.clear();
    if (identity_->has_rules_of(*before)) return;
    look_at_rules();
    for (auto& [sid, subscription] : subscriptions_) {
        if (subscription->is_done()) continue;
        if (!identity_->may_subscribe(subscription->filter)) {
            deny_subscription(*subscription);
            subscription->end();
            done_.push_back(sid);
        } else if (!subscription->queue.empty()) {
            tell_group(*subscription, core::ShareNews::Kind::new_rules);
        }
    }
    remove_done();
    shard_.routes().forget_all();
    read_on();
}

// --- time ----------------------------------------------------------------------------------------

void NatsClient::arm() {
    TimePoint at = (pings_out_ == 0 ? last_input_at_ : pinged_at_) + settings_.ping_interval;
    if (left_ > 0) at = std::min(at, progress_at_ + settings_.write_deadline);
    shard_.deadlines().set(*this, is_woken_ ? shard_.now() : at);
}

// expired() is called in this turn or the next one.
void NatsClient::wake_now() {
    is_woken_ = true;
    shard_.deadlines().set(*this, shard_.now());
}

void NatsClient::remove_soon(const NatsSubscription& subscription) {
    done_.push_back(subscription.sid());
    wake_now();
}

void NatsClient::written(std::size_t sent) {
    if (ended_) return;
    const std::size_t left = link_.output.size();
    const bool was_waiting = std::exchange(left_, left) > 0;
    if (sent > 0 || !was_waiting) progress_at_ = shard_.now();
    if (left > 0 && !was_waiting) arm();
    pending_.set(*this, left);
}

void NatsClient::expired(TimePoint now) {
    is_woken_ = false;
    if (!done_.empty()) remove_done();
    send_due();
    if (is_slow_ || (left_ > 0 && now >= progress_at_ + settings_.write_deadline))
        return close_as_slow();
    const TimePoint due = (pings_out_ == 0 ? last_input_at_ : pinged_at_) + settings_.ping_interval;
    if (link_.pause != core::Link::Pause::none) {
        last_input_at_ = now;  // it is not listened to
    } else if (now >= due && last_input_at_ + settings_.ping_interval <= now) {
        if (pings_out_ >= settings_.ping_max)
            return close("Stale Connection", "it does not answer PING");
        ++pings_out_;
        pinged_at_ = now;
        link_.output.bytes().append(as_bytes(ping_line));
        shard_.mark_dirty(link_);
    }
    arm();
}

}  // namespace drawbridge::bridge
