#include "tests/fuzz/mqtt_model.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"
#include "tests/support/naive_topic.hpp"

namespace drawbridge::test {
namespace {

std::string_view without_share(std::string_view text) {
    if (!text.starts_with("$share/")) return text;
    text.remove_prefix(7);
    return text.substr(text.find('/') + 1);
}

}  // namespace

bool model_matches(unsigned filter, unsigned topic) {
    static const auto table = [] {
        std::array<std::array<bool, model_topics.size()>, model_filters.size()> matches{};
        for (unsigned f = 0; f < model_filters.size(); ++f)
            for (unsigned t = 0; t < model_topics.size(); ++t)
                matches[f][t] = f != invalid_filter &&
                                naive_matches(without_share(model_filters[f]), model_topics[t]);
        return matches;
    }();
    return table[filter][topic];
}

// --- connections and sessions --------------------------------------------------------------------

void Model::connect(unsigned client, Version version, const ConnectOptions& options) {
    ModelSession& session = sessions_[client];
    if (session.connected) end_connection(client);  // MQTT-3.1.4-3
    if (options.clean_start && session.exists) end_session(client);
    const bool present = session.exists;
    if (!present) {
        const unsigned connection = session.connection;
        const unsigned life = session.life;
        session = {};
        session.connection = connection;
        session.life = life + 1;
        session.exists = true;
    }
    const bool v5 = version == Version::v5;
    session.version = version;
    session.connected = true;
    ++session.connection;
    session.blocked = session.was_blocked = false;
    session.aliases.clear();
    session.answers.clear();
    session.expiry_s = limits_.max_session_expiry;
    if (v5) session.expiry_s = std::min(options.session_expiry_s.value_or(0), session.expiry_s);
    if (!v5 && options.clean_start) session.expiry_s = 0;
    session.receive_maximum = v5 ? options.receive_maximum.value_or(65'535) : 65'535;
    session.packet_bytes_max = v5 ? options.maximum_packet_size.value_or(UINT32_MAX) : UINT32_MAX;
    session.alias_maximum = v5 ? options.topic_alias_maximum.value_or(0) : 0;
    session.will.reset();  // MQTT-3.1.3-9
    if (options.will) {
        ModelMessage& will = session.will.emplace();
        will.is_will = true;
        will.publisher = client;
        will.topic = static_cast<unsigned>(std::ranges::find(model_topics, options.will->topic) -
                                           model_topics.begin());
        will.payload = options.will->payload;
        will.qos = options.will->qos;
        will.retain = options.will->retain;
        if (v5) will.expiry_s = options.will->expiry_s;
        session.will_delay_s = v5 ? options.will->delay_s : 0;
    }
    ModelAnswer connack{PacketType::connack};
    connack.session_present = present;
    expect(client, connack);
    if (v5 && session.expiry_s != options.session_expiry_s.value_or(0))
        session.answers.back().codes = {1};  // it is told
    for (Due& due : session.due)
        if (bytes_of(session, *due.message, due.qos, due.ids.size()) > session.packet_bytes_max)
            due.optional = true;  // MQTT-3.1.2-24
    for (const auto& shared : shared_)
        for (const SharedDue::Taker& taker : shared->takers)
            if (taker.client == client &&
                bytes_of(session, *shared->message, taker.qos, 1) > session.packet_bytes_max)
                shared->optional = true;
}

void Model::disconnect(unsigned client, Reason reason, std::optional<std::uint32_t> expiry_s) {
    ModelSession& session = sessions_[client];
    if (expiry_s) session.expiry_s = std::min(*expiry_s, limits_.max_session_expiry);
    if (reason == Reason::success) session.will.reset();  // MQTT-3.14.4-3
    end_connection(client);
}

void Model::lose_connection(unsigned client) { end_connection(client); }

void Model::end_connection(unsigned client) {
    ModelSession& session = sessions_[client];
    ASSERT(session.connected);
    session.connected = false;
    session.answers.clear();
    const bool unread = session.blocked || unsettled_;
    std::erase_if(session.due, [](const Due& due) { return due.qos == 0 && !due.replayed; });
    for (Due& due : session.due) {
        if (due.qos == 0) due.optional = true;
        if (due.stage == Due::Stage::waiting && unread) due.maybe_sent = true;
        if (due.shared && due.stage == Due::Stage::sent && due.qos == 1) hand_back(client, due);
    }
    if (unread)
        for (const auto& shared : shared_)
            for (const SharedDue::Taker& taker : shared->takers)
                if (taker.client == client) {
                    shared->maybe_sent = true;
                    if (taker.qos == 0) shared->optional = true;
                }
    unsettled_ = true;
    session.ends_at = now + seconds(session.expiry_s);
    session.will_due = now + seconds(std::min(session.will_delay_s, session.expiry_s));
    if (session.expiry_s == 0) return end_session(client);
    if (session.will && session.will_due <= now) publish_will(client);
}

void Model::end_session(unsigned client) {
    ModelSession& session = sessions_[client];
    publish_will(client);
    while (!session.subscriptions.empty()) {
        const unsigned filter = session.subscriptions.begin()->first;
        session.subscriptions.erase(session.subscriptions.begin());
        if (is_shared(filter)) leave(client, filter, true);
    }
    for (const Due& due : session.due)  // MQTT-4.8.2-5
        if (due.shared && due.qos == 2) due.shared->state = SharedDue::State::done;
    for (const auto& shared : shared_)
        for (const SharedDue::Taker& taker : shared->takers)
            if (shared->maybe_sent && taker.client == client) shared->optional = true;
    session.due.clear();
    session.exists = false;
}

void Model::publish_will(unsigned client) {
    ModelSession& session = sessions_[client];
    if (!session.will) return;
    ModelMessage will = std::move(*session.will);
    session.will.reset();
    route(std::move(will));
}

void Model::expect(unsigned client, ModelAnswer answer) {
    sessions_[client].answers.push_back(std::move(answer));
    unsettled_ = true;
}

// --- packets of a client -------------------------------------------------------------------------

void Model::publish(unsigned client, std::uint16_t packet_id, ModelMessage message) {
    ModelSession& session = sessions_[client];
    unsettled_ = true;
    const std::uint8_t qos = message.qos;
    const bool known = qos == 2 && session.received_qos2.contains(packet_id);
    const bool refused = !known && message.retain && qos > 0 && session.version == Version::v5 &&
                         !has_room_to_retain(message);
    if (!known && !refused) route(std::move(message));  // MQTT-4.3.3-10
    if (qos == 2 && !refused) session.received_qos2.insert(packet_id);
    const Reason reason = refused ? Reason::quota_exceeded : Reason::success;
    if (qos == 1) expect(client, {PacketType::puback, packet_id, reason});
    if (qos == 2) expect(client, {PacketType::pubrec, packet_id, reason});
}

void Model::release(unsigned client, std::uint16_t packet_id) {
    const bool known = sessions_[client].received_qos2.erase(packet_id) > 0;
    expect(client, {PacketType::pubcomp, packet_id,
                    known ? Reason::success : Reason::packet_identifier_not_found});
}

void Model::acknowledge(unsigned client, PacketType type, std::uint16_t packet_id, Reason reason) {
    ModelSession& session = sessions_[client];
    unsettled_ = true;
    const auto found = std::ranges::find_if(session.due, [&](const Due& due) {
        return due.stage != Due::Stage::waiting && due.packet_id == packet_id;
    });
    ASSERT(found != session.due.end());
    if (type == PacketType::pubrec && !is_failure(reason)) {
        found->stage = Due::Stage::received;
        return;
    }
    if (found->shared) found->shared->state = SharedDue::State::done;
    session.due.erase(found);
}

void Model::ping(unsigned client) { expect(client, {PacketType::pingresp}); }

void Model::block(unsigned client) {
    sessions_[client].blocked = sessions_[client].was_blocked = true;
}

void Model::unblock(unsigned client) { sessions_[client].blocked = false; }

// --- time ----------------------------------------------------------------------------------------

TimePoint Model::next_event() const {
    TimePoint next = TimePoint::max();
    for (const ModelSession& session : sessions_) {
        if (!session.exists || session.connected) continue;
        next = std::min(next, session.ends_at);
        if (session.will) next = std::min(next, session.will_due);
    }
    return next;
}

void Model::run_due() {
    for (unsigned client = 0; client < sessions_.size(); ++client) {
        ModelSession& session = sessions_[client];
        if (!session.exists || session.connected) continue;
        if (session.will && session.will_due <= now) publish_will(client);
        if (session.ends_at <= now) end_session(client);
    }
}

// --- sums ----------------------------------------------------------------------------------------

std::size_t Model::sessions() const {
    return static_cast<std::size_t>(std::ranges::count(sessions_, true, &ModelSession::exists));
}

std::size_t Model::subscriptions() const {
    std::size_t sum = 0;
    for (const ModelSession& session : sessions_) sum += session.subscriptions.size();
    return sum;
}

std::size_t Model::retained() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        retained_, [&](const auto& message) { return message && !expired(*message); }));
}

}  // namespace drawbridge::test
