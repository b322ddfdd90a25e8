#include "tests/sim/random_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace drawbridge::test {
namespace {

struct Filter {
    const char* text;
    std::uint8_t qos;
};

// At most one of them matches a retained topic, so that each such message has one identifier.
constexpr std::array filters{Filter{"t/1", 2}, Filter{"t/+", 1}, Filter{"t/#", 2},
                             Filter{"t/2", 0}, Filter{"r/#", 2}, Filter{"$share/g/s/#", 2}};
constexpr std::size_t share_filter = 5;

}  // namespace

RandomClient::RandomClient(ShardPump& pump, Record& record, Chance& chance, unsigned number,
                           bool is_persistent, bool is_keeper)
    : pump_(pump),
      record_(record),
      chance_(chance),
      number_(number),
      persistent_(is_persistent),
      keeper_(is_keeper),
      client_(pump, fmt::format("client-{}", number)) {
    client_.acknowledges = false;
    client_.on_packet = [this](const Packet& packet) { take(packet); };
}

void RandomClient::act() {
    ++record_.now;
    if (!client_.is_connected()) return connect();
    if (one_in(60)) return lose_connection();
    if (!connected_) return;
    switch (chance_() % 12) {
        case 0:
        case 1:
            return subscribe();
        case 2:
            return unsubscribe();
        case 3:
        case 4:
        case 5:
            return publish();
        case 6:
            if (one_in(10)) leave();
            return;
        default:
            return pay_one();
    }
}

bool RandomClient::come_to_rest() {
    ++record_.now;
    for (FakeLink* link : old_links_)
        if (link != &client_.link()) pump_.drop(*link);
    if (!client_.is_connected()) {
        if (persistent_) connect();
        return persistent_;
    }
    if (!connected_ || owed_.empty()) return false;
    while (!owed_.empty()) pay_one();
    return true;
}

// --- connection ----------------------------------------------------------------------------------

void RandomClient::connect() {
    if (client_.was_closed() && connected_)
        record_.complain(fmt::format("client {}: the broker closed its connection", number_));
    connected_ = false;
    cleaning_ = !persistent_ || must_be_clean_ || (!keeper_ && one_in(8));
    if (cleaning_) forget_session();
    must_be_clean_ = cleaning_;
    receive_maximum_ = 1 + static_cast<std::uint32_t>(chance_() % 6);
    ConnectOptions options;
    options.clean_start = cleaning_;
    if (persistent_) options.session_expiry_s = 7'200;
    options.receive_maximum = receive_maximum_;
    client_.send_connect(options);
    old_links_.push_back(&client_.link());
}

// The network fails, or the client forgets its connection and makes a new one. What is under way
// may be lost.
void RandomClient::lose_connection() {
    FakeLink& link = client_.link();
    link.host_is_up = false;
    link.to_broker.resize(chance_() % (link.to_broker.size() + 1));
    if (link.home == nullptr)
        link.to_broker.clear();  // or an old CONNECT could come after a new one
    connected_ = false;
    if (!persistent_) forget_session();
    if (link.home == nullptr || one_in(2)) return client_.send_drop();
    connect();
}

void RandomClient::broker_died() {
    connected_ = false;
    if (!persistent_) forget_session();
}

void RandomClient::leave() {
    client_.send_disconnect(Reason::success);
    client_.send_drop();
    connected_ = false;
    if (!persistent_) forget_session();
}

void RandomClient::forget_session() {
    ++life_;
    for (SentSubscription& subscription : record_.subscriptions)
        if (subscription.client == number_)
            subscription.release_asked_at = std::min(subscription.release_asked_at, record_.now);
    pending_.clear();
    incoming_.clear();
    received_qos2_.clear();
    must_be_clean_ = true;
}

// --- publishing ----------------------------------------------------------------------------------

void RandomClient::publish() {
    if (pending_.size() >= receive_maximum_of_broker_) return;
    SentMessage message;
    message.publisher = number_;
    message.qos = static_cast<std::uint8_t>(chance_() % 3);
    switch (chance_() % 3) {
        case 0:
            message.topic = fmt::format("s/{}", chance_() % 2);
            break;
        case 1:
            message.topic = fmt::format("t/{}", 1 + chance_() % 3);
            break;
        default:
            message.topic = fmt::format("r/{}", number_);
            message.qos = one_in(2) ? 0 : 2;
    }
    message.sent_at = record_.now;
    record_.messages.push_back(message);
    send(static_cast<std::uint32_t>(record_.messages.size() - 1), 0, false);
}

void RandomClient::send(std::uint32_t number, std::uint16_t packet_id, bool again) {
    SentMessage& message = record_.messages[number];
    message.sent_again |= again;
    PublishOptions options;
    options.qos = message.qos;
    options.retain = message.topic[0] == 'r';
    options.dup = again;
    options.packet_id = packet_id;
    packet_id = client_.send_publish(message.topic, std::to_string(number), options);
    if (!again && message.qos > 0) pending_.push_back({number, packet_id});
}

void RandomClient::take_ack(const Packet& packet) {
    const auto found = std::ranges::find(pending_, packet.packet_id, &Pending::packet_id);
    if (found == pending_.end())
        return record_.complain(fmt::format("client {}: an acknowledgement of nothing", number_));
    auto& acknowledged_at = record_.messages[found->message].acknowledged_at;
    acknowledged_at = std::min(acknowledged_at, record_.now);
    if (is_failure(packet.reason))
        record_.complain(fmt::format("client {}: PUBLISH refused", number_));
    if (packet.type == PacketType::pubrec) {
        found->received = true;
        client_.send_ack(PacketType::pubrel, packet.packet_id);
    } else {
        pending_.erase(found);
    }
}

