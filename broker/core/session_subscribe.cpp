// SUBSCRIBE and UNSUBSCRIBE. MQTT 5.0, sections 3.8 to 3.11 and 4.8.
#include <algorithm>

#include "broker/base/log.hpp"
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

}  // namespace

Session::Outcome Session::receive_subscribe(const wire::SubscribeView& view) {
    const std::uint32_t id =
        view.properties.number(wire::PropertyId::subscription_identifier).value_or(0);
    std::vector<std::uint8_t> codes;
    wire::SubscribeEntries entries(view, version_);
    for (wire::SubscriptionRequest request; entries.next(request);) {
        const auto code = subscribe(request, id);
        if (code.has_error()) return code.error();
        codes.push_back(suback_code(version_, *code));
    }
    wire::SubackView suback;
    suback.packet_id = view.packet_id;
    suback.codes = codes;
    wire::encode_suback(suback, version_, output());
    pump();  // the retained messages
    return {};
}

Result<Reason> Session::subscribe(const wire::SubscriptionRequest& request, std::uint32_t id) {
    const Limits& limits = shard_.settings().limits;
    const auto parsed = wire::parse_filter(request.filter, limits.max_topic_levels);
    if (!parsed) return Reason::topic_filter_invalid;
    const bool shared = !parsed->share.empty();
    if (shared && request.options.no_local)
        return Violation{Reason::protocol_error, "MQTT-3.8.3-4"};
    if (!identity_->may_subscribe(parsed->filter)) {
        if (shard_.may_log())
            log::info("client {} from {}: may not subscribe to {}", client_id_, link_->address(),
                      request.filter);
        return Reason::not_authorized;
    }
    if (subscription_count() >= limits.max_subscriptions_per_client &&
        !has_subscription(parsed->share, parsed->filter))
        return Reason::quota_exceeded;

    const auto granted = static_cast<Reason>(request.options.qos);
    if (shared) {
        subscribe_shared(parsed->share, parsed->filter, request.options, id);
        return granted;  // and no retained messages (section 4.8.2)
    }
    const bool is_new =
        shard_.index_of_filters().subscribe(*this, parsed->filter, request.options, id);
    shard_.routes().filter_changed(parsed->filter);
    if (is_new) shard_.stats().subscriptions.add();
    const auto handling = request.options.retain_handling;
    if (handling == wire::RetainHandling::send ||
        (handling == wire::RetainHandling::send_if_new && is_new))
        begin_replay(parsed->filter, request.options.qos, id);
    return granted;
}

// One for each filter: subscribing again begins it anew, so there are never more than
// subscriptions.
void Session::begin_replay(std::string_view filter, std::uint8_t qos, std::uint32_t id) {
    auto& replays = rare().replays;
    std::erase_if(replays, [&](const Replay& replay) { return replay.filter == filter; });
    replays.push_back({std::string(filter), "", shard_.draw_horizon(), qos, id});
}

void Session::subscribe_shared(std::string_view share, std::string_view filter,
                               const wire::SubscriptionOptions& options, std::uint32_t id) {
    auto& shared = rare().shared;
    auto known = std::ranges::find_if(shared, [&](const SharedSubscription& subscription) {
        return subscription.share == share && subscription.filter == filter;
    });
    if (known == shared.end()) {
        shared.push_back({std::string(share), std::string(filter), {}, 0});
        known = shared.end() - 1;
        shard_.add_member(*this);
        shard_.stats().subscriptions.add();
    }
    known->options = options;
    known->id = id;
    tell_group(*known, ShareNews::Kind::joined);
    if (rare_->state != ShareMember::State::available) tell_group(*known, ShareNews::Kind::busy);
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

Session::Outcome Session::receive_unsubscribe(const wire::UnsubscribeView& view) {
    std::vector<std::uint8_t> codes;
    wire::UnsubscribeEntries entries(view);
    for (std::string_view filter; entries.next(filter);)
        codes.push_back(static_cast<std::uint8_t>(unsubscribe(filter)));
    wire::SubackView unsuback;
    unsuback.packet_id = view.packet_id;
    unsuback.codes = codes;
    wire::encode_unsuback(unsuback, version_, output());
    return {};
}

Reason Session::unsubscribe(std::string_view text) {
    const auto parsed = wire::parse_filter(text, shard_.settings().limits.max_topic_levels);
    if (!parsed) return Reason::topic_filter_invalid;
    if (!has_subscription(parsed->share, parsed->filter)) return Reason::no_subscription_existed;
    shard_.stats().subscriptions.subtract();
    if (parsed->share.empty()) {
        const std::string filter(parsed->filter);
        shard_.index_of_filters().unsubscribe(*this, filter);
        shard_.routes().filter_changed(filter);
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
    return Reason::success;
}

void Session::end_all_subscriptions() {
    shard_.stats().subscriptions.subtract(subscription_count());
    while (!subscriptions.empty()) {
        const std::string filter = subscriptions.back().entry->filter;
        shard_.index_of_filters().unsubscribe(*this, filter);
        shard_.routes().filter_changed(filter);
    }
    if (!rare_) return;
    for (const SharedSubscription& subscription : rare_->shared)
        tell_group(subscription, ShareNews::Kind::left);
    rare_->shared.clear();
    rare_->replays.clear();
}

void Session::end_denied_subscriptions() {
    std::vector<std::string> denied;
    for (const SubscriptionRef& ref : subscriptions)
        if (!identity_->may_subscribe(ref.entry->filter)) denied.push_back(ref.entry->filter);
    if (rare_)
        for (const SharedSubscription& subscription : rare_->shared)
            if (!identity_->may_subscribe(subscription.filter))
                denied.push_back("$share/" + subscription.share + "/" + subscription.filter);
    for (const std::string& filter : denied) {
        log::info("client {}: its subscription to {} is not allowed any more and has ended",
                  client_id_, filter);
        unsubscribe(filter);
    }
}

}  // namespace drawbridge::core
