#include "tests/support/test_client.hpp"

#include <algorithm>

#include "broker/base/assert.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/framer.hpp"

namespace drawbridge::test {
namespace {

// What a test cannot do without: a packet of the broker that is malformed ends the program.
template <class View>
const View& good(const Result<View>& view) {
    ASSERT(view.has_value());
    return *view;
}

Packet read_packet(const wire::Frame& frame, Version version) {
    Packet packet;
    packet.type = frame.type;
    packet.bytes = frame.size;
    const auto keep = [&](const wire::PropertyList& properties) {
        packet.property_bytes.assign(properties.bytes().begin(), properties.bytes().end());
    };
    switch (frame.type) {
        case PacketType::connack: {
            const auto view = wire::decode_connack(frame.flags, frame.body, version);
            packet.session_present = good(view).session_present;
            packet.reason = static_cast<Reason>(view->code);
            keep(view->properties);
            break;
        }
        case PacketType::publish: {
            const auto view = wire::decode_publish(frame.flags, frame.body, version);
            packet.packet_id = good(view).packet_id;
            packet.topic = view->topic;
            packet.payload = as_text(view->payload);
            packet.qos = view->qos;
            packet.retain = view->retain;
            packet.dup = view->dup;
            keep(view->properties);
            break;
        }
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp: {
            const auto view = wire::decode_ack(frame.type, frame.flags, frame.body, version);
            packet.packet_id = good(view).packet_id;
            packet.reason = view->reason;
            keep(view->properties);
            break;
        }
        case PacketType::suback:
        case PacketType::unsuback: {
            const auto view = frame.type == PacketType::suback
                                  ? wire::decode_suback(frame.flags, frame.body, version)
                                  : wire::decode_unsuback(frame.flags, frame.body, version);
            packet.packet_id = good(view).packet_id;
            packet.codes.assign(view->codes.begin(), view->codes.end());
            keep(view->properties);
            break;
        }
        case PacketType::disconnect: {
            const auto view = wire::decode_disconnect(frame.flags, frame.body, version);
            packet.reason = good(view).reason;
            keep(view->properties);
            break;
        }
        case PacketType::pingresp:
            break;
        default:
            ASSERT(!"a packet that only a client sends");
    }
    return packet;
}

// Keeps texts alive while a view of them is encoded.
struct WillProperties {
    explicit WillProperties(const TestWill& will) {
        if (will.delay_s > 0) writer.number(PropertyId::will_delay_interval, will.delay_s);
        if (will.expiry_s) writer.number(PropertyId::message_expiry_interval, *will.expiry_s);
        for (const wire::Property& property : will.properties) writer.raw(property.raw);
    }
    wire::PropertyWriter writer;
};

}  // namespace

std::vector<std::uint32_t> Packet::subscription_ids() const {
    std::vector<std::uint32_t> ids;
    for (const wire::Property& property : properties())
        if (property.id == PropertyId::subscription_identifier) ids.push_back(property.number);
    std::ranges::sort(ids);
    return ids;
}

TestClient::TestClient(ShardPump& pump, std::string client_id, Version v)
    : version(v), pump_(pump), client_id_(std::move(client_id)) {}

// --- and all settles ----------------------------------------------------------------------------

bool TestClient::connect(const ConnectOptions& options) {
    send_connect(options);
    pump_.settle();
    const Packet* const connack = last_of(PacketType::connack);
    return connack != nullptr && connack->reason == Reason::success;
}

std::optional<Reason> TestClient::subscribe(std::string_view filter,
                                            const wire::SubscriptionOptions& options,
                                            std::uint32_t id) {
    const std::uint16_t packet_id = send_subscribe(filter, options, id);
    pump_.settle();
    const Packet* const suback = answer_to(PacketType::suback, packet_id);
    if (suback == nullptr) return std::nullopt;
    return static_cast<Reason>(suback->codes.at(0));
}

std::optional<Reason> TestClient::unsubscribe(std::string_view filter) {
    const std::uint16_t packet_id = send_unsubscribe(filter);
    pump_.settle();
    const Packet* const unsuback = answer_to(PacketType::unsuback, packet_id);
    if (unsuback == nullptr) return std::nullopt;
    return version == Version::v5 ? static_cast<Reason>(unsuback->codes.at(0)) : Reason::success;
}

std::optional<Reason> TestClient::publish(std::string_view topic, std::string_view payload,
                                          const PublishOptions& options) {
    const std::uint16_t packet_id = send_publish(topic, payload, options);
    pump_.settle();
    if (options.qos == 0) return std::nullopt;
    const PacketType type = options.qos == 1 ? PacketType::puback : PacketType::pubrec;
    const Packet* const ack = answer_to(type, packet_id);
    if (ack == nullptr) return std::nullopt;
    return ack->reason;
}

void TestClient::acknowledge(PacketType type, std::uint16_t packet_id, Reason reason) {
    send_ack(type, packet_id, reason);
    pump_.settle();
}

void TestClient::disconnect(Reason reason, std::optional<std::uint32_t> expiry_s) {
    send_disconnect(reason, expiry_s);
    pump_.settle();
}

bool TestClient::ping() {
    const std::size_t before = count_of(PacketType::pingresp);
    Buffer out;
    wire::encode_pingreq(out);
    send_bytes(out.bytes());
    return count_of(PacketType::pingresp) == before + 1;
}

void TestClient::send_bytes(Bytes bytes) {
    link_->write(bytes);
    pump_.settle();
}

void TestClient::drop() {
    send_drop();
    pump_.settle();
}

// --- without waiting ----------------------------------------------------------------------------

void TestClient::send_connect(const ConnectOptions& options) {
    wire::PropertyWriter properties;
    std::optional<WillProperties> will_properties;
    wire::ConnectView connect;
    connect.version = version;
    connect.clean_start = options.clean_start;
    connect.keep_alive_s = options.keep_alive_s;
    connect.client_id = client_id_;
    if (version == Version::v5) {
        if (options.session_expiry_s)
            properties.number(PropertyId::session_expiry_interval, *options.session_expiry_s);
        if (options.receive_maximum)
            properties.number(PropertyId::receive_maximum, *options.receive_maximum);
        if (options.maximum_packet_size)
            properties.number(PropertyId::maximum_packet_size, *options.maximum_packet_size);
        if (options.topic_alias_maximum)
            properties.number(PropertyId::topic_alias_maximum, *options.topic_alias_maximum);
        for (const wire::Property& property : options.properties) properties.raw(property.raw);
    }
    if (options.will) {
        const TestWill& will = *options.will;
        wire::WillView& view = connect.will.emplace();
        view.topic = will.topic;
        view.payload = as_bytes(will.payload);
        view.qos = will.qos;
        view.retain = will.retain;
        will_properties.emplace(will);
        if (version == Version::v5) view.properties = will_properties->writer.list();
    }
    connect.properties = properties.list();

    packets.clear();
    unread_.clear();
    aliases_.clear();
    link_ = &pump_.open(*this, options.identity ? options.identity : identity(client_id_));
    Buffer out;
    wire::encode(connect, out);
    link_->write(out.bytes());
}

std::uint16_t TestClient::send_subscribe(std::string_view filter,
                                         const wire::SubscriptionOptions& options,
                                         std::uint32_t id) {
    const std::uint16_t packet_id = next_packet_id();
    wire::PropertyWriter properties;
    if (id != 0) properties.number(PropertyId::subscription_identifier, id);
    const wire::SubscriptionRequest request{filter, options};
    Buffer out;
    wire::encode_subscribe(packet_id, {&request, 1}, properties.list(), version, out);
    link_->write(out.bytes());
    return packet_id;
}

std::uint16_t TestClient::send_unsubscribe(std::string_view filter) {
    const std::uint16_t packet_id = next_packet_id();
    Buffer out;
    wire::encode_unsubscribe(packet_id, {&filter, 1}, {}, version, out);
    link_->write(out.bytes());
    return packet_id;
}

std::uint16_t TestClient::send_publish(std::string_view topic, std::string_view payload,
                                       const PublishOptions& options) {
    wire::PublishView publish;
    publish.topic = topic;
    publish.payload = as_bytes(payload);
    publish.qos = options.qos;
    publish.retain = options.retain;
    publish.dup = options.dup;
    publish.properties = options.properties;
    if (options.qos > 0)
        publish.packet_id = options.packet_id != 0 ? options.packet_id : next_packet_id();
    Buffer out;
    wire::encode(publish, version, out);
    link_->write(out.bytes());
    return publish.packet_id;
}

void TestClient::send_ack(PacketType type, std::uint16_t packet_id, Reason reason) {
    wire::AckView ack;
    ack.packet_id = packet_id;
    ack.reason = reason;
    Buffer out;
    wire::encode_ack(type, ack, version, out);
    link_->write(out.bytes());
}

void TestClient::send_disconnect(Reason reason, std::optional<std::uint32_t> expiry_s) {
    wire::PropertyWriter properties;
    if (expiry_s) properties.number(PropertyId::session_expiry_interval, *expiry_s);
    wire::DisconnectView disconnect;
    disconnect.reason = reason;
    disconnect.properties = properties.list();
    Buffer out;
    wire::encode(disconnect, version, out);
    link_->write(out.bytes());
}

void TestClient::send_drop() { pump_.drop(*link_); }

// --- what the broker has said --------------------------------------------------------------------

std::optional<Reason> TestClient::disconnect_reason() const {
    const Packet* const disconnect = last_of(PacketType::disconnect);
    if (disconnect == nullptr) return std::nullopt;
    return disconnect->reason;
}

const Packet& TestClient::connack() const {
    const Packet* const connack = last_of(PacketType::connack);
    ASSERT(connack != nullptr);
    return *connack;
}

std::vector<std::string> TestClient::payloads() const {
    std::vector<std::string> payloads;
    for (const Packet& message : messages) payloads.push_back(message.payload);
    return payloads;
}

const Packet* TestClient::last_of(PacketType type) const {
    const Packet* last = nullptr;
    for (const Packet& packet : packets)
        if (packet.type == type) last = &packet;
    return last;
}

std::size_t TestClient::count_of(PacketType type) const {
    return static_cast<std::size_t>(std::ranges::count(packets, type, &Packet::type));
}

const Packet* TestClient::answer_to(PacketType type, std::uint16_t packet_id) const {
    const Packet* answer = nullptr;
    for (const Packet& packet : packets)
        if (packet.type == type && packet.packet_id == packet_id) answer = &packet;
    return answer;
}

void TestClient::receive(FakeLink& link, Bytes bytes) {
    if (&link != link_) return;  // of a connection that it has left behind
    unread_ += as_text(bytes);
    wire::Frame frame;
    while (wire::cut_frame(as_bytes(unread_), SIZE_MAX, frame) == wire::Cut::complete) {
        take(frame);
        unread_.erase(0, frame.size);
    }
}

void TestClient::take(const wire::Frame& frame) {
    ASSERT(last_of(PacketType::disconnect) == nullptr);  // MQTT-3.14.4-1
    Packet packet = read_packet(frame, version);
    if (packet.type == PacketType::publish) resolve_alias(packet);
    ASSERT((packet.type == PacketType::connack) == packets.empty());  // MQTT-3.2.0-1, MQTT-3.2.0-2
    packets.push_back(packet);
    if (packet.type == PacketType::publish) messages.push_back(packet);
    if (acknowledges) answer(packet);
    on_packet(packet);
}

void TestClient::resolve_alias(Packet& packet) {
    const auto alias = packet.number(PropertyId::topic_alias);
    packet.topic_left_out = packet.topic.empty();
    if (!packet.topic_left_out) {
        if (alias) aliases_[*alias] = packet.topic;
        return;
    }
    ASSERT(alias && aliases_.contains(*alias));  // section 3.3.2.3.4
    packet.topic = aliases_[*alias];
}

void TestClient::answer(const Packet& packet) {
    const std::uint16_t id = packet.packet_id;
    if (packet.type == PacketType::publish && packet.qos == 1) send_ack(PacketType::puback, id);
    if (packet.type == PacketType::publish && packet.qos == 2) send_ack(PacketType::pubrec, id);
    if (packet.type == PacketType::pubrel) send_ack(PacketType::pubcomp, id);
    if (packet.type == PacketType::pubrec && !is_failure(packet.reason))
        send_ack(PacketType::pubrel, id);
}

std::uint16_t TestClient::next_packet_id() {
    if (++last_packet_id_ == 0) ++last_packet_id_;
    return last_packet_id_;
}

}  // namespace drawbridge::test
