#include "tests/crash/retained_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"

namespace drawbridge::crash {

using wire::PacketType;
using wire::Version;

namespace {

constexpr Moment quiet_for = 60 * millisecond;  // nothing more is on its way
constexpr std::string_view mark = "mark";

}  // namespace

void RetainedReader::act(std::uint16_t port) {
    const Moment now = record_.now();
    if (!connection_.is_open()) {
        if (now < back_at_) return;
        back_at_ = now + 5 * millisecond;
        if (!connection_.open(port)) return;
        wire::ConnectView connect;
        connect.client_id = id_;
        if (!key.empty()) {
            connect.username = id_;
            connect.password = as_bytes(key);
        }
        wire::encode(connect, connection_.out());
        return;
    }
    if (all_asked_ && heard_mark_ && now > quiet_since_ + quiet_for) {
        record_.judge_retained(promised_, found_);
        ++readings_;
        return stop();
    }
    if (!connection_.flush()) stop();
}

void RetainedReader::exchange() {
    const bool alive = connection_.read();
    wire::Frame frame;
    while (connection_.is_open() && connection_.next(frame)) take(frame);
    if (connection_.is_open() && (!alive || !connection_.flush())) stop();
}

void RetainedReader::subscribe() {
    promised_ = record_.retained_now();
    const std::string own = "m/" + id_;
    const std::array<wire::SubscriptionRequest, 2> requests{
        {{own, {.qos = 1}}, {"r/#", {.qos = 1}}}};
    wire::encode_subscribe(1, requests, {}, Version::v3_1_1, connection_.out());
    wire::PublishView publish;
    publish.topic = own;
    publish.payload = as_bytes(mark);
    publish.qos = 1;
    publish.packet_id = 2;
    wire::encode(publish, Version::v3_1_1, connection_.out());
}

void RetainedReader::take(const wire::Frame& frame) {
    if (frame.type == PacketType::connack) {
        if (frame.body.size() == 2 && frame.body[1] == 0) return subscribe();
        return stop();
    }
    if (frame.type == PacketType::suback) {
        all_asked_ = true;
        quiet_since_ = record_.now();
    }
    if (frame.type != PacketType::publish) return;
    const auto publish = wire::decode_publish(frame.flags, frame.body, Version::v3_1_1);
    if (!publish) return record_.complain("malformed", id_ + " got a PUBLISH");
    if (publish->qos == 1)
        wire::encode_ack(PacketType::puback, {.packet_id = publish->packet_id, .properties = {}},
                         Version::v3_1_1, connection_.out());
    if (as_text(publish->payload) == mark) {
        heard_mark_ = true;
        quiet_since_ = record_.now();
    }
    if (publish->topic[0] != 'r') return;
    quiet_since_ = record_.now();
    // One that is on its way to subscribers at this moment may come as such, without RETAIN.
    if (publish->payload.empty()) return;
    record_.deliver({.client = number_,
                     .topic = publish->topic,
                     .payload = as_text(publish->payload),
                     .retain = true,
                     .expiry_s = {},
                     .ids = {}});
    std::uint32_t number = 0;
    const std::string_view text = as_text(publish->payload);
    std::from_chars(text.data(), text.data() + text.size(), number);
    std::uint32_t& newest = found_[std::string(publish->topic)];
    newest = std::max(newest, number);
}

void RetainedReader::stop() {
    connection_.close();
    all_asked_ = heard_mark_ = false;
    found_.clear();
    back_at_ = record_.now() + 30 * millisecond;
}

}  // namespace drawbridge::crash