// --- subscribing ---------------------------------------------------------------------------------

void RandomClient::subscribe() {
    const Filter& filter =
        filters[keeper_ && one_in(2) ? share_filter : chance_() % filters.size()];
    if (&filter == &filters[share_filter] && !joins_groups_) return;
    SentSubscription subscription;
    subscription.client = number_;
    subscription.life = life_;
    subscription.filter = filter.text;
    subscription.qos = filter.qos;
    subscription.sent_at = record_.now;
    record_.subscriptions.push_back(subscription);
    const auto id = static_cast<std::uint32_t>(record_.subscriptions.size());
    subscribing_[client_.send_subscribe(filter.text, {.qos = filter.qos}, id)] = id - 1;
}

void RandomClient::unsubscribe() {
    const std::size_t which = chance_() % filters.size();
    if (keeper_ && which == share_filter) return;
    const char* const filter = filters[which].text;
    std::vector<std::uint32_t>& ending = unsubscribing_[client_.send_unsubscribe(filter)];
    for (std::uint32_t i = 0; i < record_.subscriptions.size(); ++i) {
        SentSubscription& subscription = record_.subscriptions[i];
        if (subscription.client != number_ || subscription.filter != filter) continue;
        subscription.release_asked_at = std::min(subscription.release_asked_at, record_.now);
        ending.push_back(i);
    }
}

// --- what the broker says ------------------------------------------------------------------------

void RandomClient::take(const Packet& packet) {
    ++record_.now;
    switch (packet.type) {
        case PacketType::connack:
            return take_connack(packet);
        case PacketType::publish:
            return take_publish(packet);
        case PacketType::puback:
        case PacketType::pubrec:
            return take_ack(packet);
        case PacketType::pubrel:
            return owed_.push_back({PacketType::pubcomp, packet.packet_id});
        case PacketType::pubcomp:
            std::erase_if(pending_,
                          [&](const Pending& p) { return p.packet_id == packet.packet_id; });
            return;
        case PacketType::suback: {
            SentSubscription& subscription =
                record_.subscriptions[subscribing_.at(packet.packet_id)];
            if (packet.codes.at(0) != subscription.qos)
                record_.complain(fmt::format("client {}: SUBACK {}", number_, packet.codes.at(0)));
            subscription.granted_at = record_.now;
            return;
        }
        case PacketType::unsuback:
            for (const std::uint32_t i : unsubscribing_.at(packet.packet_id)) {
                SentSubscription& subscription = record_.subscriptions[i];
                subscription.released_at = std::min(subscription.released_at, record_.now);
            }
            return;
        default:
            record_.complain(
                fmt::format("client {}: DISCONNECT {}", number_, to_text(packet.reason)));
    }
}

void RandomClient::take_connack(const Packet& packet) {
    if (packet.reason != Reason::success) return;  // the one before it is still being probed
    if (packet.session_present == cleaning_)
        record_.complain(fmt::format("client {}: session present {}, which is wrong", number_,
                                     packet.session_present));
    for (const FakeLink* link : old_links_)
        if (link != &client_.link() && link->home != nullptr && !link->ended())
            record_.complain(fmt::format("client {}: the connection before it goes on", number_));
    connected_ = true;
    receive_maximum_of_broker_ = packet.number(PropertyId::receive_maximum).value();
    must_be_clean_ = !persistent_;
    owed_.clear();
    open_.clear();
    subscribing_.clear();
    unsubscribing_.clear();
    for (const Pending& pending : pending_) {  // MQTT5-4.4.0-1
        if (pending.received)
            client_.send_ack(PacketType::pubrel, pending.packet_id);
        else
            send(pending.message, pending.packet_id, true);
    }
}

void RandomClient::take_publish(const Packet& packet) {
    SeenMessage got;
    got.client = number_;
    got.life = life_;
    got.message = static_cast<std::uint32_t>(std::stoul(packet.payload));
    got.qos = packet.qos;
    got.retain = packet.retain;
    got.subscription_ids = packet.subscription_ids();
    got.at = record_.now;
    const auto complain = [&](std::string_view what) {
        record_.complain(fmt::format("client {}: message {}, packet id {}: {}", number_,
                                     got.message, packet.packet_id, what));
    };
    if (record_.messages.at(got.message).topic != packet.topic) complain("another topic");
    if (packet.qos == 0) return record_.seen.push_back(got);

    const auto [used, is_new] = incoming_.emplace(packet.packet_id, got.message);
    if (!is_new && !packet.dup) complain("its packet id is in use");
    if (!is_new && used->second != got.message)
        complain("its packet id belongs to another message");
    if (!open_.insert(packet.packet_id).second) complain("sent again on the same connection");
    if (open_.size() > receive_maximum_) complain("exceeds the Receive Maximum");
    const bool known = packet.qos == 2 && !received_qos2_.insert(packet.packet_id).second;
    if (!known) record_.seen.push_back(got);
    owed_.push_back({packet.qos == 1 ? PacketType::puback : PacketType::pubrec, packet.packet_id});
}

void RandomClient::pay_one() {
    if (owed_.empty() || !is_connected()) return;
    const Owed owed = owed_.front();
    owed_.pop_front();
    client_.send_ack(owed.type, owed.packet_id);
    if (owed.type == PacketType::pubrec) return;
    incoming_.erase(owed.packet_id);
    received_qos2_.erase(owed.packet_id);
    open_.erase(owed.packet_id);
}

}  // namespace drawbridge::test
