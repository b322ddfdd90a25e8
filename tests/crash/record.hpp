// Record: what all clients of a crash test have done and seen, and whether the broker kept its
// promises.
//
// One process holds all clients, so "was acknowledged before that was sent" is known for certain. A
// topic has one publisher. The topics say what is promised: "t/..." messages, "e/..." messages that
// expire, "s/..." those of share groups, "r/..." retained ones, "w/..." wills.
// Limit: it remembers every message of a run; some hundred bytes each.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge::crash {

// Nanoseconds since the start of the run. No two events have the same.
using Moment = std::int64_t;
inline constexpr Moment never = INT64_MAX;
inline constexpr Moment second = 1'000'000'000;
inline constexpr Moment millisecond = 1'000'000;

struct Message {
    std::string topic;
    std::uint8_t qos = 0;
    bool probe = false;          // asks whether a subscription is there
    bool removal = false;        // of a retained message: it has no payload
    bool forbidden = false;      // a will that was cancelled in time
    std::uint32_t expiry_s = 0;  // 0: it does not expire
    Moment sent = 0;
    Moment acknowledged = never;  // PUBACK or PUBREC has come
    unsigned sent_again = 0;
};

// One SUBSCRIBE. Its Subscription Identifier is its place in the list, plus 1.
struct Subscription {
    std::uint32_t id = 0;
    unsigned client = 0;
    unsigned life = 0;   // of the client's session
    std::string filter;  // without $share
    bool shared = false;
    std::uint8_t qos = 0;
    Moment asked = 0;
    Moment granted = never;
    Moment release_asked = never;  // UNSUBSCRIBE or another SUBSCRIBE sent, or the session ended
    Moment released = never;       // and that was acknowledged
    bool forgiven = false;         // the client has ended the session: what was in it need not come
    bool judged = false;
    std::map<std::pair<std::string, int>, std::uint32_t> newest{};  // of each topic and QoS
};

struct Delivery {
    unsigned client = 0;
    unsigned life = 0;
    std::string_view topic;
    std::string_view payload;
    std::uint8_t qos = 0;
    bool retain = false;
    bool dup = false;
    std::optional<std::uint32_t> expiry_s;  // Message Expiry Interval
    bool has_ids = false;                   // of 5.0: its subscriptions have identifiers
    std::vector<std::uint32_t> ids;
};

struct Counts {
    unsigned kills = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t delivered = 0;
    std::uint64_t retained_read = 0;
    std::map<std::string, std::uint64_t> broken;  // by the name of the promise
};

class Record {
public:
    // told: where the stories of broken promises go; null: nowhere.
    Record(std::size_t clients, std::FILE* told)
        : told_(told), in_use_(clients), copies_(clients) {}

    Moment now();

    // Returns its number, which is what its payload begins with.
    std::uint32_t add(std::string topic, std::uint8_t qos);
    std::string payload(std::uint32_t number) const;
    void acknowledge(std::uint32_t number);
    Subscription& add_subscription(unsigned client, unsigned life, std::string filter,
                                   std::uint8_t qos);

    // Judges what can be judged at once, and remembers it.
    void deliver(const Delivery& delivery);
    bool has_got(unsigned client, std::uint32_t number) const;
    // The will of a client that came back in time.
    void forbid(std::uint32_t number);

    // What a newcomer must find of each topic that has been retained, as of this moment: the number
    // of the last acknowledged message.
    std::map<std::string, std::uint32_t> retained_now() const;
    // found: what a newcomer got; promised: retained_now() of the moment before it asked.
    void judge_retained(const std::map<std::string, std::uint32_t>& promised,
                        const std::map<std::string, std::uint32_t>& found);

    // For the end of a part of the run, when nothing is under way any more: gathers what must have
    // been received and was not. Returns how much it is; forget_what_came() makes it less.
    std::size_t gather_missing();
    std::size_t forget_what_came();
    // What is missing is lost.
    void judge_missing();

    void complain(const std::string& promise, const std::string& story);
    void tell(const std::string& event);  // for the stories: kills, starts

    std::string name(std::uint32_t number) const;

    std::deque<Message> messages;
    std::deque<Subscription> subscriptions;
    Counts counts;
    std::vector<std::string> names;  // of the clients

private:
    struct Missing {
        const Subscription* subscription;
        std::uint32_t number;
    };
    void judge_subscription(const Delivery& delivery, std::uint32_t number, bool first);
    void judge_expiry(const Delivery& delivery, std::uint32_t number, bool first);
    bool came(const Missing& missing) const;
    bool is_due(const Subscription& subscription, const Message& message) const;
    std::string story(std::uint32_t number) const;

    std::FILE* const told_;
    Moment last_ = 0;
    std::vector<std::vector<Subscription*>> in_use_;              // by client
    std::vector<std::vector<std::uint8_t>> copies_;               // by client and message
    std::map<std::string, std::vector<std::uint32_t>> retained_;  // by topic, in their order
    std::map<std::string, std::uint32_t> retained_acknowledged_;
    std::vector<Missing> missing_;
    std::uint32_t judged_ = 0;  // messages before this one are
    std::deque<std::pair<Moment, std::string>> events_;
};

}  // namespace drawbridge::crash
