// SUBSCRIBE and UNSUBSCRIBE. MQTT 5.0, sections 3.8 to 3.11 and 4.8.
#include <algorithm>

#include "broker/base/log.hpp"
#include "broker/core/answer.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::core {
namespace {

// 3.1.1 knows one failure (MQTT311-3.9.3-2).
std::uint8_t suback_code(wire::Version version, Reason reason) {
    if (version == wire::Version::v5 || !is_failure(reason))
        return static_cast<std::uint8_t>(reason);
    return 0x80;
}

// For the Reason String of SUBACK.
const char* why_refused(Reason reason) {
    switch (reason) {
        case Reason::not_authorized:
            return "no rule of this client allows the filter";
        case Reason::quota_exceeded:
            return "this client has max_subscriptions_per_client already";
        default:
            return "not a valid filter, or too many levels";
    }
}

// Some hundred microseconds.
constexpr std::size_t subscriptions_ended_at_once = 512;

}  // namespace

// Carried out entry by entry, for as long as this client's share of the turn lasts. What is left
// then is done in the next turn, when the same packet is given again.
Session::Outcome Session::receive_subscribe(const wire::Frame& frame) {
    Request request;
    if (rare_ && rare_->request) {
        request = std::move(*std::exchange(rare_->request, nullptr));
    } else {
        const auto view = wire::decode_subscribe(frame.flags, frame.body, version_);
        if (view.has_error()) return view.error();
        request.packet_id = view->packet_id;
        request.subscription_id =
            view->properties.number(wire::PropertyId::subscription_identifier).value_or(0);
        request.left = view->entries.size();
    }
    wire::SubscribeEntries entries(frame.body.last(request.left), version_);
    for (wire::SubscriptionRequest entry; entries.next(entry);) {
        const auto code = subscribe(entry, request.subscription_id);
        if (code.has_error()) return code.error();
        if (is_failure(*code)) {
            note_subscribe_refused(entry.filter,
                                   *code == Reason::not_authorized ? "" : why_refused(*code));
            if (request.why.empty()) request.why = why_refused(*code);
        }
        request.codes.push_back(suback_code(version_, *code));
        request.left = entries.left();
        if (request.left > 0 && shard_.share_used()) return put_off(std::move(request));
    }
    const bool fits = answer(keep_ ? Until::committed : Until::now, [&](Buffer& out) {
        return append_answer(out, if_wanted(request.why), packet_bytes_max_,
                             [&](const wire::PropertyList& properties) {
                                 wire::SubackView suback;
                                 suback.packet_id = request.packet_id;
                                 suback.codes = request.codes;
                                 suback.properties = properties;
                                 wire::encode_suback(suback, version_, out);
                             });
    });
    if (!fits) return Violation{Reason::packet_too_large, "MQTT-3.1.2-24"};
    pump();  // the retained messages
    return {};
}

Session::Outcome Session::put_off(Request request) {
    rare().request = std::make_unique<Request>(std::move(request));
    return {};
}

Result<Reason> Session::subscribe(const wire::SubscriptionRequest& request, std::uint32_t id) {
    const Limits& limits = shard_.settings().limits;
    shard_.worked(limits::work_of_a_filter);
    const auto parsed = wire::parse_filter(request.filter, limits.max_topic_levels);
    if (!parsed) return Reason::topic_filter_invalid;
    const bool shared = !parsed->share.empty();
    if (shared && request.options.no_local)
        return Violation{Reason::protocol_error, "MQTT-3.8.3-4"};
    if (!identity_->may_subscribe(parsed->filter)) return Reason::not_authorized;
    if (subscription_count() >= this->limits().max_subscriptions_per_client &&
        !has_subscription(parsed->share, parsed->filter))
        return Reason::quota_exceeded;

    const auto granted = static_cast<Reason>(request.options.qos);
    note_subscription(parsed->share, parsed->filter);
    if (shared) {
        subscribe_shared(parsed->share, parsed->filter, request.options, id);
        return granted;  // and no retained messages (section 4.8.2)
    }
    const bool is_new =
        shard_.index_of_filters().subscribe(*this, parsed->filter, request.options, id);
    shard_.routes().filter_changed(parsed->filter);
    if (is_new) {
        shard_.stats().subscriptions.add();
        add_full_filter(std::string(parsed->filter));
    }
    const auto handling = request.options.retain_handling;
    if (handling == wire::RetainHandling::send ||
        (handling == wire::RetainHandling::send_if_new && is_new))
        begin_replay(parsed->filter, is_new, request.options, id);
    return granted;
}

