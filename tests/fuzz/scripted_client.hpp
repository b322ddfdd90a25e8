// ScriptedClient: does what a script says on behalf of one client id, behaves otherwise as the
// standard demands, and tells the model of everything, before the broker.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "tests/fuzz/mqtt_model.hpp"

namespace drawbridge::test {

class ScriptedClient {
public:
    ScriptedClient(ShardPump& pump, Model& model, unsigned number, Version version);

    unsigned number() const { return number_; }
    Version version() const { return version_; }
    const std::string& id() const { return id_; }
    bool is_connected() const { return model_.session(number_).connected; }
    TestClient& connection() { return *connections_.back(); }
    // It does not read, and the broker does not read from it any more.
    bool is_stuck();

    // --- the connection
    void send_connect(ConnectOptions options);  // the model is told by begin()
    void begin(const ConnectOptions& options);
    // After CONNACK: what it has not completed, again (MQTT-4.4.0-1).
    void resume();
    void disconnect(Reason reason, std::optional<std::uint32_t> expiry_s);
    void drop();
    void block();
    void unblock();
    void ping();

    // --- subscriptions and messages
    void subscribe(const std::vector<Model::Request>& requests, std::uint32_t id);
    void unsubscribe(const std::vector<unsigned>& filters);
    void publish(ModelMessage message, std::uint32_t alias);
    // The oldest QoS 2 message that is not completed, again with DUP.
    void publish_again();
    // The PUBREL that is owed, oldest first; false if there is none.
    bool release();
    // An acknowledgement that is owed; false if there is none.
    bool acknowledge(std::size_t which, Reason reason);
    bool may_publish() const;  // its own messages in flight are fewer than the broker takes

    bool acknowledges = true;  // at once
    bool releases = true;      // at once
    std::uint16_t receive_maximum_of_broker = 256;

private:
    struct Pending {
        std::uint16_t packet_id = 0;
        ModelMessage message;
        bool received = false;  // PUBREC has come
    };
    struct Owed {
        PacketType type{};
        std::uint16_t packet_id = 0;
    };

    void take(unsigned connection, const Packet& packet);
    void write(const Pending& pending, bool dup, std::uint32_t alias);
    void send_release(std::uint16_t packet_id);
    std::uint16_t next_packet_id();

    ShardPump& pump_;
    Model& model_;
    const unsigned number_;
    const Version version_;
    const std::string id_;
    const core::IdentityPtr identity_;                      // may do everything, on "$x", too
    std::vector<std::unique_ptr<TestClient>> connections_;  // the last one is the present one
    std::deque<Pending> pending_;
    std::deque<Owed> owed_;                      // of this connection
    std::map<std::uint32_t, unsigned> aliases_;  // of this connection: topics
    std::uint16_t last_packet_id_ = 0;
};

}  // namespace drawbridge::test
