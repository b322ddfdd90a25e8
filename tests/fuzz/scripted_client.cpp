#include "tests/fuzz/scripted_client.hpp"

#include <algorithm>

#include "broker/base/limits.hpp"
#include "broker/wire/encode.hpp"

namespace drawbridge::test {

ScriptedClient::ScriptedClient(ShardPump& pump, Model& model, unsigned number, Version version)
    : pump_(pump),
      model_(model),
      number_(number),
      version_(version),
      id_("c" + std::to_string(number)),
      identity_(identity(id_, {.publish = {"#", "$x/#"}, .subscribe = {"#", "$x/#"}})) {}

bool ScriptedClient::is_stuck() {
    return !connection().link().network_takes &&
           connection().link().output.size() > pump_.broker().settings().limits.max_output_bytes;
}

// --- the connection ------------------------------------------------------------------------------

void ScriptedClient::send_connect(ConnectOptions options) {
    options.identity = identity_;
    connections_.push_back(std::make_unique<TestClient>(pump_, id_, version_));
    connection().acknowledges = false;
    connection().send_connect(options);
}

void ScriptedClient::begin(const ConnectOptions& options) {
    tell("client {} connects, {}: {}, expiry {}, window {}, size {}, will '{}'\n", number_,
         version_ == Version::v5 ? "5.0" : "3.1.1", options.clean_start ? "clean" : "resuming",
         options.session_expiry_s.value_or(0), options.receive_maximum.value_or(65'535),
         options.maximum_packet_size.value_or(0), options.will ? options.will->payload : "");
    owed_.clear();
    aliases_.clear();
    model_.connect(number_, version_, options);
    const unsigned number = model_.session(number_).connection;
    connection().on_packet = [this, number](const Packet& packet) { take(number, packet); };
}

void ScriptedClient::resume() {
    if (!is_connected()) return;
    if (!connection().connack().session_present) return pending_.clear();
    for (const Pending& pending : pending_) {
        if (pending.received)
            send_release(pending.packet_id);
        else
            write(pending, true, 0);
    }
}

void ScriptedClient::disconnect(Reason reason, std::optional<std::uint32_t> expiry_s) {
    tell("client {} disconnects: {}\n", number_, to_text(reason));
    model_.disconnect(number_, reason, expiry_s);
    connection().send_disconnect(reason, expiry_s);
}

void ScriptedClient::drop() {
    tell("client {} loses its connection\n", number_);
    model_.lose_connection(number_);
    connection().send_drop();
}

void ScriptedClient::block() {
    tell("client {} stops reading\n", number_);
    model_.block(number_);
    connection().link().network_takes = false;
}

void ScriptedClient::unblock() {
    tell("client {} reads again\n", number_);
    model_.unblock(number_);
    pump_.unblock(connection().link());
}

void ScriptedClient::ping() {
    model_.ping(number_);
    Buffer out;
    wire::encode_pingreq(out);
    connection().link().write(out.bytes());
}

// --- subscriptions -------------------------------------------------------------------------------

void ScriptedClient::subscribe(const std::vector<Model::Request>& requests, std::uint32_t id) {
    for (const auto& [filter, options] : requests)
        tell("client {} subscribes to {} at QoS {}{}{}, retain handling {}, id {}\n", number_,
             model_filters[filter], options.qos, options.no_local ? ", no local" : "",
             options.retain_as_published ? ", retain as published" : "",
             int(options.retain_handling), id);
    const std::uint16_t packet_id = next_packet_id();
    model_.subscribe(number_, packet_id, requests, id);
    std::vector<wire::SubscriptionRequest> entries;
    for (const Model::Request& request : requests)
        entries.push_back({model_filters[request.filter], request.options});
    wire::PropertyWriter properties;
    if (id != 0) properties.number(PropertyId::subscription_identifier, id);
    Buffer out;
    wire::encode_subscribe(packet_id, entries, properties.list(), version_, out);
    connection().link().write(out.bytes());
}

void ScriptedClient::unsubscribe(const std::vector<unsigned>& filters) {
    for (const unsigned filter : filters)
        tell("client {} unsubscribes from {}\n", number_, model_filters[filter]);
    const std::uint16_t packet_id = next_packet_id();
    model_.unsubscribe(number_, packet_id, filters);
    std::vector<std::string_view> entries;
    for (const unsigned filter : filters) entries.push_back(model_filters[filter]);
    Buffer out;
    wire::encode_unsubscribe(packet_id, entries, {}, version_, out);
    connection().link().write(out.bytes());
}

// --- publishing ----------------------------------------------------------------------------------

bool ScriptedClient::may_publish() const { return pending_.size() < receive_maximum_of_broker; }

void ScriptedClient::publish(ModelMessage message, std::uint32_t alias) {
    const std::uint16_t packet_id = message.qos > 0 ? next_packet_id() : std::uint16_t{0};
    const Pending pending{packet_id, std::move(message)};
    write(pending, false, alias);
    if (packet_id != 0) pending_.push_back(pending);
}

void ScriptedClient::publish_again() {
    for (const Pending& pending : pending_) {
        if (pending.message.qos != 2 || pending.received) continue;
        return write(pending, true, 0);
    }
    // One that the broker has: the client has not seen its PUBREC, so to speak.
    for (const Pending& pending : pending_)
        if (pending.message.qos == 2) return write(pending, true, 0);
}

void ScriptedClient::write(const Pending& pending, bool dup, std::uint32_t alias) {
    tell("client {} publishes '{:.6}' to {} at QoS {}, packet id {}{}{}, {} bytes, expires {}\n",
         number_, pending.message.payload, model_topics[pending.message.topic], pending.message.qos,
         pending.packet_id, pending.message.retain ? ", RETAIN" : "", dup ? ", DUP" : "",
         pending.message.payload.size(), int(pending.message.expiry_s.value_or(-1)));
    const ModelMessage& message = pending.message;
    PublishOptions options;
    options.qos = message.qos;
    options.retain = message.retain;
    options.dup = dup;
    options.packet_id = pending.packet_id;
    wire::PropertyWriter properties;
    std::string topic = model_topics[message.topic];
    if (version_ == Version::v5) {
        properties.raw(as_bytes(message.properties));
        if (message.expiry_s)
            properties.number(PropertyId::message_expiry_interval, *message.expiry_s);
        if (alias != 0) {
            properties.number(PropertyId::topic_alias, alias);
            const auto known = aliases_.find(alias);
            if (known != aliases_.end() && known->second == message.topic) topic.clear();
            aliases_[alias] = message.topic;
        }
    }
    options.properties = properties.list();
    model_.publish(number_, pending.packet_id, message);
    connection().send_publish(topic, message.payload, options);
}

bool ScriptedClient::release() {
    const auto owed = std::ranges::find(pending_, true, &Pending::received);
    if (owed == pending_.end()) return false;
    send_release(owed->packet_id);
    return true;
}

void ScriptedClient::send_release(std::uint16_t packet_id) {
    tell("client {} sends PUBREL {}\n", number_, packet_id);
    model_.release(number_, packet_id);
    connection().send_ack(PacketType::pubrel, packet_id);
}

// --- what it gets --------------------------------------------------------------------------------

void ScriptedClient::take(unsigned connection, const Packet& packet) {
    tell("    to client {}: type {}, packet id {}, {}, {} '{:.6}' QoS {}{}{}\n", number_,
         int(packet.type), packet.packet_id, to_text(packet.reason), packet.topic, packet.payload,
         packet.qos, packet.retain ? ", RETAIN" : "", packet.dup ? ", DUP" : "");
    const ModelSession& session = model_.session(number_);
    if (!session.connected || session.connection != connection) return;  // it has left it behind
    model_.take(number_, packet);
    const std::uint16_t id = packet.packet_id;
    const auto pending = std::ranges::find(pending_, id, &Pending::packet_id);
    switch (packet.type) {
        case PacketType::puback:
        case PacketType::pubcomp:
            if (pending != pending_.end()) pending_.erase(pending);
            break;
        case PacketType::pubrec:
            if (pending == pending_.end()) break;
            if (is_failure(packet.reason)) {
                pending_.erase(pending);
                break;
            }
            pending->received = true;
            if (releases) send_release(id);
            break;
        case PacketType::publish:
            if (packet.qos == 0) break;
            owed_.push_back({packet.qos == 1 ? PacketType::puback : PacketType::pubrec, id});
            break;
        case PacketType::pubrel:
            owed_.push_back({PacketType::pubcomp, id});
            break;
        default:
            break;
    }
    while (acknowledges && acknowledge(0, Reason::success)) {
    }
}

bool ScriptedClient::acknowledge(std::size_t which, Reason reason) {
    if (owed_.empty()) return false;
    const auto at = owed_.begin() + static_cast<std::ptrdiff_t>(which % owed_.size());
    const Owed owed = *at;
    owed_.erase(at);
    if (owed.type == PacketType::pubcomp || version_ != Version::v5) reason = Reason::success;
    tell("client {} sends type {}, packet id {}, {}\n", number_, int(owed.type), owed.packet_id,
         to_text(reason));
    model_.acknowledge(number_, owed.type, owed.packet_id, reason);
    connection().send_ack(owed.type, owed.packet_id, reason);
    return true;
}

std::uint16_t ScriptedClient::next_packet_id() {
    do {
        if (++last_packet_id_ == 0) ++last_packet_id_;
    } while (std::ranges::find(pending_, last_packet_id_, &Pending::packet_id) != pending_.end());
    return last_packet_id_;
}

}  // namespace drawbridge::test
