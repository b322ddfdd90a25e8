// Record: what all clients of a simulation have done and seen, and whether the broker kept its
// promises.
//
// Three kinds of topics, so that each promise can be checked by itself: "t/..." for ordinary
// subscriptions, "s/..." for a share group, "r/..." for retained messages, each of one publisher.
// Times are numbers of steps: a thing that has a smaller one was known to have happened before.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace drawbridge::test {

inline constexpr std::uint64_t never = UINT64_MAX;

struct SentMessage {
    unsigned publisher = 0;
    std::string topic;
    std::uint8_t qos = 0;
    std::uint64_t sent_at = 0;
    std::uint64_t acknowledged_at = never;  // PUBACK or PUBREC has come
    bool sent_again = false;                // by its publisher, on another connection
};

// One SUBSCRIBE. Its Subscription Identifier is its place in the list, plus 1.
struct SentSubscription {
    unsigned client = 0;
    unsigned life = 0;  // of the client's session
    std::string filter;
    std::uint8_t qos = 0;
    std::uint64_t sent_at = 0;
    std::uint64_t granted_at = never;
    std::uint64_t release_asked_at = never;  // UNSUBSCRIBE sent, or the session ended
    std::uint64_t released_at = never;       // UNSUBACK has come
};

struct SeenMessage {
    unsigned client = 0;
    unsigned life = 0;
    std::uint32_t message = 0;
    std::uint8_t qos = 0;
    bool retain = false;
    std::vector<std::uint32_t> subscription_ids;
    std::uint64_t at = 0;
};

struct Record {
    // Payload: the place of the message in the list.
    std::vector<SentMessage> messages;
    std::vector<SentSubscription> subscriptions;
    std::vector<SeenMessage> seen;
    std::vector<std::string> broken;  // promises that were found broken on the way
    std::uint64_t now = 0;
    bool dies = false;  // the broker, now and then

    void complain(std::string what) { broken.push_back(std::move(what)); }
    // All promises that are to be judged at the end, when every persistent session has been back.
    void judge();

private:
    void judge_order();
    void judge_number_of_copies();
    void judge_unsubscribed();
    void judge_nothing_lost();
    void judge_retained();
    void judge_share_group();
    std::string name(std::uint32_t message) const;
};

}  // namespace drawbridge::test
