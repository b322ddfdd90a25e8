// What a session tells the audit, and the log: each refusal, and how each connection ended.
#include "broker/base/log.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

// Where nobody has said why.
std::string_view reason_of(End end, Reason reason) {
    switch (end) {
        case End::client_disconnected:
            return "by the client";
        case End::client_asked_for_will:
            return "by the client, which asked for its will to be sent";
        case End::connection_lost:
            return "the connection was lost, or closed without DISCONNECT";
        case End::taken_over:
            return "taken over by another connection with its client id";
        case End::broker_closed:
            break;
    }
    if (reason == Reason::keep_alive_timeout)
        return "no packet for one and a half times its keep-alive";
    if (reason == Reason::administrative_action) return "by an administrator (client kick)";
    if (reason == Reason::server_shutting_down) return "the broker stops";
    if (reason == Reason::not_authorized)
        return "its device was disabled or removed, or what it connected with is not valid any "
               "more";
    return to_text(reason);
}

}  // namespace

std::string Session::address_now() const {
    return link_ != nullptr ? link_->address() : std::string();
}

void Session::note_end(End end, Reason reason, std::string_view why) {
    if (why.empty()) why = reason_of(end, reason);
    shard_.broker().audit().note({
        .kind = AuditEvent::Kind::disconnected,
        .identity = std::string(identity_->id()),
        .client_id = client_id_,
        .address = address_now(),
        .why = std::string(why),
        .routine = end == End::client_disconnected || reason == Reason::server_shutting_down,
    });
}

void Session::note_publish_refused(std::string_view topic, std::string_view why) {
    if (!shard_.recent_refusals().is_news(identity_->id(), RecentRefusals::Operation::publish,
                                          topic, shard_.now()))
        return;
    const std::string words =
        why.empty() ? identity_->decide_publish(topic).rule : std::string(why);
    if (why.empty() && shard_.may_log())
        log::info("client {} from {}: may not publish to {}: {}", client_id_, address_now(), topic,
                  words);
    shard_.broker().audit().note({.kind = AuditEvent::Kind::publish_refused,
                                  .identity = std::string(identity_->id()),
                                  .client_id = client_id_,
                                  .address = address_now(),
                                  .subject = std::string(topic),
                                  .why = words});
}

void Session::note_subscribe_refused(std::string_view filter, std::string_view why) {
    if (!shard_.recent_refusals().is_news(identity_->id(), RecentRefusals::Operation::subscribe,
                                          filter, shard_.now()))
        return;
    std::string words(why);
    if (why.empty()) {
        const auto parsed = wire::parse_filter(filter, shard_.settings().limits.max_topic_levels);
        words = identity_->decide_subscribe(parsed ? parsed->filter : filter).rule;
        if (shard_.may_log())
            log::info("client {} from {}: may not subscribe to {}: {}", client_id_, address_now(),
                      filter, words);
    }
    shard_.broker().audit().note({.kind = AuditEvent::Kind::subscribe_refused,
                                  .identity = std::string(identity_->id()),
                                  .client_id = client_id_,
                                  .address = address_now(),
                                  .subject = std::string(filter),
                                  .why = std::move(words)});
}

void Session::note_will_refused(std::string_view topic) {
    const std::string words = identity_->decide_publish(topic).rule;
    if (shard_.may_log())
        log::warn("client {}: its will on topic {} is not allowed and was dropped: {}", client_id_,
                  topic, words);
    shard_.broker().audit().note({.kind = AuditEvent::Kind::will_refused,
                                  .identity = std::string(identity_->id()),
                                  .client_id = client_id_,
                                  .subject = std::string(topic),
                                  .why = words});
}

}  // namespace drawbridge::core
