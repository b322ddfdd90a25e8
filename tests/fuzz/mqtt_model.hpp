// Model: what MQTT promises to a few clients, told as plainly as possible and without the broker's
// code: a session is a list of subscriptions and a list of deliveries that are due, the retained
// messages are an array. It is told what each client does, before the broker is, and shown what
// each client gets; a promise that is broken ends the program.
//
// Where the standard leaves a choice (which member of a share group, a full queue, what was
// buffered when a subscription ended) a delivery becomes optional: it may come, or not.
// Clients are numbers, topics and filters are places in the tables below.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "broker/core/settings.hpp"
#include "tests/support/test_client.hpp"

namespace drawbridge::test {

inline constexpr std::array model_topics{"a", "a/b", "a/c", "b", "b/c", "$x/b"};
// With their share names; the last one is no filter.
inline constexpr std::array model_filters{
    "a",    "a/b",        "a/+",          "a/#",          "+/c",        "#",    "+",
    "$x/#", "$share/g/a", "$share/g/a/#", "$share/h/+/b", "$share/h/#", "a/#/b"};
constexpr unsigned invalid_filter = model_filters.size() - 1;

struct ModelMessage {
    unsigned publisher = 0;
    unsigned topic = 0;
    std::string payload;
    std::string properties;  // those that are passed on as they came
    std::uint8_t qos = 0;
    bool retain = false;
    bool is_will = false;
    std::optional<std::uint32_t> expiry_s;
    TimePoint expires_at = TimePoint::max();
};
using ModelMessagePtr = std::shared_ptr<const ModelMessage>;

// A message that one member of a share group is to get.
struct SharedDue {
    // Who may get it, and how: members when it was published or later.
    struct Taker {
        unsigned client = 0;
        unsigned life = 0;
        std::uint8_t qos = 0;
        bool retain = false;
        std::uint32_t id = 0;
    };
    enum class State { open, held, handed_back, done };

    ModelMessagePtr message;
    unsigned filter = 0;
    std::vector<Taker> takers;
    State state = State::open;
    unsigned holder = 0;      // while held, and after it was handed back
    bool has_others = false;  // when it was handed back, or later
    bool has_twin = false;    // a member gets the message twice, and cannot tell which is which
    bool is_offered = false;  // to the others, while its holder may come back
    bool group_is_gone = false;
    bool optional = false;
    bool maybe_sent = false;  // on a connection that ended before the client could read it
};

// A message that one session is to get.
struct Due {
    enum class Stage { waiting, sent, received };  // received: PUBREC has been sent

    ModelMessagePtr message;
    std::shared_ptr<SharedDue> shared;  // null: for a subscription of its own
    std::vector<std::uint32_t> ids;     // Subscription Identifiers, sorted
    std::uint32_t filters = 0;          // bits: of which subscriptions
    std::uint8_t qos = 0;
    std::uint8_t retain_flags = 0;  // bits: 1 without, 2 with RETAIN
    bool replayed = false;          // because of a SUBSCRIBE
    bool has_twin =
        false;  // one like it has come, so it is for one of the filters, who knows which
    bool optional = false;
    bool overtaken = false;   // a later one has come: this one must not come any more
    bool maybe_sent = false;  // as above
    unsigned step = 0;        // when it became due
    Stage stage = Stage::waiting;
    std::uint16_t packet_id = 0;
    std::uint64_t sent_order = 0;
    unsigned published_on = 0;  // the last connection with its PUBLISH; 0: none
    unsigned released_on = 0;   // the last connection with its PUBREL
    unsigned connection() const { return std::max(published_on, released_on); }
};

struct ModelAnswer {
    PacketType type{};
    std::uint16_t packet_id = 0;
    Reason reason = Reason::success;
    std::vector<std::uint8_t> codes{};
    bool session_present = false;
};

struct ModelSession {
    struct Subscription {
        wire::SubscriptionOptions options;
        std::uint32_t id = 0;
    };
    bool exists = false;
    unsigned life = 0;
    Version version = Version::v5;
    std::map<unsigned, Subscription> subscriptions;  // by filter
    std::deque<Due> due;                             // oldest first
    std::set<std::uint16_t> received_qos2;           // from the client
    std::uint32_t expiry_s = 0;
    TimePoint ends_at;
    std::optional<ModelMessage> will;
    std::uint32_t will_delay_s = 0;
    TimePoint will_due;

    // Of its connection.
    bool connected = false;
    unsigned connection = 0;     // their number
    bool blocked = false;        // the client does not read
    bool was_blocked = false;    // in this connection
    std::size_t step_bytes = 0;  // that became due in this step
    std::uint32_t receive_maximum = 0;
    std::uint32_t packet_bytes_max = 0;
    std::uint32_t alias_maximum = 0;
    std::map<std::uint32_t, std::string> aliases;  // of the broker
    std::deque<ModelAnswer> answers;               // oldest first
};

class Model {
public:
    Model(const core::Settings& settings, unsigned clients)
        : limits_(settings.limits), sessions_(clients) {}

