#include <fmt/format.h>

#include <algorithm>

#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "tests/crash/client.hpp"

namespace drawbridge::crash {

using wire::PacketType;
using wire::PropertyId;
using wire::Version;

namespace {

constexpr std::size_t pending_max = 12;

}  // namespace

void Client::publish(Mode mode) {
    if (character_.publishes_as < 0) return;
    if (mode == Mode::load) {
        for (unsigned burst = one_in(10) ? 6 : 1; burst > 0; --burst)
            if (pending_.size() < pending_max) publish_something();
    }
    if (mode == Mode::probe && probes_left_ > 0 && pending_.size() < pending_max) {
        --probes_left_;
        const auto number =
            record_.add(fmt::format("t/{}/{}", character_.publishes_as, probes_left_), 1);
        record_.messages[number].probe = true;
        publish_message(number);
    }
}

// On a topic of its own; each kind is judged by itself.
void Client::publish_something() {
    const int who = character_.publishes_as;
    const auto qos = static_cast<std::uint8_t>(1 + chance_() % 2);
    const std::uint64_t kind = chance_() % 100;
    const std::uint64_t topic = chance_() % 4;
    if (kind < 12) return publish_message(record_.add(fmt::format("s/1/{}", who), 1));
    if (kind < 24) return publish_message(record_.add(fmt::format("s/2/{}", who), 2));
    if (kind < 36) {
        // One QoS for each: an unacknowledged QoS 1 message may rightly come again after a newer
        // one of QoS 2.
        const auto number = record_.add(fmt::format("r/{}/{}", who, topic),
                                        static_cast<std::uint8_t>(1 + topic % 2));
        record_.messages[number].removal = one_in(5);
        return publish_message(number);
    }
    if (kind < 44 && character_.version == Version::v5) {
        const auto number = record_.add(fmt::format("e/{}", who), qos);
        record_.messages[number].expiry_s = one_in(2) ? 1 : 3'600;
        return publish_message(number);
    }
    publish_message(record_.add(fmt::format("t/{}/{}", who, topic), qos));
}

void Client::publish_message(std::uint32_t number) {
    pending_.push_back({.message = number, .packet_id = new_packet_id()});
    send_publish(pending_.back(), false);
}

void Client::send_publish(const Pending& pending, bool again) {
    Message& message = record_.messages[pending.message];
    if (again) ++message.sent_again;
    const std::string payload = record_.payload(pending.message);
    wire::PropertyWriter properties;
    if (message.expiry_s > 0)
        properties.number(PropertyId::message_expiry_interval, message.expiry_s);
    wire::PublishView publish;
    publish.topic = message.topic;
    publish.payload = as_bytes(payload);
    publish.packet_id = pending.packet_id;
    publish.qos = message.qos;
    publish.retain = message.topic[0] == 'r';
    publish.dup = again;
    publish.properties = properties.list();
    wire::encode(publish, character_.version, connection_.out());
}

void Client::send_ack(PacketType type, std::uint16_t packet_id) {
    wire::encode_ack(type, {.packet_id = packet_id, .properties = {}}, character_.version,
                     connection_.out());
}

// Of what it has published, but PUBREL, which is of what it has received.
void Client::take_ack(const wire::Frame& frame) {
    const auto ack = wire::decode_ack(frame.type, frame.flags, frame.body, character_.version);
    if (!ack) return record_.complain("malformed", character_.id + " got an acknowledgement");
    if (frame.type == PacketType::pubrel) {
        received_.erase(ack->packet_id);
        owed_.push_back({PacketType::pubcomp, ack->packet_id, record_.now()});
        return;
    }

    const auto pending = std::find_if(pending_.begin(), pending_.end(), [&ack](const Pending& one) {
        return one.packet_id == ack->packet_id;
    });
    if (pending == pending_.end()) return;
    // A PUBCOMP that says "packet identifier not found" answers a PUBREL that had come before.
    if (is_failure(ack->reason) && frame.type != PacketType::pubcomp) {
        record_.complain(
            "refused", fmt::format("{}: {:#04x} for {}", character_.id,
                                   static_cast<int>(ack->reason), record_.name(pending->message)));
        pending_.erase(pending);
        return;
    }
    const bool is_first_answer = !pending->received;
    if (is_first_answer && frame.type != PacketType::pubcomp) record_.acknowledge(pending->message);
    if (frame.type == PacketType::pubrec) {
        pending->received = true;
        send_ack(PacketType::pubrel, pending->packet_id);
    } else {
        pending_.erase(pending);
    }
}

}  // namespace drawbridge::crash
