// RandomClient: a client of 5.0 with a life of its own: connects, subscribes, publishes,
// acknowledges slowly, loses its connection, comes back. It behaves as the standard demands, and
// writes down what it does and sees.
#pragma once

#include <deque>
#include <random>

#include "tests/sim/record.hpp"
#include "tests/support/test_client.hpp"

namespace drawbridge::test {

class RandomClient {
public:
    using Chance = std::mt19937_64;

    // persistent: its session outlives its connections. keeper: it stays in the share group for
    // ever.
    RandomClient(ShardPump& pump, Record& record, Chance& chance, unsigned number,
                 bool is_persistent, bool is_keeper);

    // Does one thing, or nothing.
    void act();
    // The broker's process has died, and another one has begun.
    void broker_died();
    // That will happen: what a member of a share group without a session to keep has not
    // acknowledged is lost then, so this client will be none.
    void expect_deaths() { joins_groups_ = persistent_; }
    // Begins and loses nothing more, comes back and answers all. False if there was nothing to do.
    bool come_to_rest();

private:
    // Something published and not completed.
    struct Pending {
        std::uint32_t message = 0;
        std::uint16_t packet_id = 0;
        bool received = false;  // PUBREC has come, PUBREL has gone
    };
    struct Owed {
        PacketType type{};
        std::uint16_t packet_id = 0;
    };

    bool one_in(std::uint64_t n) { return chance_() % n == 0; }
    bool is_connected() const { return connected_ && client_.is_connected(); }
    void connect();
    void lose_connection();
    void leave();
    void publish();
    void subscribe();
    void unsubscribe();
    void pay_one();
    void send(std::uint32_t message, std::uint16_t packet_id, bool again);
    void forget_session();

    void take(const Packet& packet);
    void take_connack(const Packet& packet);
    void take_publish(const Packet& packet);
    void take_ack(const Packet& packet);

    ShardPump& pump_;
    Record& record_;
    Chance& chance_;
    const unsigned number_;
    const bool persistent_;
    const bool keeper_;
    bool joins_groups_ = true;
    TestClient client_;
    std::vector<FakeLink*> old_links_;

    bool connected_ = false;             // CONNACK has come
    bool must_be_clean_ = true;          // what the broker keeps is not what this client knows
    bool cleaning_ = false;              // the CONNECT under way has Clean Start
    unsigned life_ = 0;                  // of the session
    std::uint32_t receive_maximum_ = 0;  // of this client, on this connection
    std::uint32_t receive_maximum_of_broker_ = 0;
    std::deque<Pending> pending_;
    std::deque<Owed> owed_;
    std::map<std::uint16_t, std::uint32_t> subscribing_;  // packet id -> subscription
    std::map<std::uint16_t, std::vector<std::uint32_t>> unsubscribing_;  // and those that end
    std::map<std::uint16_t, std::uint32_t> incoming_;  // packet ids in use by the broker -> message
    std::set<std::uint16_t> received_qos2_;            // PUBREL awaited
    std::set<std::uint16_t> open_;  // of this connection: counts for Receive Maximum
};

}  // namespace drawbridge::test
