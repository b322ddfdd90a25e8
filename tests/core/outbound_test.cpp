// Outbound: messages on their way to one client at QoS 1 and 2. MQTT 5.0, sections 4.3, 4.4
// and 4.9. Method: by the statements, and seeded random sending and acknowledging for several
// rounds of all identifiers.
#include "broker/core/outbound.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace drawbridge;
using namespace drawbridge::core;
using Awaits = Outgoing::Awaits;

namespace {

const TimePoint now{seconds(1'000)};

MessagePtr message(std::string_view topic, TimePoint expires_at = TimePoint::max()) {
    MessageView view;
    view.topic = topic;
    view.expires_at = expires_at;
    return Message::copy_of(view);
}

Outgoing outgoing(MessagePtr what, std::uint8_t qos = 1, GroupRef group = {}) {
    Outgoing made;
    made.message = std::move(what);
    made.qos = qos;
    made.group = group;
    return made;
}

Outgoing outgoing(std::string_view topic, std::uint8_t qos = 1, GroupRef group = {}) {
    return outgoing(message(topic), qos, group);
}

std::string topic_of(const Outgoing& sent) { return std::string(sent.message->view().topic); }

// Sends all that can be sent; returns the topics.
std::vector<std::string> send_all(Outbound& outbound) {
    std::vector<std::string> topics;
    while (const Outgoing* const sent = outbound.next(now)) topics.push_back(topic_of(*sent));
    return topics;
}

void acknowledge(Outbound& outbound, std::uint16_t packet_id, Awaits awaits = Awaits::puback) {
    Outgoing* const found = outbound.find(packet_id, awaits);
    REQUIRE(found != nullptr);
    outbound.acknowledged(*found);
}

using Topics = std::vector<std::string>;

}  // namespace

TEST_CASE("messages are sent in the order they were queued, each with an identifier of its own",
          "[core][outbound]") {
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(10);
    CHECK(outbound.next(now) == nullptr);
    CHECK(outbound.nothing_waits());
    for (const char* topic : {"a", "b", "c"}) CHECK(outbound.push(outgoing(topic), limits, now));
    CHECK_FALSE(outbound.nothing_waits());
    CHECK(outbound.waiting() == 3);

    std::set<std::uint16_t> ids;
    for (const char* topic : {"a", "b", "c"}) {
        const Outgoing* const sent = outbound.next(now);
        REQUIRE(sent != nullptr);
        CHECK(topic_of(*sent) == topic);
        CHECK_FALSE(sent->sent_before);
        CHECK(sent->awaits == Awaits::puback);
        ids.insert(sent->packet_id);
    }
    CHECK(ids == std::set<std::uint16_t>{1, 2, 3});
    CHECK(outbound.next(now) == nullptr);
    CHECK(outbound.nothing_waits());
    CHECK(outbound.unacknowledged() == 3);
}

TEST_CASE("an acknowledgement is for a message that awaits it, and for no other",
          "[core][outbound]") {
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(10);
    outbound.push(outgoing("one", 1), limits, now);
    outbound.push(outgoing("two", 2), limits, now);
    send_all(outbound);
    CHECK(outbound.find(1, Awaits::pubrec) == nullptr);
    CHECK(outbound.find(1, Awaits::pubcomp) == nullptr);
    CHECK(outbound.find(2, Awaits::puback) == nullptr);
    CHECK(outbound.find(3, Awaits::puback) == nullptr);
    CHECK(outbound.find(0, Awaits::puback) == nullptr);

    Outgoing* const two = outbound.find(2, Awaits::pubrec);
    REQUIRE(two != nullptr);
    two->awaits = Awaits::pubcomp;
    CHECK(outbound.find(2, Awaits::pubrec) == nullptr);
    acknowledge(outbound, 2, Awaits::pubcomp);
    CHECK(outbound.find(2, Awaits::pubcomp) == nullptr);
    CHECK(outbound.unacknowledged() == 1);
    acknowledge(outbound, 1);
    CHECK(outbound.find(1, Awaits::puback) == nullptr);
    CHECK(outbound.unacknowledged() == 0);
}

TEST_CASE("MQTT5-4.9.0-1, MQTT5-4.9.0-2: no more are under way than the client's Receive Maximum",
          "[core][outbound][v5]") {
    const std::size_t window = GENERATE(1u, 2u, 5u);
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(window);
    for (int i = 0; i < 10; ++i) outbound.push(outgoing("t", i % 2 == 0 ? 1 : 2), limits, now);
    CHECK(send_all(outbound).size() == window);
    CHECK_FALSE(outbound.window_open());
    CHECK(outbound.next(now) == nullptr);
    CHECK(outbound.waiting() == 10 - window);

    acknowledge(outbound, 1);
    CHECK(outbound.window_open());
    CHECK(send_all(outbound).size() == 1);
    CHECK_FALSE(outbound.window_open());

    // PUBREC below 0x80 does not open it; PUBCOMP does.
    if (window == 1) {
        Outgoing* const second = outbound.find(2, Awaits::pubrec);
        REQUIRE(second != nullptr);
        second->awaits = Awaits::pubcomp;
        second->message.reset();
        CHECK_FALSE(outbound.window_open());
        acknowledge(outbound, 2, Awaits::pubcomp);
        CHECK(outbound.window_open());
    }
}

TEST_CASE(
    "MQTT5-4.4.0-1, MQTT311-4.4.0-1: what is unacknowledged is sent again, in order, as before",
    "[core][outbound]") {
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(10);
    for (const char* topic : {"a", "b", "c", "d"}) outbound.push(outgoing(topic, 2), limits, now);
    send_all(outbound);
    acknowledge(outbound, 2, Awaits::pubrec);
    Outgoing* const third = outbound.find(3, Awaits::pubrec);
    REQUIRE(third != nullptr);
    third->awaits = Awaits::pubcomp;
    third->message.reset();
    outbound.push(outgoing("new"), limits, now);

    outbound.end_connection();
    CHECK_FALSE(outbound.nothing_waits());
    outbound.begin_connection(10);
    std::vector<std::uint16_t> ids;
    for (int i = 0; i < 3; ++i) {
        const Outgoing* const again = outbound.next(now);
        REQUIRE(again != nullptr);
        CHECK(again->sent_before);
        CHECK((again->message == nullptr) == (again->awaits == Awaits::pubcomp));
        ids.push_back(again->packet_id);
    }
    CHECK(ids == std::vector<std::uint16_t>{1, 3, 4});
    CHECK(send_all(outbound) == Topics{"new"});
    CHECK_FALSE(outbound.find(5, Awaits::puback)->sent_before);
    CHECK(outbound.next(now) == nullptr);  // nothing is sent a third time on this connection
}

TEST_CASE("after a reconnection the first message sent is the oldest, however the identifiers went",
          "[core][outbound]") {
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(3);
    for (std::uint32_t i = 1; i <= UINT16_MAX - 1u; ++i) {
        outbound.push(outgoing("t"), limits, now);
        acknowledge(outbound, outbound.next(now)->packet_id);
    }
    for (const char* topic : {"a", "b", "c"}) outbound.push(outgoing(topic), limits, now);
    send_all(outbound);
    outbound.begin_connection(3);
    std::vector<std::uint16_t> ids;
    Topics topics;
    while (const Outgoing* const again = outbound.next(now)) {
        ids.push_back(again->packet_id);
        topics.push_back(topic_of(*again));
    }
    CHECK(ids == std::vector<std::uint16_t>{65'535, 1, 2});
    CHECK(topics == Topics{"a", "b", "c"});
}

TEST_CASE("a smaller window after a reconnection holds back the rest, in order",
          "[core][outbound]") {
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(4);
    for (const char* topic : {"a", "b", "c", "d", "e"}) outbound.push(outgoing(topic), limits, now);
    CHECK(send_all(outbound).size() == 4);
    outbound.begin_connection(2);
    CHECK(send_all(outbound) == Topics{"a", "b"});
    acknowledge(outbound, 1);
    CHECK(send_all(outbound) == Topics{"c"});
    acknowledge(outbound, 4);  // not sent again yet, but the client has it from before
    CHECK(send_all(outbound).empty());
    acknowledge(outbound, 3);
    CHECK(send_all(outbound) == Topics{"e"});
}

TEST_CASE("MQTT5-2.2.1-4, MQTT311-2.3.1-4: an identifier is never 0 and never one that is in use",
          "[core][outbound]") {
    const unsigned seed = GENERATE(1u, 2u, 3u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Outbound outbound;
    const Limits limits;
    constexpr std::size_t window = 20;
    outbound.begin_connection(window);
    const MessagePtr content = message("t");
    std::vector<std::uint16_t> in_use;
    bool never_zero = true;
    bool never_twice = true;
    for (int sent = 0; sent < 300'000; ++sent) {
        outbound.push(outgoing(content), limits, now);
        const std::uint16_t id = outbound.next(now)->packet_id;
        never_zero &= id != 0;
        never_twice &= std::find(in_use.begin(), in_use.end(), id) == in_use.end();
        in_use.push_back(id);
        // Out of order, and seldom the oldest: they are in use for several rounds of all
        // identifiers.
        while (in_use.size() >= window || (!in_use.empty() && random() % 3 == 0)) {
            const std::size_t kept =
                random() % 5'000 == 0 ? 0 : std::min<std::size_t>(8, in_use.size() - 1);
            const std::size_t i = kept + random() % (in_use.size() - kept);
            outbound.acknowledged(*outbound.find(in_use[i], Awaits::puback));
            in_use.erase(in_use.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    CHECK(never_zero);
    CHECK(never_twice);
}

TEST_CASE("a client that leaves some messages unacknowledged for ever gets no identifier twice",
          "[core][outbound]") {
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(10);
    const MessagePtr content = message("t");
    std::set<std::uint16_t> kept;
    bool never_twice = true;
    for (int sent = 0; sent < 200'000; ++sent) {
        outbound.push(outgoing(content), limits, now);
        const std::uint16_t id = outbound.next(now)->packet_id;
        never_twice &= !kept.contains(id);
        if (sent == 5 || sent == 6 || sent == 10)
            kept.insert(id);
        else
            outbound.acknowledged(*outbound.find(id, Awaits::puback));
    }
    CHECK(never_twice);
}

TEST_CASE("MQTT5-3.3.2-5: a message that expired while it waited is not sent",
          "[core][outbound][v5]") {
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(10);
    outbound.push(outgoing(message("too late", now)), limits, now);
    outbound.push(outgoing(message("in time", now + Duration(1))), limits, now);
    outbound.push(outgoing(message("long ago", now - seconds(9))), limits, now);
    outbound.push(outgoing("without expiry"), limits, now);
    CHECK(send_all(outbound) == Topics{"in time", "without expiry"});
    CHECK(outbound.take_expired() == 2);
    CHECK(outbound.take_expired() == 0);
    CHECK(outbound.nothing_waits());

    // Once begun, a delivery is finished.
    outbound.begin_connection(10);
    CHECK(topic_of(*outbound.next(now + seconds(60))) == "in time");
}

TEST_CASE("a queue takes so many messages and no more", "[core][outbound]") {
    Limits limits;
    limits.max_queued_messages = 3;
    Outbound outbound;
    for (int i = 0; i < 3; ++i) CHECK(outbound.push(outgoing("t"), limits, now));
    CHECK_FALSE(outbound.push(outgoing("t"), limits, now));
    CHECK(outbound.waiting() == 3);
    outbound.begin_connection(1);
    outbound.next(now);
    CHECK(outbound.push(outgoing("t"), limits, now));
    CHECK_FALSE(outbound.push(outgoing("t"), limits, now));
}

TEST_CASE("a queue takes so many bytes and no more, and has them back when they go",
          "[core][outbound]") {
    Limits limits;
    limits.max_queued_bytes = 10;
    Outbound outbound;
    CHECK_FALSE(outbound.push(outgoing("eleven char"), limits, now));
    CHECK(outbound.push(outgoing("five5"), limits, now));
    CHECK(outbound.push(outgoing("5more"), limits, now));
    CHECK_FALSE(outbound.push(outgoing("1"), limits, now));
    outbound.begin_connection(10);
    CHECK(send_all(outbound) == Topics{"five5", "5more"});
    CHECK(outbound.push(outgoing("ten chars!"), limits, now));
    CHECK_FALSE(outbound.push(outgoing("1"), limits, now));
}

TEST_CASE("what has expired makes room in a full queue, and is counted", "[core][outbound]") {
    Limits limits;
    limits.max_queued_messages = 3;
    Outbound outbound;
    const TimePoint later = now + seconds(5);
    outbound.push(outgoing(message("late", later)), limits, now);
    outbound.push(outgoing("stays"), limits, now);
    outbound.push(outgoing(message("later still", later + seconds(1))), limits, now);
    CHECK_FALSE(outbound.push(outgoing("new"), limits, later - Duration(1)));
    CHECK(outbound.push(outgoing("new"), limits, later));
    CHECK_FALSE(outbound.push(outgoing("one more"), limits, later));
    CHECK(outbound.take_expired() == 1);
    outbound.begin_connection(10);
    CHECK(send_all(outbound) == Topics{"stays", "later still", "new"});
}

TEST_CASE("in a full queue the oldest of QoS 0 make room, those of QoS 1 do not",
          "[core][outbound]") {
    Limits limits;
    limits.max_queued_messages = 3;
    Outbound outbound;
    outbound.begin_connection(10);
    outbound.push(outgoing("first at 0", 0), limits, now);
    outbound.push(outgoing("at 1", 1), limits, now);
    outbound.push(outgoing("second at 0", 0), limits, now);
    CHECK(outbound.push(outgoing("third at 0", 0), limits, now));
    CHECK(outbound.take_displaced() == 1);
    CHECK(outbound.push(outgoing("at 2", 2), limits, now));
    CHECK(outbound.take_displaced() == 1);
    CHECK(outbound.push(outgoing("at 1 again", 1), limits, now));
    CHECK(outbound.take_displaced() == 1);
    CHECK_FALSE(outbound.push(outgoing("new at 0", 0), limits, now));
    CHECK_FALSE(outbound.push(outgoing("new at 1", 1), limits, now));
    CHECK(outbound.take_displaced() == 0);
    CHECK(send_all(outbound) == Topics{"at 1", "at 2", "at 1 again"});
}

TEST_CASE("a message that could never fit makes nobody give way", "[core][outbound]") {
    Limits limits;
    limits.max_queued_bytes = 10;
    Outbound outbound;
    outbound.push(outgoing("five5", 0), limits, now);
    CHECK_FALSE(outbound.push(outgoing("eleven char"), limits, now));
    CHECK(outbound.take_displaced() == 0);
    CHECK(outbound.waiting() == 1);
}

TEST_CASE("MQTT5-3.3.4-10: a full window does not hold back QoS 0, whose order is kept",
          "[core][outbound][v5]") {
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(1);
    outbound.push(outgoing("at 1", 1), limits, now);
    outbound.push(outgoing("at 1 too", 1), limits, now);
    outbound.push(outgoing("a", 0), limits, now);
    outbound.push(outgoing(message("expired", now), 0), limits, now);
    outbound.push(outgoing("b", 0), limits, now);
    CHECK(send_all(outbound) == Topics{"at 1"});
    CHECK(topic_of(*outbound.next_of_qos0(now)) == "a");
    CHECK(topic_of(*outbound.next_of_qos0(now)) == "b");
    CHECK_FALSE(outbound.next_of_qos0(now));
    CHECK(outbound.take_expired() == 1);
    CHECK(outbound.waiting() == 1);
}

TEST_CASE("what waits at QoS 0 ends with the connection", "[core][outbound]") {
    Outbound outbound;
    Limits limits;
    limits.max_queued_messages = 2;
    outbound.begin_connection(1);
    outbound.push(outgoing("a", 0), limits, now);
    outbound.push(outgoing("b", 1), limits, now);
    CHECK(outbound.end_connection() == 1);
    CHECK(outbound.waiting() == 1);
    CHECK(outbound.push(outgoing("c", 1), limits, now));
}

TEST_CASE(
    "MQTT5-4.8.2-4, MQTT5-4.8.2-5: a QoS 2 message begun for a share group stays with its client",
    "[core][outbound][v5]") {
    const GroupRef group{7, 0};
    Outbound outbound;
    const Limits limits;
    outbound.begin_connection(5);
    outbound.push(outgoing("own sent"), limits, now);
    outbound.push(outgoing("shared sent at 1", 1, group), limits, now);
    outbound.push(outgoing("shared sent at 2", 2, group), limits, now);
    outbound.push(outgoing("shared received at 2", 2, group), limits, now);
    outbound.push(outgoing("own sent at 2", 2), limits, now);
    outbound.push(outgoing("own waits"), limits, now);
    outbound.push(outgoing("shared waits at 1", 1, group), limits, now);
    outbound.push(outgoing("shared waits at 2", 2, group), limits, now);
    CHECK(send_all(outbound).size() == 5);
    Outgoing* const received = outbound.find(4, Awaits::pubrec);
    received->awaits = Awaits::pubcomp;
    received->message.reset();
    outbound.end_connection();

    Topics waiting;
    for (const Outgoing& gone : outbound.take_waiting_shared()) waiting.push_back(topic_of(gone));
    CHECK(waiting == Topics{"shared waits at 1", "shared waits at 2"});
    CHECK(outbound.waiting() == 1);
    CHECK(outbound.take_waiting_shared().empty());
    const auto offers = outbound.offers();
    REQUIRE(offers.size() == 1);
    CHECK(offers[0].message->view().topic == "shared sent at 1");
    CHECK(offers[0].packet_id == 2);
    CHECK(offers[0].group.id == group.id);

    // It is there until another has it.
    const bool taken = GENERATE(true, false);
    outbound.offer_taken(2, group.id + 1);
    outbound.offer_taken(3, group.id);
    if (taken) outbound.offer_taken(2, group.id);
    outbound.begin_connection(6);
    std::vector<std::uint16_t> ids;
    while (const Outgoing* const again = outbound.next(now)) ids.push_back(again->packet_id);
    const std::vector<std::uint16_t> without = {1, 3, 4, 5, 6};
    const std::vector<std::uint16_t> with = {1, 2, 3, 4, 5, 6};
    CHECK(ids == (taken ? without : with));
}

TEST_CASE("an offer that was taken after the message had been sent again changes nothing",
          "[core][outbound]") {
    const GroupRef group{7, 0};
    Outbound outbound;
    outbound.begin_connection(5);
    outbound.push(outgoing("a", 1, group), {}, now);
    outbound.push(outgoing("b", 1, group), {}, now);
    send_all(outbound);
    outbound.end_connection();
    outbound.begin_connection(5);
    CHECK(outbound.next(now)->packet_id == 1);
    outbound.offer_taken(1, group.id);
    outbound.offer_taken(2, group.id);
    CHECK(outbound.next(now) == nullptr);
    CHECK(outbound.unacknowledged() == 1);
    acknowledge(outbound, 1);
}

TEST_CASE("what a share group takes back counts no more against the queue's bound",
          "[core][outbound]") {
    Limits limits;
    limits.max_queued_bytes = 10;
    Outbound outbound;
    outbound.push(outgoing("five5", 1, GroupRef{1, 0}), limits, now);
    outbound.push(outgoing("own", 1), limits, now);
    CHECK_FALSE(outbound.push(outgoing("more"), limits, now));
    CHECK(outbound.take_waiting_shared().size() == 1);
    CHECK(outbound.push(outgoing("seven77"), limits, now));
    CHECK_FALSE(outbound.push(outgoing("1"), limits, now));
}
