#include "tests/crash/client.hpp"

#include <fmt/format.h>

#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"

namespace drawbridge::crash {

using wire::PacketType;
using wire::PropertyId;
using wire::Version;

namespace {

constexpr Moment answer_within = 15 * second;
constexpr unsigned topics_each = 4;
constexpr unsigned packet_ids = 24;  // more than are in use at a time

}  // namespace

Client::Client(Record& record, Character character, unsigned number, std::uint64_t seed)
    : record_(record),
      character_(std::move(character)),
      number_(number),
      chance_(seed * 1'000 + number) {
    for (const Wish& wish : character_.wishes) {
        wanted_.emplace_back();
        wanted_.back().wish = wish;
    }
}

void Client::write_to(Trace& trace) {
    connection_.on_packet = [this, &trace](bool sent, const wire::Frame& frame) {
        trace.packet(record_.now(), character_.id, sent, frame, character_.version);
    };
}

void Client::act(Mode mode, std::uint16_t port) {
    const Moment now = record_.now();
    if (mode == Mode::probe && mode_ != Mode::probe && character_.publishes_as >= 0)
        probes_left_ = topics_each;
    mode_ = mode;
    if (!connection_.is_open()) {
        if (!sent_away_ && (now >= back_at_ || mode != Mode::load)) connect(port);
        return;
    }
    if (!connected_) {
        if (now > asked_at_ + answer_within) {
            record_.complain("unanswered", character_.id + " got no CONNACK");
            lose_connection();
        }
        return;
    }
    pay(mode);
    if (now < next_act_) return;
    next_act_ = now + millisecond / 2 + within(4 * millisecond);
    if (mode == Mode::load) leave();
    if (!connection_.is_open()) return;
    change_subscriptions(mode);
    publish(mode);
    if (!connection_.flush()) lose_connection();
}

void Client::exchange() {
    const bool alive = connection_.read();
    wire::Frame frame;
    while (connection_.is_open() && connection_.next(frame)) take(frame);
    if (connection_.is_open() && (!alive || !connection_.flush())) lose_connection();
}

void Client::send_away() {
    if (connection_.is_open()) lose_connection();
    sent_away_ = true;
}

bool Client::is_idle() const { return what_is_under_way().empty(); }

std::string Client::what_is_under_way() const {
    if (sent_away_) return "";
    if (!connected_) return "not connected";
    if (!pending_.empty())
        return fmt::format("{} messages not acknowledged, the first of them {}", pending_.size(),
                           record_.name(pending_.front().message));
    if (!owed_.empty()) return "acknowledgements to be sent";
    if (!received_.empty()) return fmt::format("{} PUBREL have not come", received_.size());
    for (const Wanted& wanted : wanted_)
        if (wanted.standing == Standing::asked || wanted.standing == Standing::releasing)
            return "no answer for " + wanted.wish.filter;
    if (probes_left_ > 0) return "probes to be sent";
    return "";
}

// Used again as soon as possible, so that one that the broker takes for busy is found.
std::uint16_t Client::new_packet_id() {
    while (true) {
        last_packet_id_ = static_cast<std::uint16_t>(last_packet_id_ % packet_ids + 1);
        bool in_use = false;
        for (const Pending& pending : pending_) in_use |= pending.packet_id == last_packet_id_;
        for (const Wanted& wanted : wanted_) in_use |= wanted.packet_id == last_packet_id_;
        if (!in_use) return last_packet_id_;
    }
}

void Client::connect(std::uint16_t port) {
    back_at_ = record_.now() + 3 * millisecond + within(5 * millisecond);
    if (!connection_.open(port)) return;

    wire::PropertyWriter properties;
    if (character_.version == Version::v5) {
        if (character_.persistent)
            properties.number(PropertyId::session_expiry_interval, character_.session_expiry_s);
        if (character_.slow) properties.number(PropertyId::receive_maximum, 20);
    }
    wire::ConnectView connect;
    connect.version = character_.version;
    connect.clean_start = !character_.persistent || renewing_;
    connect.client_id = character_.id;
    connect.properties = properties.list();
    if (!key.empty()) {
        connect.username = character_.id;
        connect.password = as_bytes(key);
    }

    std::string topic;
    std::string payload;
    wire::PropertyWriter will_properties;
    if (character_.will_delay_s > 0) {
        topic = "w/" + character_.id;
        next_will_ = record_.add(topic, 2);
        payload = record_.payload(next_will_);
        will_properties.number(PropertyId::will_delay_interval, character_.will_delay_s);
        connect.will = wire::WillView{.topic = topic,
                                      .payload = as_bytes(payload),
                                      .qos = 2,
                                      .retain = false,
                                      .properties = will_properties.list()};
    }
    wire::encode(connect, connection_.out());
    asked_at_ = record_.now();
    uncertain_ = true;
    if (renewing_ && promised_) {
        // From now on the broker may end the session, and all that is in it.
        promised_ = false;
        for (Wanted& wanted : wanted_)
            for (Subscription* one : {wanted.current, wanted.replaced}) {
                if (one == nullptr) continue;
                one->forgiven = true;
                one->release_asked = std::min(one->release_asked, asked_at_);
            }
    }
}

void Client::lose_connection() {
    connection_.close();
    if (connected_) lost_at_ = record_.now();
    connected_ = false;
    owed_.clear();
    back_at_ = record_.now() + within(5 * millisecond);
    if (!character_.persistent) begin_life();
}

// Goes away for a while, or ends its session.
void Client::leave() {
    if (character_.renews && one_in(150)) renewing_ = true;
    const bool leaves = renewing_ || (character_.wanders && one_in(40)) ||
                        (character_.will_delay_s > 0 && one_in(100)) ||
                        (!character_.persistent && one_in(60));
    if (!leaves) return;
    const bool politely = character_.will_delay_s == 0 && one_in(2);
    if (politely) {
        wire::encode(wire::DisconnectView{}, character_.version, connection_.out());
        connection_.flush();
    }
    lose_connection();
    back_at_ = record_.now() + within(character_.wanders ? 600 * millisecond : 50 * millisecond);
}

void Client::take(const wire::Frame& frame) {
    switch (frame.type) {
        case PacketType::connack:
            return take_connack(frame);
        case PacketType::publish:
            return take_publish(frame);
        case PacketType::suback:
        case PacketType::unsuback:
            return take_suback(frame);
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp:
            return take_ack(frame);
        case PacketType::disconnect: {
            const auto told = wire::decode_disconnect(frame.flags, frame.body, character_.version);
            if (told && told->reason != Reason::server_shutting_down)
                record_.complain("disconnected", fmt::format("{}: {:#04x}", character_.id,
                                                             static_cast<int>(told->reason)));
            return lose_connection();
        }
        default:
            return;
    }
}

void Client::take_connack(const wire::Frame& frame) {
    const auto connack = wire::decode_connack(frame.flags, frame.body, character_.version);
    if (!connack || connack->code != 0) {
        record_.complain("refused", fmt::format("{}: CONNACK {:#04x}", character_.id,
                                                connack ? int{connack->code} : -1));
        lose_connection();
        back_at_ = record_.now() + 100 * millisecond;
        return;
    }
    connected_ = true;
    uncertain_ = false;
    sulks_ = character_.slow && one_in(5);
    if (character_.will_delay_s > 0) {
        const bool in_time = record_.now() < lost_at_ + character_.will_delay_s * second;
        if (will_ && in_time) record_.forbid(*will_);
        will_ = next_will_;
    }
    if (character_.persistent) judge_session_present(connack->session_present);
    if (!connack->session_present) begin_life();
    promised_ = character_.persistent;
    renewing_ = false;
    resume();
}

void Client::judge_session_present(bool present) {
    const Moment now = record_.now();
    const Moment expiry = character_.session_expiry_s * second;
    const Moment since = std::max(lost_at_, broker_started_);
    if (present && renewing_)
        record_.complain("zombie sessions", character_.id + " asked for a new one");
    else if (present && promised_ && asked_at_ > since + expiry + 3 * second / 2)
        record_.complain("zombie sessions", character_.id + "'s should have expired");
    else if (!present && promised_ && now < lost_at_ + expiry)
        record_.complain("lost sessions", character_.id + "'s is gone");
    else if (!present && promised_)  // it has expired
        for (Wanted& wanted : wanted_)
            if (wanted.current != nullptr) wanted.current->forgiven = true;
}

// The broker has nothing of this client.
void Client::begin_life() {
    ++life_;
    received_.clear();
    const Moment now = record_.now();
    for (Wanted& wanted : wanted_) {
        for (Subscription* one : {wanted.current, wanted.replaced}) {
            if (one == nullptr) continue;
            one->release_asked = std::min(one->release_asked, now);
            one->released = now;
            if (!character_.persistent) one->forgiven = true;
        }
        wanted = {.wish = wanted.wish};
    }
    std::erase_if(pending_, [](const Pending& pending) { return pending.received; });
}

// Says again what has not been answered, in the same order. MQTT 5.0, section 4.4.
void Client::resume() {
    for (const Pending& pending : pending_) {
        if (pending.received)
            send_ack(PacketType::pubrel, pending.packet_id);
        else
            send_publish(pending, true);
    }
    for (Wanted& wanted : wanted_) {
        if (wanted.standing == Standing::asked) send_subscribe(wanted);
        if (wanted.standing == Standing::releasing) send_unsubscribe(wanted);
        wanted.again = true;
    }
}

// Sends the acknowledgements that are due, in the order of what they acknowledge.
void Client::pay(Mode mode) {
    const Moment now = record_.now();
    while (!owed_.empty() && (mode != Mode::load || (!sulks_ && owed_.front().due <= now))) {
        const Owed owed = owed_.front();
        owed_.pop_front();
        send_ack(owed.type, owed.packet_id);
    }
    if (!connection_.flush()) lose_connection();
}

void Client::claim_will() {
    if (will_ && !connected_ && !uncertain_) record_.messages[*will_].acknowledged = record_.now();
    will_.reset();
}

}  // namespace drawbridge::crash
