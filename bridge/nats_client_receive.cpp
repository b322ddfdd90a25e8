// What a NATS client's operations do.
#include <fmt/format.h>

#include <algorithm>

#include "bridge/message_headers.hpp"
#include "bridge/nats_client.hpp"
#include "bridge/nats_encoder.hpp"
#include "bridge/topic_subject.hpp"
#include "broker/base/log.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/topic_names.hpp"

namespace drawbridge::bridge {
namespace {

// Answers that wait: who is not told of what it has sent is not read further.
constexpr std::size_t answers_waiting_max = 16'384;

// Subjects that NATS keeps to itself: as the reply of a message they would reach its own machinery.
bool is_reserved_reply(std::string_view reply) {
    return reply.starts_with("$JS.ACK.") || reply.starts_with("_R_.") || reply.starts_with("_GR_.");
}

// The document of Connhex Edge writes a service's subject with a slash: "commands/pump". It means
// the same as "commands.pump" here.
std::string_view respelled(std::string_view subject, std::string& scratch) {
    constexpr std::string_view commands = "commands/";
    if (!subject.starts_with(commands) || subject.find('.') != std::string_view::npos)
        return subject;
    scratch = subject;
    std::ranges::replace(scratch, '/', '.');
    return scratch;
}

// The router's work grows with the tokens of a subject.
constexpr std::ptrdiff_t tokens_max = 256;

bool has_few_tokens(std::string_view subject) {
    return std::ranges::count(subject, '.') < tokens_max;
}

}  // namespace

std::size_t NatsClient::receive(Bytes bytes) {
    using Pause = core::Link::Pause;
    link_.pause = Pause::none;
    shard_.begin_share();
    std::size_t used = 0;
    while (!ended_ && used < bytes.size()) {
        if (link_.output.size() > settings_.max_pending_bytes) {  // of answers alone
            cut_off_as_slow();
            break;
        }
        if (throttle_ && throttle_->holds(shard_.now())) {
            link_.pause = Pause::until_told;
            throttle_->wait();
            break;
        }
        if (shard_.share_used()) {
            link_.pause = Pause::this_turn;
            break;
        }
        if (due_.size() >= answers_waiting_max) {  // send_due() comes back here
            link_.pause = Pause::until_told;
            break;
        }
        Operation operation;
        const OperationCut cut =
            cut_operation(bytes.subspan(used), settings_.max_payload, operation);
        if (cut == OperationCut::incomplete) break;
        if (cut != OperationCut::complete) {
            refuse(cut);
            break;
        }
        const bool publishes =
            operation.type == OperationType::pub || operation.type == OperationType::hpub;
        if (publishes && shard_.keeper().is_full()) {
            link_.pause = Pause::until_told;
            shard_.keeper().note_paused(*this);
            break;
        }
        if (throttle_) throttle_->charge(operation.size, publishes, shard_.now());
        if (!take_in(operation)) break;
        used += operation.size;
    }
    if (!ended_) {  // any input is a sign of life
        last_input_at_ = shard_.now();
        pings_out_ = 0;
        if (!done_.empty()) remove_done();
    }
    return used;
}

// It was silent because nobody listened.
void NatsClient::read_on() {
    last_input_at_ = shard_.now();
    if (!ended_) link_.read_on();
}

void NatsClient::refuse(OperationCut cut) {
    switch (cut) {
        case OperationCut::line_too_long:
            return close(error_text(cut), "a control line is longer than 4096 bytes");
        case OperationCut::payload_too_large:
            return close(error_text(cut), "a payload is larger than max_payload");
        default:
            return close(error_text(cut), "what it sends is not the NATS protocol");
    }
}

// Returns false if nothing more is to be read.
bool NatsClient::take_in(const Operation& operation) {
    shard_.worked(limits::work_of_a_packet);
    switch (operation.type) {
        case OperationType::pub:
            publish(operation);
            break;
        case OperationType::hpub:
            if (!options_.headers) {
                close("", "HPUB, and its CONNECT said that it has no headers");
                return false;
            }
            publish(operation);
            break;
        case OperationType::sub:
            subscribe(operation);
            break;
        case OperationType::unsub:
            unsubscribe(operation);
            break;
        case OperationType::ping:
            pong();
            break;
        case OperationType::connect:
            reconnect(operation.json);
            break;
        case OperationType::pong:
        case OperationType::ok:
        case OperationType::info:
        case OperationType::none:
            break;
    }
    return !ended_;
}

// The options, or other ones for the same account.
void NatsClient::reconnect(std::string_view json) {
    auto options = read_connect(json);
    if (!options) return close("", "the argument of CONNECT is not what it should be");
    if (const std::string_view text = error_text(*options); !text.empty())
        return close(text, "the options of CONNECT contradict each other");
    options_ = std::move(*options);
    ok();
}

void NatsClient::ok() {
    if (!options_.verbose) return;
    link_.output.bytes().append(as_bytes(ok_line));
    shard_.mark_dirty(link_);
}

void NatsClient::error(std::string_view text) {
    append_error(link_.output.bytes(), text);
    shard_.mark_dirty(link_);
}

// --- PUB, HPUB -----------------------------------------------------------------------------------

std::uint32_t NatsClient::draw_asks() {
    if (++last_asks_ == 0) ++last_asks_;
    return last_asks_;
}

// Most clients publish to one subject again and again.
bool NatsClient::look_up(std::string_view subject) {
    if (subject == last_subject_) return allowed_;
    std::string scratch;
    const Spelling spelling = topic_of_subject(respelled(subject, scratch), topic_);
    last_subject_ = subject;
    has_topic_ =
        spelling != Spelling::none && topic_.size() <= UINT16_MAX && has_few_tokens(subject);
    is_mqtt_topic_ = spelling == Spelling::exact;
    allowed_ = !has_topic_ || identity_->may_publish(topic_);
    return allowed_;
}

// The rules say no, but it was asked for a reply there.
bool NatsClient::may_reply_to(std::string_view subject) {
    const auto known = std::ranges::find(replies_, subject);
    if (known == replies_.end()) return false;
    replies_.erase(known);
    return true;
}

void NatsClient::publish(const Operation& operation) {
    shard_.stats().messages_in.add();
    if (!operation.reply.empty() && is_reserved_reply(operation.reply))
        return error(
            fmt::format("Permissions Violation for Publish with Reply of \"{}\"", operation.reply));
    if (!look_up(operation.subject) && !may_reply_to(operation.subject))
        return deny_publish(operation.subject);
    if (options_.pedantic && !is_literal_subject(operation.subject))
        error("Invalid Publish Subject");
    else
        ok();
    const bool asks = options_.no_responders && !operation.reply.empty();
    if (!has_topic_) {
        if (asks) request(operation.reply, 0, false);
        return;
    }
    core::MessageView message;
    message.topic = topic_;
    message.payload = operation.payload;
    message.qos = 1;
    message.bridged = true;
    message.tenant = identity_->tenant_id();
    wire::PropertyWriter properties;
    Buffer head;
    if (!operation.reply.empty() || !operation.header.empty()) {
        append_raw_head(operation.reply, operation.header, head);
        message.raw_head = head.bytes();
        const Wishes wishes = append_properties(operation.reply, operation.header, properties);
        message.properties = properties.list().bytes();
        message.retain = wishes.retain && is_mqtt_topic_ && !core::is_internal_name(topic_);
        if (wishes.expires_in) message.expires_at = shard_.now() + *wishes.expires_in;
    }
    const std::uint64_t opened_before = shard_.keeper().opened();
    const core::Sender sender{.client = client_key(),
                              .id = client_id_,
                              .echo = options_.echo,
                              .asks = asks ? draw_asks() : 0};
    const bool taken = shard_.publish(message, sender, false).taken;
    if (const core::Until until = shard_.until_safe(message, opened_before);
        until != core::Until::now) {
        unsafe_round_ = shard_.keeper().round();
        unsafe_until_ = unsafe_until_ | until;
    }
    unheard_turn_ = shard_.turn();
    if (asks) request(operation.reply, sender.asks, taken);
}

void NatsClient::deny_publish(std::string_view subject) {
    shard_.stats().publishes_denied.add();
    error(fmt::format("Permissions Violation for Publish to \"{}\"", subject));
    using Refused = core::RecentRefusals::Operation;
    if (!shard_.recent_refusals().is_news(identity_->id(), Refused::publish, topic_, shard_.now()))
        return;
    const std::string why = identity_->decide_publish(topic_).rule;
    if (shard_.may_log())
        log::info("NATS client {} from {}: may not publish to {}: {}", client_id_, address(),
                  subject, why);
    shard_.broker().audit().note({.kind = core::AuditEvent::Kind::publish_refused,
                                  .identity = std::string(identity_->id()),
                                  .client_id = client_id_,
                                  .address = address(),
                                  .subject = topic_,
                                  .why = why});
}

// --- SUB, UNSUB ----------------------------------------------------------------------------------

void NatsClient::subscribe(const Operation& operation) {
    shard_.worked(limits::work_of_a_filter);
    if (!done_.empty()) remove_done();  // its sid may be used again
    std::string scratch;
    const std::string_view subject = respelled(operation.subject, scratch);
    for (const Leaving& each : leaving_)  // its messages would be taken for those of this one
        if (each.subscription->sid() == operation.sid) each.subscription->end();
    auto subscription = std::make_unique<NatsSubscription>(*this, operation.sid);
    if (!filter_of_pattern(subject, subscription->filter) || !has_few_tokens(subject))
        return error("Invalid Subject");
    subscription->subject = operation.subject;
    subscription->queue = operation.queue;
    if (subscriptions_.contains(operation.sid)) return ok();
    if (!identity_->may_subscribe(subscription->filter)) return deny_subscription(*subscription);
    const Limits& limits =
        identity_->limits() != nullptr ? *identity_->limits() : shard_.settings().limits;
    if (subscriptions_.size() >= limits.max_subscriptions_per_client)
        return error("maximum subscriptions exceeded");
    ok();
    begin(*subscription);
    subscriptions_.emplace(std::string(operation.sid), std::move(subscription));
}

void NatsClient::unsubscribe(const Operation& operation) {
    shard_.worked(limits::work_of_a_filter);
    ok();
    const auto found = subscriptions_.find(operation.sid);
    if (found == subscriptions_.end()) return;
    found->second->set_max(operation.max);
    if (operation.max != 0 && !found->second->is_done()) return;
    if (!found->second->queue.empty() && shard_.broker().shards() > 1)
        leave_queue(std::move(found->second));
    else
        finish(*found->second);
    subscriptions_.erase(found);
}

void NatsClient::deny_subscription(const NatsSubscription& subscription) {
    std::string text =
        fmt::format("Permissions Violation for Subscription to \"{}\"", subscription.subject);
    if (!subscription.queue.empty()) text += fmt::format(" using queue \"{}\"", subscription.queue);
    error(text);
    using Refused = core::RecentRefusals::Operation;
    if (!shard_.recent_refusals().is_news(identity_->id(), Refused::subscribe, subscription.filter,
                                          shard_.now()))
        return;
    const std::string why = identity_->decide_subscribe(subscription.filter).rule;
    if (shard_.may_log())
        log::info("NATS client {} from {}: may not subscribe to {}: {}", client_id_, address(),
                  subscription.subject, why);
    shard_.broker().audit().note({.kind = core::AuditEvent::Kind::subscribe_refused,
                                  .identity = std::string(identity_->id()),
                                  .client_id = client_id_,
                                  .address = address(),
                                  .subject = subscription.filter,
                                  .why = why});
}

}  // namespace drawbridge::bridge
