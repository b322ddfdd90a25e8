// The retained messages that a new subscription brings, sent in pieces. MQTT 5.0, section 3.3.1.3.
#include "broker/core/broker.hpp"
#include "broker/core/session.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {
namespace {

// Topics of the retained store looked at in one go: some tens of microseconds.
constexpr std::size_t replay_steps = 256;

}  // namespace

// One for each filter: subscribing again begins it anew, so there are never more than
// subscriptions.
void Session::begin_replay(std::string_view filter, bool is_new,
                           const wire::SubscriptionOptions& options, std::uint32_t id) {
    auto& replays = rare().replays;
    if (!is_new)
        std::erase_if(replays, [&](const Replay& replay) { return replay.filter == filter; });
    replays.push_back(
        {std::string(filter), {}, shard_.draw_horizon(), options.qos, options.no_local, id});
}

// One piece; the rest in later turns, or when the client has taken in what it got.
void Session::replay_retained() {
    auto& replays = rare_->replays;
    std::size_t steps = replay_steps;
    while (link_ != nullptr && !replays.empty()) {
        if (steps == 0) return shard_.pump_later(*this);
        --steps;
        Replay& replay = replays.back();
        bool stopped = false;
        const auto visit = [&](const MessagePtr& message, RetainedOrigin origin) {
            if (origin.turn > replay.horizon[origin.shard]) return true;
            if (replay.no_local && origin.publisher == hash_text(client_id_))
                return true;  // MQTT-3.8.3-3
            const MessageView view = message->view();
            if (!may_receive(view.topic, view.tenant)) return true;
            // pump() comes back here when there is room again, or an acknowledgement.
            stopped = !has_room() || (outbound_ && !outbound_->nothing_waits());
            if (stopped) return false;
            OutgoingPublish publish(message, shard_.now());
            Delivery delivery;
            delivery.qos = replay.qos;
            delivery.retain = true;
            if (replay.subscription_id != 0)
                delivery.subscription_ids = {&replay.subscription_id, 1};
            deliver(publish, delivery, GroupRef{});
            return true;
        };
        // Who reaches across tenants is asked message by message.
        const TenantId reader = identity_->has_rules_across_tenants() ? 0 : identity_->tenant_id();
        auto rest = shard_.retained().search(replay.filter, reader, replay.after, steps,
                                             shard_.now(), visit);
        note_subscription({}, replay.filter, Keeper::Urgency::soon);
        if (!rest) {
            replays.pop_back();
            continue;
        }
        replay.after = std::move(*rest);
        if (stopped) return;
    }
    if (rare_->is_empty()) rare_.reset();  // as nearly every client's is, which subscribes once
}

}  // namespace drawbridge::core