    TimePoint now;

    // --- what a client does
    void connect(unsigned client, Version version, const ConnectOptions& options);
    void disconnect(unsigned client, Reason reason, std::optional<std::uint32_t> expiry_s);
    void lose_connection(unsigned client);
    struct Request {
        unsigned filter = 0;
        wire::SubscriptionOptions options{};
    };
    void subscribe(unsigned client, std::uint16_t packet_id, const std::vector<Request>& requests,
                   std::uint32_t id);
    void unsubscribe(unsigned client, std::uint16_t packet_id,
                     const std::vector<unsigned>& filters);
    void publish(unsigned client, std::uint16_t packet_id, ModelMessage message);
    void release(unsigned client, std::uint16_t packet_id);
    void acknowledge(unsigned client, PacketType type, std::uint16_t packet_id, Reason reason);
    void ping(unsigned client);
    void block(unsigned client);
    void unblock(unsigned client);

    // --- time
    TimePoint next_event() const;
    void run_due();

    // --- what it gets
    void take(unsigned client, const Packet& packet);
    // All has happened that could happen. is_full: the client's output is above its high-water
    // mark.
    void settled(const std::function<bool(unsigned client)>& is_full);
    // Everybody has been back and has acknowledged everything.
    void judge_end() const;

    const ModelSession& session(unsigned client) const { return sessions_[client]; }
    std::size_t sessions() const;
    std::size_t subscriptions() const;
    std::size_t retained() const;

private:
    // mqtt_model.cpp
    void end_connection(unsigned client);
    void end_session(unsigned client);
    void publish_will(unsigned client);
    void expect(unsigned client, ModelAnswer answer);
    // mqtt_model_publish.cpp
    void route(ModelMessage message);
    bool has_room_to_retain(const ModelMessage& message) const;
    void retain(const ModelMessagePtr& message);
    void route_to(unsigned client, const ModelMessagePtr& message);
    void route_to_group(unsigned filter, const ModelMessagePtr& message);
    void add(unsigned client, Due due);
    Reason subscribe_to(unsigned client, const Request& request, std::uint32_t id);
    void replay(unsigned client, unsigned filter, const ModelSession::Subscription& subscription);
    void leave(unsigned client, unsigned filter, bool session_ends);
    void join(unsigned client, unsigned filter);
    void find_twins(SharedDue& shared, const SharedDue::Taker& taker);
    unsigned members_of(unsigned filter) const;
    void hand_back(unsigned client, Due& due);
    // mqtt_model_judge.cpp
    void take_connack(unsigned client, const Packet& packet);
    void take_answer(unsigned client, const Packet& packet);
    void take_publish(unsigned client, Packet packet);
    bool take_again(unsigned client, const Packet& packet);
    bool take_own(unsigned client, const Packet& packet, bool optional);
    bool take_shared(unsigned client, const Packet& packet, bool optional);
    void take_pubrel(unsigned client, const Packet& packet);
    void judge_content(unsigned client, const Packet& packet, const ModelMessage& message) const;
    void judge_receive_maximum(unsigned client) const;
    void judge_settled(unsigned client);
    bool same_message(const ModelSession& session, const Packet& packet,
                      const ModelMessage& message) const;
    std::size_t bytes_of(const ModelSession& session, const ModelMessage& message, std::uint8_t qos,
                         std::size_t ids) const;
    bool expired(const ModelMessage& message) const { return message.expires_at <= now; }

    const Limits limits_;
    std::vector<ModelSession> sessions_;
    std::array<ModelMessagePtr, model_topics.size()> retained_;
    std::vector<std::shared_ptr<SharedDue>> shared_;
    std::uint64_t sent_order_ = 0;
    unsigned step_ = 1;
    bool unsettled_ = false;  // something was done in this step
};

bool model_matches(unsigned filter, unsigned topic);
inline bool is_shared(unsigned filter) { return model_filters[filter][1] == 's'; }

// Says what happens, if DRAWBRIDGE_FUZZ_TELL is set.
template <class... Args>
void tell(fmt::format_string<Args...> pattern, Args&&... args) {
    static const bool tells = std::getenv("DRAWBRIDGE_FUZZ_TELL") != nullptr;
    if (tells) fmt::print(stderr, pattern, std::forward<Args>(args)...);
}

// Ends the program: the broker does not do what the model says.
[[noreturn]] void broken_promise(const std::string& what);

}  // namespace drawbridge::test