void Session::subscribe_shared(std::string_view share, std::string_view filter,
                               const wire::SubscriptionOptions& options, std::uint32_t id) {
    note_group(std::string(share) + '/' + std::string(filter));
    auto& shared = rare().shared;
    auto known = std::ranges::find_if(shared, [&](const SharedSubscription& subscription) {
        return subscription.share == share && subscription.filter == filter;
    });
    if (known == shared.end()) {
        if (shared.empty()) rare_->state = MemberState::available;  // no group knows another one
        shared.push_back({std::string(share), std::string(filter), {}, 0});
        known = shared.end() - 1;
        shard_.add_member(*this);
        shard_.broker().count_shared(1);
        shard_.stats().subscriptions.add();
    }
    known->options = options;
    known->id = id;
    tell_group(*known, ShareNews::Kind::joined);
    if (rare_->state != MemberState::available) tell_group(*known, ShareNews::Kind::busy);
}

bool Session::has_subscription(std::string_view share, std::string_view filter) const {
    if (share.empty()) return shard_.index_of_filters().has(*this, filter);
    return rare_ && std::ranges::any_of(rare_->shared, [&](const SharedSubscription& subscription) {
               return subscription.share == share && subscription.filter == filter;
           });
}

std::size_t Session::subscription_count() const {
    return subscriptions.size() + (rare_ ? rare_->shared.size() : 0);
}

Session::Outcome Session::receive_unsubscribe(const wire::Frame& frame) {
    Request request;
    if (rare_ && rare_->request) {
        request = std::move(*std::exchange(rare_->request, nullptr));
    } else {
        const auto view = wire::decode_unsubscribe(frame.flags, frame.body, version_);
        if (view.has_error()) return view.error();
        request.packet_id = view->packet_id;
        request.left = view->entries.size();
    }
    wire::UnsubscribeEntries entries(frame.body.last(request.left));
    for (std::string_view filter; entries.next(filter);) {
        request.codes.push_back(static_cast<std::uint8_t>(unsubscribe(filter)));
        request.left = entries.left();
        if (request.left > 0 && shard_.share_used()) return put_off(std::move(request));
    }
    const bool fits = answer(keep_ ? Until::committed : Until::now, [&](Buffer& out) {
        return append_answer(out, "", packet_bytes_max_, [&](const wire::PropertyList&) {
            wire::SubackView unsuback;
            unsuback.packet_id = request.packet_id;
            unsuback.codes = request.codes;
            wire::encode_unsuback(unsuback, version_, out);
        });
    });
    if (!fits) return Violation{Reason::packet_too_large, "MQTT-3.1.2-24"};
    return {};
}

Reason Session::unsubscribe(std::string_view text) {
    shard_.worked(limits::work_of_a_filter);
    const auto parsed = wire::parse_filter(text, shard_.settings().limits.max_topic_levels);
    if (!parsed) return Reason::topic_filter_invalid;
    if (!has_subscription(parsed->share, parsed->filter)) return Reason::no_subscription_existed;
    shard_.stats().subscriptions.subtract();
    note_subscription(parsed->share, parsed->filter);
    if (parsed->share.empty()) {
        const std::string filter(parsed->filter);
        shard_.index_of_filters().unsubscribe(*this, filter);
        shard_.routes().filter_changed(filter);
        forget_full_filter(filter);
        if (rare_)
            std::erase_if(rare_->replays,
                          [&](const Replay& replay) { return replay.filter == filter; });
        return Reason::success;
    }
    const auto gone =
        std::ranges::find_if(rare_->shared, [&](const SharedSubscription& subscription) {
            return subscription.share == parsed->share && subscription.filter == parsed->filter;
        });
    tell_group(*gone, ShareNews::Kind::left);
    rare_->shared.erase(gone);
    shard_.broker().count_shared(-1);
    return Reason::success;
}

bool Session::end_some_subscriptions() {
    for (std::size_t left = subscriptions_ended_at_once; left > 0 && !subscriptions.empty();
         --left) {
        const std::string filter = subscriptions.back().entry->filter;
        shard_.index_of_filters().unsubscribe(*this, filter);
        shard_.routes().filter_changed(filter);
        shard_.stats().subscriptions.subtract();
    }
    return subscriptions.empty();
}

void Session::end_shared_subscriptions() {
    if (!rare_) return;
    for (const SharedSubscription& subscription : rare_->shared)
        tell_group(subscription, ShareNews::Kind::left);
    shard_.stats().subscriptions.subtract(rare_->shared.size());
    shard_.broker().count_shared(-static_cast<long>(rare_->shared.size()));
    rare_->shared.clear();
    rare_->replays.clear();
}

}  // namespace drawbridge::core
