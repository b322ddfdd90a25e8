// The model's subscriptions, and the way of a message to its receivers.
#include <algorithm>

#include "broker/base/limits.hpp"
#include "tests/fuzz/mqtt_model.hpp"

namespace drawbridge::test {
namespace {

constexpr std::uint32_t bit(unsigned filter) { return std::uint32_t{1} << filter; }

std::size_t varint_bytes(std::size_t value) {
    return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4;
}

}  // namespace

// --- subscriptions -------------------------------------------------------------------------------

void Model::subscribe(unsigned client, std::uint16_t packet_id,
                      const std::vector<Request>& requests, std::uint32_t id) {
    ModelAnswer suback{PacketType::suback, packet_id};
    for (const Request& request : requests) {
        Reason code = subscribe_to(client, request, id);
        if (is_failure(code) && sessions_[client].version != Version::v5)
            code = Reason::unspecified_error;  // 0x80
        suback.codes.push_back(static_cast<std::uint8_t>(code));
    }
    expect(client, suback);
}

Reason Model::subscribe_to(unsigned client, const Request& request, std::uint32_t id) {
    ModelSession& session = sessions_[client];
    const unsigned filter = request.filter;
    if (filter == invalid_filter) return Reason::topic_filter_invalid;
    const bool is_new = !session.subscriptions.contains(filter);
    if (is_new && session.subscriptions.size() >= limits_.max_subscriptions_per_client)
        return Reason::quota_exceeded;
    const ModelSession::Subscription& subscription =
        session.subscriptions[filter] = {request.options, id};
    using enum wire::RetainHandling;
    const auto handling = request.options.retain_handling;
    if (is_shared(filter))
        join(client, filter);
    else if (handling == send || (handling == send_if_new && is_new))
        replay(client, filter, subscription);
    return static_cast<Reason>(request.options.qos);
}

// MQTT-3.3.1-9. What an earlier replay has not brought yet need not come as well.
void Model::replay(unsigned client, unsigned filter,
                   const ModelSession::Subscription& subscription) {
    for (Due& due : sessions_[client].due)
        if (due.replayed && (due.filters & bit(filter)) != 0 && due.stage == Due::Stage::waiting)
            due.optional = true;
    for (const ModelMessagePtr& message : retained_) {
        if (!message || expired(*message) || !model_matches(filter, message->topic)) continue;
        if (subscription.options.no_local && message->publisher == client) continue;
        Due due;
        due.message = message;
        due.filters = bit(filter);
        due.qos = std::min(message->qos, subscription.options.qos);
        due.retain_flags = 2;
        due.replayed = true;
        if (subscription.id != 0) due.ids = {subscription.id};
        add(client, std::move(due));
    }
}

void Model::unsubscribe(unsigned client, std::uint16_t packet_id,
                        const std::vector<unsigned>& filters) {
    ModelSession& session = sessions_[client];
    ModelAnswer unsuback{PacketType::unsuback, packet_id};
    for (const unsigned filter : filters) {
        Reason code = Reason::success;
        if (filter == invalid_filter)
            code = Reason::topic_filter_invalid;
        else if (session.subscriptions.erase(filter) == 0)
            code = Reason::no_subscription_existed;
        else if (is_shared(filter))
            leave(client, filter, false);
        for (Due& due : session.due) {  // MQTT-3.10.4-3
            const bool concerned = (due.filters & bit(filter)) != 0;
            due.filters &= ~bit(filter);
            if (due.stage == Due::Stage::waiting && concerned && (due.filters == 0 || due.has_twin))
                due.optional = true;
        }
        if (session.version == Version::v5)
            unsuback.codes.push_back(static_cast<std::uint8_t>(code));
    }
    expect(client, unsuback);
}

// --- messages ------------------------------------------------------------------------------------

void Model::route(ModelMessage message) {
    if (message.expiry_s) message.expires_at = now + seconds(*message.expiry_s);
    const auto kept = std::make_shared<const ModelMessage>(std::move(message));
    if (kept->retain) retain(kept);
    for (unsigned client = 0; client < sessions_.size(); ++client)
        if (sessions_[client].exists) route_to(client, kept);
    for (unsigned filter = 0; filter < model_filters.size(); ++filter)
        if (is_shared(filter) && model_matches(filter, kept->topic)) route_to_group(filter, kept);
}

bool Model::has_room_to_retain(const ModelMessage& message) const {
    const ModelMessagePtr& kept = retained_[message.topic];
    return (kept && !expired(*kept)) || message.payload.empty() || message.expiry_s == 0u ||
           retained() < limits_.max_retained_messages;
}

void Model::retain(const ModelMessagePtr& message) {
    ModelMessagePtr& kept = retained_[message->topic];
    if (!has_room_to_retain(*message)) return;
    for (ModelSession& session : sessions_)
        for (Due& due : session.due)  // a newer one comes in its place, or nothing
            if (due.replayed && due.message == kept && due.stage == Due::Stage::waiting)
                due.optional = true;
    if (message->payload.empty() || expired(*message))
        kept.reset();
    else
        kept = message;
}

void Model::route_to(unsigned client, const ModelMessagePtr& message) {
    const ModelSession& session = sessions_[client];
    Due due;
    due.message = message;
    for (const auto& [filter, subscription] : session.subscriptions) {
        if (is_shared(filter) || !model_matches(filter, message->topic)) continue;
        if (subscription.options.no_local && message->publisher == client) continue;
        due.filters |= bit(filter);
        due.qos = std::max(due.qos, subscription.options.qos);
        const bool as_published = subscription.options.retain_as_published;
        due.retain_flags |= static_cast<std::uint8_t>(as_published && message->retain ? 2 : 1);
        if (subscription.id != 0) due.ids.push_back(subscription.id);
    }
    if (due.filters == 0) return;
    std::ranges::sort(due.ids);
    due.qos = std::min(due.qos, message->qos);
    add(client, std::move(due));
}

void Model::add(unsigned client, Due due) {
    ModelSession& session = sessions_[client];
    if (due.qos == 0 && !session.connected) return;
    const std::size_t bytes = bytes_of(session, *due.message, due.qos, due.ids.size());
    session.step_bytes += bytes;
    auto waiting = std::ranges::count(session.due, Due::Stage::waiting, &Due::stage);
    for (const auto& shared : shared_)  // some of it may wait for this client
        waiting += std::ranges::count(shared->takers, client, &SharedDue::Taker::client);
    if (session.connected && bytes > session.packet_bytes_max) due.optional = true;
    if (due.qos > 0 && static_cast<std::size_t>(waiting) >= limits_.max_queued_messages)
        due.optional = true;
    if (expired(*due.message)) due.optional = true;
    due.step = step_;
    session.due.push_back(std::move(due));
}

// The least it may take; with a Topic Alias of the broker's it is at most a few bytes more.
std::size_t Model::bytes_of(const ModelSession& session, const ModelMessage& message,
                            std::uint8_t qos, std::size_t ids) const {
    std::size_t bytes = 2 + std::string_view(model_topics[message.topic]).size() +
                        message.payload.size() + (qos > 0 ? 2 : 0);
    if (session.version == Version::v5) {
        const std::size_t properties = message.properties.size() + (message.expiry_s ? 5 : 0) +
                                       2 * ids + (session.alias_maximum > 0 ? 3 : 0);
        bytes += varint_bytes(properties) + properties;
    }
    return 1 + varint_bytes(bytes) + bytes;
}

// --- share groups --------------------------------------------------------------------------------

unsigned Model::members_of(unsigned filter) const {
    return static_cast<unsigned>(std::ranges::count_if(sessions_, [&](const ModelSession& session) {
        return session.subscriptions.contains(filter);
    }));
}

void Model::route_to_group(unsigned filter, const ModelMessagePtr& message) {
    auto shared = std::make_shared<SharedDue>();
    shared->message = message;
    shared->filter = filter;
    shared->has_twin = message->payload.empty();  // it may be another one than it seems
    // A group that begins in the same turn may get it.
    shared->optional = limits_.max_queued_messages < 1'000 || members_of(filter) == 0;
    shared_.push_back(std::move(shared));
    for (unsigned client = 0; client < sessions_.size(); ++client)
        if (sessions_[client].subscriptions.contains(filter)) join(client, filter);
}

// What this client may get from now on. A member that may drop the message makes it optional.
void Model::join(unsigned client, unsigned filter) {
    ModelSession& session = sessions_[client];
    const ModelSession::Subscription& subscription = session.subscriptions.at(filter);
    for (const auto& shared : shared_) {
        if (shared->filter != filter || shared->group_is_gone) continue;
        SharedDue::Taker taker;
        taker.client = client;
        taker.life = session.life;
        taker.qos = std::min(subscription.options.qos, shared->message->qos);
        taker.retain = subscription.options.retain_as_published && shared->message->retain;
        taker.id = subscription.id;
        find_twins(*shared, taker);
        shared->takers.push_back(taker);
        const std::size_t bytes = bytes_of(session, *shared->message, taker.qos, 1);
        session.step_bytes += bytes;
        if (bytes > session.packet_bytes_max) shared->optional = true;
        if (taker.qos == 0 && (shared->message->qos > 0 || !session.connected || session.blocked))
            shared->optional = true;
        if (shared->state != SharedDue::State::handed_back || shared->holder == client) continue;
        shared->has_others = shared->is_offered = true;
        for (Due& due : sessions_[shared->holder].due)
            if (due.shared == shared) due.optional = true;
    }
}

// What has no Subscription Identifier may be for this subscription or for that.
void Model::find_twins(SharedDue& shared, const SharedDue::Taker& taker) {
    const ModelSession& session = sessions_[taker.client];
    if (session.version == Version::v5 && taker.id != 0) return;
    for (const Due& due : session.due)
        if (due.message == shared.message && due.shared.get() != &shared) shared.has_twin = true;
    for (const auto& other : shared_) {
        if (other.get() == &shared || other->message != shared.message) continue;
        for (const SharedDue::Taker& their : other->takers)
            if (their.client == taker.client) other->has_twin = shared.has_twin = true;
    }
}

void Model::leave(unsigned client, unsigned filter, bool session_ends) {
    const bool is_empty = members_of(filter) == 0;
    for (const auto& shared : shared_) {
        if (shared->filter != filter) continue;
        if (is_empty) shared->group_is_gone = true;
        const bool concerned = std::ranges::any_of(
            shared->takers, [&](const auto& taker) { return taker.client == client; });
        // What it had been picked for may still come to a member that has left (MQTT-3.10.4-3).
        if (is_empty || (concerned && !session_ends)) shared->optional = true;
    }
}

// What was sent and not acknowledged: again to this client, or anew to another one.
void Model::hand_back(unsigned client, Due& due) {
    SharedDue& shared = *due.shared;
    shared.state = SharedDue::State::handed_back;
    shared.holder = client;
    shared.has_others = std::ranges::any_of(shared.takers, [&](const SharedDue::Taker& taker) {
        return taker.client != client &&
               sessions_[taker.client].subscriptions.contains(shared.filter);
    });
    // Of twins, nobody knows which of them was offered to the others.
    due.optional = shared.is_offered = shared.has_others || shared.has_twin;
}

}  // namespace drawbridge::test
