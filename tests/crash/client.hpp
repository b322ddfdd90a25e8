// Client: a correct MQTT client with storage of its own: what it has published and what is not
// acknowledged outlives its connections, as do the QoS 2 packet ids that it has received.
//
// Chance decides what it does and when, by a seed. Everything that it does and sees goes into the
// record.
#pragma once

#include <deque>
#include <optional>
#include <random>

#include "tests/crash/connection.hpp"
#include "tests/crash/record.hpp"
#include "tests/crash/trace.hpp"

namespace drawbridge::crash {

struct Wish {
    std::string filter;
    std::uint8_t qos = 0;
};

// Who it is and how it behaves.
struct Character {
    std::string id;
    wire::Version version = wire::Version::v3_1_1;
    int publishes_as = -1;  // the second level of its topics; -1: it does not publish
    std::vector<Wish> wishes;
    bool persistent = true;
    bool restless = false;  // subscribes and unsubscribes all the time
    bool wanders = false;   // goes away and comes back
    bool renews = false;    // ends its session now and then, and begins another one
    bool slow = false;      // acknowledges late, or never on some connections
    // The end of a session after the connection's; 5.0.
    std::uint32_t session_expiry_s = 24 * 60 * 60;
    std::uint32_t will_delay_s = 0;  // 0: it has no will
};

// What all clients are to do.
enum class Mode : std::uint8_t {
    load,   // live
    drain,  // begin nothing, finish everything
    probe,  // a message to each topic of t/
};

class Client {
public:
    Client(Record& record, Character character, unsigned number, std::uint64_t seed);

    // Writes all its packets there.
    void write_to(Trace& trace);
    // Does what it is time for. port: of the broker.
    void act(Mode mode, std::uint16_t port);
    // Its socket can be read or written.
    void exchange();
    // Cuts its connection off and stays away until it is called back.
    void send_away();
    void call_back() { sent_away_ = false; }
    // The broker was started: nothing that it waits for can be over before.
    void broker_started() { broker_started_ = record_.now(); }
    // Its will is due by now, if it has left one: it must be there.
    void claim_will();

    // Nothing is under way.
    bool is_idle() const;
    std::string what_is_under_way() const;
    // Something ends by itself while it is away: its session, or the delay of its will.
    bool is_timed() const {
        return character_.will_delay_s > 0 || character_.session_expiry_s < 60;
    }
    const Connection& connection() const { return connection_; }
    bool is_connected() const { return connected_; }
    const Character& character() const { return character_; }

    std::string key;  // "": it shows none

private:
    // Something published and not completed.
    struct Pending {
        std::uint32_t message = 0;
        std::uint16_t packet_id = 0;
        bool received = false;  // PUBREC has come, PUBREL has gone
    };
    struct Owed {
        wire::PacketType type{};
        std::uint16_t packet_id = 0;
        Moment due = 0;
    };
    enum class Standing : std::uint8_t { none, asked, granted, releasing };
    struct Wanted {
        Wish wish;
        Standing standing = Standing::none;
        std::uint16_t packet_id = 0;
        bool again = false;                // it is not asked for the first time
        Subscription* current = nullptr;   // null: none
        Subscription* replaced = nullptr;  // while another one is asked for in its place
    };

    bool one_in(std::uint64_t n) { return chance_() % n == 0; }
    Moment within(Moment longest) {
        return static_cast<Moment>(chance_() % static_cast<std::uint64_t>(longest));
    }
    std::uint16_t new_packet_id();

    // The connection: client.cpp
    void connect(std::uint16_t port);
    void lose_connection();
    void leave();
    void take(const wire::Frame& frame);
    void take_connack(const wire::Frame& frame);
    void judge_session_present(bool present);
    void begin_life();
    void resume();
    void pay(Mode mode);

    // What it publishes: client_publish.cpp
    void publish(Mode mode);
    void publish_something();
    void publish_message(std::uint32_t number);
    void send_publish(const Pending& pending, bool again);
    void send_ack(wire::PacketType type, std::uint16_t packet_id);
    void take_ack(const wire::Frame& frame);

    // What it subscribes to: client_subscribe.cpp
    void change_subscriptions(Mode mode);
    void ask(Wanted& wanted);
    void send_subscribe(Wanted& wanted);
    void send_unsubscribe(Wanted& wanted);
    void take_suback(const wire::Frame& frame);
    void take_publish(const wire::Frame& frame);

    Record& record_;
    const Character character_;
    const unsigned number_;
    std::mt19937_64 chance_;
    Connection connection_;

    Moment back_at_ = 0;  // not connected: not before
    Moment next_act_ = 0;
    Moment asked_at_ = 0;  // CONNECT was sent
    Moment lost_at_ = 0;   // the last connection that was accepted
    Moment broker_started_ = 0;
    bool connected_ = false;  // CONNACK has come
    bool uncertain_ = false;  // a CONNECT was sent, and whether it was accepted is not known
    bool sent_away_ = false;
    bool sulks_ = false;     // acknowledges nothing on this connection
    bool renewing_ = false;  // the next CONNECT begins a new session
    bool promised_ = false;  // the broker has a session of it, for certain
    unsigned life_ = 0;
    std::uint16_t last_packet_id_ = 0;
    std::deque<Pending> pending_;
    std::deque<Owed> owed_;
    std::vector<Wanted> wanted_;
    std::set<std::uint16_t> received_;  // QoS 2, PUBREL awaited
    unsigned probes_left_ = 0;
    Mode mode_ = Mode::load;
    std::uint32_t next_will_ = 0;        // of the CONNECT that is under way
    std::optional<std::uint32_t> will_;  // of the connection there is or was
};

}  // namespace drawbridge::crash
