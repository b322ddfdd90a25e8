// NatsClient: one client that speaks NATS, after it has been let in: bytes in, and into the link's
// output; no socket. What it publishes enters the router as QoS 1; what it subscribes to it gets
// without acknowledgement.
//
// PONG to a PING says that everything before it has had its effect (NATS client protocol): it
// waits until what was published is safe, as an acknowledgement of MQTT would, and until what comes
// back of it to this client by way of other shards is here.
// Owner: its connection. Threads: those of its shard.
// Limits: NatsSettings; max_subscriptions_per_client; answers_waiting_max.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bridge/nats_connect.hpp"
#include "bridge/nats_parser.hpp"
#include "bridge/nats_settings.hpp"
#include "bridge/nats_subscription.hpp"
#include "bridge/pending_bytes.hpp"
#include "broker/core/deadlines.hpp"
#include "broker/core/guest.hpp"
#include "broker/core/held_answers.hpp"
#include "broker/core/link.hpp"
#include "broker/core/shard.hpp"
#include "broker/core/text_hash.hpp"
#include "broker/core/throttle.hpp"

namespace drawbridge::bridge {

class NatsClient final : public core::Guest, private core::Deadline, private HasPending {
public:
    // number: INFO's client_id. Its CONNECT, if it has sent one, is the first that it is to
    // receive(). What is referred to outlives the client. pending: of this shard.
    NatsClient(core::Shard& shard, core::Link& link, PendingBytes& pending,
               const NatsSettings& settings, std::uint64_t number, core::IdentityPtr identity);
    ~NatsClient();

    // Takes in what the client has sent; returns how much of it has been used up. link.pause says
    // why whole operations were left.
    std::size_t receive(Bytes bytes);
    // The connection is gone.
    void lost(std::string_view why);
    // So much of the output has been written.
    void written(std::size_t sent);
    bool has_ended() const { return ended_; }
    // Ends the connection, after -ERR 'text' unless that is empty.
    void close(std::string_view text, std::string_view why);

    const std::string& client_id() const override { return client_id_; }
    const core::IdentityPtr& held_identity() const override { return identity_; }
    std::string address() const override { return link_.address(); }
    std::string_view protocol() const override { return "NATS"; }
    WallTime connected_at() const override { return connected_at_; }
    void change_identity(core::IdentityPtr identity) override;
    void end(Reason reason) override;
    void warn_of_end() override;
    void taken(std::uint32_t asks) override;
    void heard(std::uint64_t turn) override;
    bool deliver_picked(const core::PublishBatch::Item& item, core::GroupRef group) override;
    void release_held() override { send_due(); }
    void read_on() override;

    // --- for subscriptions
    // Appends the message for this sid; false if the client cannot be given it.
    bool send(core::OutgoingPublish& publish, const NatsSubscription& subscription);
    const core::Identity& identity() const { return *identity_; }
    // Has a subscription that is done removed soon.
    void remove_soon(const NatsSubscription& subscription);

private:
    // An answer that waits, and those behind it: PONG, or 503 unless somebody takes the request.
    struct Due {
        std::string reply;        // of a request; "": PONG
        std::uint64_t heard = 0;  // waits for what was published up to this turn; 0: for nothing
        std::uint64_t round = 0;
        core::Until until = core::Until::now;
        std::uint32_t asks = 0;
    };

    void expired(TimePoint now) override;
    void cut_off_as_slow() override;
    void look_at_rules();
    void arm();
    void wake_now();
    void close_as_slow();
    void leave(std::string_view why);
    void forget_subscriptions();

    // nats_client_receive.cpp
    bool take_in(const Operation& operation);
    void refuse(OperationCut cut);
    void reconnect(std::string_view json);
    void publish(const Operation& operation);
    bool look_up(std::string_view subject);
    std::uint32_t draw_asks();
    bool may_reply_to(std::string_view reply);
    void subscribe(const Operation& operation);
    void unsubscribe(const Operation& operation);
    void pong();
    void ok();
    void error(std::string_view text);
    void deny_publish(std::string_view subject);
    void deny_subscription(const NatsSubscription& subscription);

    // nats_client_answers.cpp
    void request(std::string_view reply, std::uint32_t asks, bool taken);
    void send_due();
    void say_nobody(std::string_view reply);
    bool waits_for_others() const;

    // nats_client_subscriptions.cpp
    void begin(NatsSubscription& subscription);
    void finish(NatsSubscription& subscription);
    void leave_queue(std::unique_ptr<NatsSubscription> subscription);
    void withdraw(NatsSubscription& subscription);
    void remove_from_queue(NatsSubscription& subscription);
    void leave_queues();
    void remove_done();
    void tell_group(const NatsSubscription& subscription, core::ShareNews::Kind kind);
    void note_reply(std::string_view reply);

    core::Shard& shard_;
    core::Link& link_;
    PendingBytes& pending_;
    const NatsSettings& settings_;
    const std::uint64_t number_;
    ConnectOptions options_;
    core::IdentityPtr identity_;
    const std::string client_id_;
    const WallTime connected_at_;
    std::unique_ptr<core::Throttle> throttle_;  // null if nothing limits its rate

    boost::unordered_flat_map<std::string, std::unique_ptr<NatsSubscription>, core::TextHash,
                              std::equal_to<>>
        subscriptions_;  // by sid
    // Members of queues that are still there for what was published up to this turn.
    struct Leaving {
        std::uint64_t turn = 0;
        std::unique_ptr<NatsSubscription> subscription;
    };
    std::deque<Leaving> leaving_;
    // By group: the subscriptions of its queues; the next one to be given a message first.
    boost::unordered_flat_map<std::uint64_t, std::vector<NatsSubscription*>> queues_;

    // The last subject published to, what it is as a topic, and whether that is allowed.
    std::string last_subject_;
    std::string topic_;
    bool has_topic_ = false;  // else it reaches nobody
    bool is_mqtt_topic_ = false;
    bool allowed_ = false;
    // Reply subjects that it has been sent and may publish to once though its rules do not say so.
    std::vector<std::string> replies_;
    bool may_reply_anywhere_ = false;

    std::deque<Due> due_;
    boost::unordered_flat_set<std::uint32_t> taken_;  // of requests in due_, by number
    std::uint32_t last_asks_ = 0;
    std::uint64_t heard_ = 0;         // the last turn of that kind
    std::uint64_t unheard_turn_ = 0;  // of the last operation that has its effect elsewhere
    std::uint64_t unsafe_round_ = 0;  // of the last message that has to be kept
    core::Until unsafe_until_ = core::Until::now;
    core::HeldAnswers held_{*this};  // empty: its place in the keeper's list

    TimePoint last_input_at_;
    TimePoint pinged_at_;
    TimePoint progress_at_;  // the output was empty or got shorter
    std::size_t left_ = 0;   // of the output, after the last write
    std::uint32_t pings_out_ = 0;
    bool is_slow_ = false;  // to be cut off
    bool is_woken_ = false;
    std::vector<std::string> done_;  // subscriptions to be removed, by sid
    bool ended_ = false;
};

}  // namespace drawbridge::bridge
