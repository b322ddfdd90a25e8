// What the model thinks of what a client got.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "broker/base/limits.hpp"
#include "tests/fuzz/mqtt_model.hpp"

namespace drawbridge::test {
namespace {

// What a receiver gets as it came (section 3.3.2.3).
std::string forwarded_properties(const Packet& packet) {
    std::string text;
    for (const wire::Property& property : packet.properties())
        if (property.id != PropertyId::message_expiry_interval &&
            property.id != PropertyId::subscription_identifier &&
            property.id != PropertyId::topic_alias)
            text += as_text(property.raw);
    return text;
}

std::string name(const ModelMessage& message) {
    return fmt::format("'{:.6}' of client {} on {} at QoS {}", message.payload, message.publisher,
                       model_topics[message.topic], message.qos);
}

std::string name(const Packet& packet) {
    return fmt::format("PUBLISH '{:.6}' on {} at QoS {}, packet id {}{}{}, {} ids", packet.payload,
                       packet.topic, packet.qos, packet.packet_id, packet.retain ? ", RETAIN" : "",
                       packet.dup ? ", DUP" : "", packet.subscription_ids().size());
}

template <class... Args>
[[noreturn]] void broken(unsigned client, fmt::format_string<Args...> pattern, Args&&... args) {
    broken_promise(fmt::format("client {}: ", client) +
                   fmt::format(pattern, std::forward<Args>(args)...));
}

// Of the same publisher, topic and QoS, and due before it (MQTT-4.6.0-5, MQTT-4.6.0-6). One without
// a payload may be another one than it seems.
bool comes_before(const Due& a, const Due& b) {
    return !a.replayed && !b.replayed && !b.message->payload.empty() &&
           a.message->publisher == b.message->publisher &&
           a.message->is_will == b.message->is_will && a.message->topic == b.message->topic &&
           a.message->qos == b.message->qos && a.qos == b.qos;
}

}  // namespace

void broken_promise(const std::string& what) {
    fmt::print(stderr, "BROKEN PROMISE: {}\n", what);
    std::abort();
}

void Model::take(unsigned client, const Packet& packet) {
    ModelSession& session = sessions_[client];
    if (packet.bytes > session.packet_bytes_max)  // MQTT-3.1.2-24
        broken(client, "a packet of {} bytes", packet.bytes);
    switch (packet.type) {
        case PacketType::connack:
            return take_connack(client, packet);
        case PacketType::publish:
            return take_publish(client, packet);
        case PacketType::pubrel:
            return take_pubrel(client, packet);
        case PacketType::disconnect:
            broken(client, "DISCONNECT {}", to_text(packet.reason));
        default:
            return take_answer(client, packet);
    }
}

void Model::take_connack(unsigned client, const Packet& packet) {
    ModelSession& session = sessions_[client];
    if (packet.reason != Reason::success) broken(client, "refused, {}", to_text(packet.reason));
    if (session.answers.empty() || session.answers.front().type != PacketType::connack)
        broken(client, "CONNACK of nothing");
    if (packet.session_present != session.answers.front().session_present)
        broken(client, "session present {}", packet.session_present);  // MQTT-3.2.2-2, -3
    if (session.version == Version::v5) {
        const auto told = packet.number(PropertyId::session_expiry_interval);
        if (told.has_value() == session.answers.front().codes.empty() ||
            told.value_or(session.expiry_s) != session.expiry_s)
            broken(client, "CONNACK with another Session Expiry Interval");
        if (packet.number(PropertyId::receive_maximum).value_or(65'535) != limits_.max_inflight)
            broken(client, "CONNACK with another Receive Maximum");
    }
    session.answers.pop_front();
}

void Model::take_answer(unsigned client, const Packet& packet) {
    ModelSession& session = sessions_[client];
    if (session.answers.empty()) broken(client, "an answer of nothing");
    const ModelAnswer expected = session.answers.front();
    session.answers.pop_front();
    Reason reason = expected.reason;
    if (session.version != Version::v5) reason = Reason::success;
    if (packet.reason == Reason::no_matching_subscribers) reason = packet.reason;
    if (packet.type != expected.type || packet.packet_id != expected.packet_id ||
        packet.codes != expected.codes || packet.reason != reason)
        broken(client, "packet of type {} with id {}, {}; expected was type {}, id {}, {}",
               int(packet.type), packet.packet_id, to_text(packet.reason), int(expected.type),
               expected.packet_id, to_text(reason));
}

// --- PUBLISH -------------------------------------------------------------------------------------

void Model::take_publish(unsigned client, Packet packet) {
    ModelSession& session = sessions_[client];
    if (const auto alias = packet.number(PropertyId::topic_alias)) {
        if (*alias > session.alias_maximum) broken(client, "Topic Alias {}", *alias);
        std::string& known = session.aliases[*alias];
        if (!packet.topic.empty()) known = packet.topic;
        packet.topic = known;
    }
    if (packet.qos > 0 && take_again(client, packet)) return;
    // What must come is thought of before what may come.
    if (!take_own(client, packet, false) && !take_shared(client, packet, false) &&
        !take_own(client, packet, true) && !take_shared(client, packet, true))
        broken(client, "unexpected {}", name(packet));
    judge_receive_maximum(client);
}

// MQTT-4.4.0-1, MQTT-4.6.0-1: what was not acknowledged, again and in its order.
bool Model::take_again(unsigned client, const Packet& packet) {
    ModelSession& session = sessions_[client];
    const auto again = std::ranges::find_if(session.due, [&](const Due& due) {
        return due.stage != Due::Stage::waiting && due.packet_id == packet.packet_id;
    });
    if (again == session.due.end()) return false;
    if (again->stage != Due::Stage::sent || !packet.dup || packet.qos != again->qos ||
        !same_message(session, packet, *again->message))
        broken(client, "{}: its packet id is in use for {}", name(packet), name(*again->message));
    if (again->published_on == session.connection)
        broken(client, "{} again on the same connection", name(packet));
    for (const Due& due : session.due)
        if (due.stage != Due::Stage::waiting && due.sent_order < again->sent_order &&
            due.connection() != session.connection && !due.optional && !expired(*due.message))
            broken(client, "{} again before {}", name(packet), name(*due.message));
    again->published_on = session.connection;
    again->optional = false;
    if (again->shared) {
        again->shared->state = SharedDue::State::held;
        again->shared->holder = client;
    }
    judge_receive_maximum(client);
    return true;
}

bool Model::take_own(unsigned client, const Packet& packet, bool optional) {
    ModelSession& session = sessions_[client];
    const auto fits = [&](const Due& due) {
        if (due.stage != Due::Stage::waiting || due.overtaken || due.qos != packet.qos)
            return false;
        if ((due.optional || expired(*due.message)) != optional) return false;
        if ((due.retain_flags & (packet.retain ? 2 : 1)) == 0) return false;
        if (packet.dup && !due.maybe_sent) return false;
        if (expired(*due.message) && !due.maybe_sent && !session.was_blocked &&
            due.message->expiry_s != 0u)
            return false;
        if (session.version == Version::v5 && packet.subscription_ids() != due.ids) return false;
        return same_message(session, packet, *due.message);
    };
    const auto found = std::ranges::find_if(session.due, fits);
    if (found == session.due.end()) return false;
    // What does not come at all is another matter: at QoS 0 it may have been dropped.
    for (auto earlier = session.due.begin(); earlier != found; ++earlier)
        if (earlier->stage == Due::Stage::waiting && !earlier->optional &&
            !expired(*earlier->message) && comes_before(*earlier, *found))
            earlier->overtaken = true;
    for (Due& due : session.due) {
        if (&due == &*found || !fits(due) || due.message != found->message) continue;
        due.has_twin = true;
        due.filters |= found->filters;
    }
    if (packet.qos == 0) {
        session.due.erase(found);
        return true;
    }
    found->stage = Due::Stage::sent;
    found->packet_id = packet.packet_id;
    found->published_on = session.connection;
    found->sent_order = ++sent_order_;
    found->optional = false;
    return true;
}

// Exactly one member gets it; what was handed back goes to another one.
bool Model::take_shared(unsigned client, const Packet& packet, bool optional) {
    ModelSession& session = sessions_[client];
    const SharedDue::Taker* as = nullptr;
    const auto fits = [&](const std::shared_ptr<SharedDue>& shared) {
        using State = SharedDue::State;
        // What its holder had at QoS 1 is offered to others and sent again at the same time, so
        // there may be several copies, and those of others are at the QoS of theirs.
        const bool again = packet.qos == 1 && packet.dup && shared->maybe_sent;
        const bool is_offered = shared->has_twin || shared->is_offered || again;
        if ((shared->state == State::held || shared->state == State::done) && !is_offered)
            return false;
        const bool is_settled = shared->state == State::held || shared->state == State::done;
        if ((shared->optional || is_settled) != optional) return false;
        if (shared->state == State::handed_back && !shared->has_others) return false;
        if (packet.dup && !shared->maybe_sent) return false;
        if (expired(*shared->message) && !shared->maybe_sent && !session.was_blocked &&
            shared->message->expiry_s != 0u)
            return false;
        if (!same_message(session, packet, *shared->message)) return false;
        for (const SharedDue::Taker& taker : shared->takers) {
            if (taker.client != client || taker.life != session.life) continue;
            if (taker.qos != packet.qos || taker.retain != packet.retain) continue;
            std::vector<std::uint32_t> ids;
            if (taker.id != 0 && session.version == Version::v5) ids = {taker.id};
            if (packet.subscription_ids() != ids) continue;
            as = &taker;
            return true;
        }
        return false;
    };
    const auto found = std::ranges::find_if(shared_, fits);
    if (found == shared_.end()) return false;
    SharedDue& shared = **found;
    shared.is_offered |= packet.qos == 1 && packet.dup;
    shared.state = packet.qos == 0 ? SharedDue::State::done : SharedDue::State::held;
    shared.holder = client;
    if (packet.qos == 0) return true;
    Due due;
    due.message = shared.message;
    due.shared = *found;
    due.ids = packet.subscription_ids();
    due.qos = packet.qos;
    due.retain_flags = as->retain ? 2 : 1;
    due.filters = UINT32_MAX;
    due.stage = Due::Stage::sent;
    due.packet_id = packet.packet_id;
    due.published_on = session.connection;
    due.sent_order = ++sent_order_;
    session.due.push_back(std::move(due));
    return true;
}

void Model::take_pubrel(unsigned client, const Packet& packet) {
    ModelSession& session = sessions_[client];
    const auto found = std::ranges::find_if(session.due, [&](const Due& due) {
        return due.stage == Due::Stage::received && due.packet_id == packet.packet_id;
    });
    if (found == session.due.end()) broken(client, "PUBREL {} of nothing", packet.packet_id);
    if (found->released_on == session.connection)
        broken(client, "PUBREL {} again on the same connection", packet.packet_id);
    found->released_on = session.connection;
}

bool Model::same_message(const ModelSession& session, const Packet& packet,
                         const ModelMessage& message) const {
    if (packet.topic != model_topics[message.topic] || packet.payload != message.payload)
        return false;
    if (session.version != Version::v5) return true;
    if (forwarded_properties(packet) != message.properties) return false;
    const auto expiry_s = packet.number(PropertyId::message_expiry_interval);
    if (expiry_s.has_value() != message.expiry_s.has_value()) return false;
    if (!expiry_s) return true;
    // MQTT-3.3.2-6: less the time it has waited. One that is read late was right when it was sent.
    const auto left =
        std::max<long>(0, std::chrono::ceil<seconds>(message.expires_at - now).count());
    return session.was_blocked ? *expiry_s >= left && *expiry_s <= *message.expiry_s
                               : *expiry_s == left;
}

// MQTT-3.3.4-9.
void Model::judge_receive_maximum(unsigned client) const {
    const ModelSession& session = sessions_[client];
    const auto open = std::ranges::count_if(session.due, [&](const Due& due) {
        return due.stage != Due::Stage::waiting && due.published_on == session.connection;
    });
    if (open > session.receive_maximum) broken(client, "{} messages in flight", open);
}

// --- when nothing more happens -------------------------------------------------------------------

void Model::settled(const std::function<bool(unsigned client)>& is_full) {
    for (unsigned client = 0; client < sessions_.size(); ++client) {
        ModelSession& session = sessions_[client];
        if (!session.exists) continue;
        std::erase_if(session.due, [&](const Due& due) {
            return due.stage == Due::Stage::waiting && !due.maybe_sent && !session.blocked &&
                   expired(*due.message);
        });
        if (session.connected) {
            // Beyond max_output_bytes messages of QoS 0 wait, too, and give way in a full queue.
            const bool dropped = limits_.max_queued_messages < 1'000 &&
                                 (session.step_bytes > limits_.max_output_bytes / 2 ||
                                  (session.blocked && is_full(client)));
            for (Due& due : session.due)
                if (dropped && due.qos == 0 && due.step == step_) due.optional = true;
            for (const auto& shared : shared_)
                for (const SharedDue::Taker& taker : shared->takers)
                    if (dropped && taker.client == client && taker.qos == 0)
                        shared->optional = true;
            if (!session.blocked) judge_settled(client);
        }
        session.step_bytes = 0;
    }
    for (const auto& shared : shared_) {
        if (expired(*shared->message)) shared->optional = true;
        if (shared->group_is_gone && shared->state == SharedDue::State::handed_back)
            shared->optional = true;
    }
    std::erase_if(shared_, [](const auto& shared) {
        return (shared->state == SharedDue::State::done && !shared->is_offered &&
                !shared->has_twin) ||
               shared->takers.empty();
    });
    ++step_;
    unsettled_ = false;
}

void Model::judge_settled(unsigned client) {
    ModelSession& session = sessions_[client];
    if (!session.answers.empty())
        broken(client, "no answer of type {} for packet id {}", int(session.answers.front().type),
               session.answers.front().packet_id);
    const auto in_flight = std::ranges::count_if(session.due, [&](const Due& due) {
        return due.stage != Due::Stage::waiting && due.connection() == session.connection;
    });
    const bool room = in_flight < std::min<long>(session.receive_maximum, limits_.max_inflight);
    for (const Due& due : session.due) {
        if (due.optional || (!room && (due.qos > 0 || due.replayed))) continue;
        if (due.stage == Due::Stage::waiting && !expired(*due.message))
            broken(client, "did not get {}", name(*due.message));
        if (due.stage == Due::Stage::sent && due.published_on != session.connection &&
            !expired(*due.message))
            broken(client, "did not get {} again", name(*due.message));
        if (due.stage == Due::Stage::received && due.released_on != session.connection)
            broken(client, "did not get PUBREL {}", due.packet_id);
    }
    if (!room) return;
    // All that waited has come: what has not come was dropped.
    std::erase_if(session.due, [&](const Due& due) {
        return due.stage == Due::Stage::waiting || due.connection() != session.connection;
    });
}

void Model::judge_end() const {
    for (unsigned client = 0; client < sessions_.size(); ++client)
        for (const Due& due : sessions_[client].due)
            if (!due.optional && sessions_[client].connected)
                broken(client, "never acknowledged or got {}", name(*due.message));
    for (const auto& shared : shared_)
        if (shared->state != SharedDue::State::done && !shared->optional && !shared->has_twin)
            broken_promise(fmt::format("no member of {} got {}", model_filters[shared->filter],
                                       name(*shared->message)));
}

}  // namespace drawbridge::test
