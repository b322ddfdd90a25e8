// TestClient: an MQTT client of 3.1.1 or 5.0 that keeps all that it is told, for tests of the
// broker's core.
//
// The functions in the first half wait for the answer, which means that all settles
// (ShardPump::settle). Those that begin with send_ only write.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/wire/packet.hpp"
#include "tests/support/shard_pump.hpp"
#include "tests/support/test_identity.hpp"

namespace drawbridge::test {

using wire::PacketType;
using wire::Version;
using PropertyId = wire::PropertyId;

// A packet from the broker. Fields that its type does not have keep their defaults.
struct Packet {
    PacketType type{};
    std::uint16_t packet_id = 0;
    Reason reason = Reason::success;  // of CONNACK: the code on the wire, whatever the version
    std::vector<std::uint8_t> codes;
    bool session_present = false;
    std::string topic;
    std::string payload;
    std::uint8_t qos = 0;
    bool retain = false;
    bool dup = false;
    bool topic_left_out = false;  // an alias stood for it
    std::size_t bytes = 0;        // of the whole packet
    std::vector<std::uint8_t> property_bytes;

    wire::PropertyList properties() const { return wire::PropertyList(property_bytes); }
    std::optional<std::uint32_t> number(PropertyId id) const { return properties().number(id); }
    std::vector<std::uint32_t> subscription_ids() const;
};

struct TestWill {
    std::string topic;
    std::string payload;
    std::uint8_t qos = 0;
    bool retain = false;
    std::uint32_t delay_s = 0;
    std::optional<std::uint32_t> expiry_s{};
    wire::PropertyList properties{};  // further ones
};

struct ConnectOptions {
    bool clean_start = true;
    std::uint16_t keep_alive_s = 0;
    std::optional<std::uint32_t> session_expiry_s{};
    std::optional<std::uint32_t> receive_maximum{};
    std::optional<std::uint32_t> maximum_packet_size{};
    std::optional<std::uint32_t> topic_alias_maximum{};
    std::optional<TestWill> will{};
    core::IdentityPtr identity{};     // null: may do everything, and is called as the client id
    wire::PropertyList properties{};  // further ones
};

// A session that outlives its connection, in either version.
inline const ConnectOptions persistent{.clean_start = false, .session_expiry_s = 3'600};

struct PublishOptions {
    std::uint8_t qos = 0;
    bool retain = false;
    bool dup = false;
    std::uint16_t packet_id = 0;  // 0: the next one
    wire::PropertyList properties{};
};

class TestClient final : public Peer {
public:
    TestClient(ShardPump& pump, std::string client_id, Version version = Version::v5);

    // --- and all settles
    // On a new connection; one that is still there is left to the broker. True if accepted.
    bool connect(const ConnectOptions& options = {});
    // The code of SUBACK; nothing if none came.
    std::optional<Reason> subscribe(std::string_view filter,
                                    const wire::SubscriptionOptions& options = {},
                                    std::uint32_t id = 0);
    // The code of UNSUBACK (3.1.1: success); nothing if none came.
    std::optional<Reason> unsubscribe(std::string_view filter);
    // The reason of PUBACK or PUBREC; nothing if none came, as at QoS 0.
    std::optional<Reason> publish(std::string_view topic, std::string_view payload,
                                  const PublishOptions& options = {});
    void acknowledge(PacketType type, std::uint16_t packet_id, Reason reason = Reason::success);
    void disconnect(Reason reason = Reason::success, std::optional<std::uint32_t> expiry_s = {});
    // True if PINGRESP came.
    bool ping();
    void send_bytes(Bytes bytes);
    // The connection is lost without DISCONNECT.
    void drop();

    // --- without waiting; each request returns its packet identifier
    void send_connect(const ConnectOptions& options);
    std::uint16_t send_subscribe(std::string_view filter, const wire::SubscriptionOptions& options,
                                 std::uint32_t id = 0);
    std::uint16_t send_unsubscribe(std::string_view filter);
    std::uint16_t send_publish(std::string_view topic, std::string_view payload,
                               const PublishOptions& options);
    void send_ack(PacketType type, std::uint16_t packet_id, Reason reason = Reason::success);
    void send_disconnect(Reason reason, std::optional<std::uint32_t> expiry_s = {});
    void send_drop();

    const std::string& client_id() const { return client_id_; }
    ShardPump& pump() { return pump_; }
    FakeLink& link() { return *link_; }
    bool is_connected() const { return link_ != nullptr && !link_->ended() && !link_->peer_gone; }
    bool was_closed() const { return link_ != nullptr && link_->closed; }
    // The reason of the broker's DISCONNECT on this connection, if it sent one.
    std::optional<Reason> disconnect_reason() const;
    const Packet& connack() const;
    // What PUBLISH packets have said on all connections since forget().
    std::vector<std::string> payloads() const;
    const Packet& last() const { return messages.back(); }
    // The last packet of that type on this connection; null if there is none.
    const Packet* last_of(PacketType type) const;
    std::size_t count_of(PacketType type) const;
    void forget() { messages.clear(); }

    void receive(FakeLink& link, Bytes bytes) override;

    bool acknowledges = true;  // by itself; false: the test does
    Version version;
    std::vector<Packet> messages;  // PUBLISH only, of all connections, since forget()
    std::vector<Packet> packets;   // of this connection
    std::function<void(const Packet&)> on_packet = [](const Packet&) {};

private:
    void take(const wire::Frame& frame);
    void resolve_alias(Packet& packet);
    void answer(const Packet& packet);
    std::uint16_t next_packet_id();
    const Packet* answer_to(PacketType type, std::uint16_t packet_id) const;

    ShardPump& pump_;
    const std::string client_id_;
    FakeLink* link_ = nullptr;  // the newest connection; null before the first
    std::string unread_;        // the beginning of a packet
    std::uint16_t last_packet_id_ = 0;
    std::map<std::uint32_t, std::string> aliases_;  // the broker's, of this connection
};

}  // namespace drawbridge::test
