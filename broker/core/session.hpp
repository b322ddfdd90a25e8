// Session: all that the broker keeps for one client id: subscriptions, messages under way in both
// directions, the will, and when it ends. Outlives its connections. MQTT 5.0, section 4.1.
//
// Threads: the thread of its home shard, always; so it has no lock.
// Bounds: max_subscriptions_per_client, max_inflight, max_queued_messages, max_queued_bytes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/base/result.hpp"
#include "broker/core/client.hpp"
#include "broker/core/connect_request.hpp"
#include "broker/core/deadlines.hpp"
#include "broker/core/held_answers.hpp"
#include "broker/core/journal.hpp"
#include "broker/core/keeper.hpp"
#include "broker/core/link.hpp"
#include "broker/core/outbound.hpp"
#include "broker/core/publish_batch.hpp"
#include "broker/core/recovery.hpp"
#include "broker/core/retained_store.hpp"
#include "broker/core/session_keep.hpp"
#include "broker/core/share_groups.hpp"
#include "broker/core/subscriber.hpp"
#include "broker/core/throttle.hpp"
#include "broker/core/topic_aliases.hpp"
#include "broker/wire/framer.hpp"
#include "broker/wire/packet.hpp"

namespace drawbridge::core {

class Shard;

// Why a connection ends; decides over the will.
enum class End {
    client_disconnected,    // DISCONNECT 0x00: the will is dropped
    client_asked_for_will,  // DISCONNECT with any other reason
    connection_lost,        // closed or failed without DISCONNECT
    broker_closed,          // the broker ends it: a broken rule, keep-alive, an administrator
    taken_over,             // a newcomer with the same client id
};

class Session final : public Client, public Deadline {
public:
    Session(Shard& shard, std::string client_id, MemberKey key);
    ~Session();

    const std::string& client_id() const override { return client_id_; }
    MemberKey key() const { return key_; }
    Link* link() const { return link_; }
    const Identity& identity() const { return *identity_; }
    const IdentityPtr& held_identity() const override { return identity_; }
    wire::Version version() const { return version_; }
    WallTime connected_at() const { return connected_at_; }

    // Begins a connection: sends CONNACK, then what was left unacknowledged and what waits.
    void attach(Link& link, const ConnectRequest& request, bool session_present);
    // Ends the connection. The link is told to close unless the network has lost it. reason: for
    // the client's DISCONNECT (5.0), if the broker closes; success: none is sent. why: its Reason
    // String.
    void detach(End end, Reason reason = Reason::success, std::string_view why = {});
    // Ends the connection because the client has broken a rule or reached a bound.
    void close(const Violation& violation);
    // Ends the session itself: its state is discarded. Connection must have ended.
    void discard();

    // While away: does now what is due by now.
    void catch_up();

    // Takes in what the client has sent; returns how much of it has been used up. What is left is
    // the beginning of a packet, or whole packets: link.pause says why. Stops when the connection
    // ends (link() is null then).
    std::size_t receive(Bytes bytes);
    // The client's throttle lets it go on.
    void read_on() override;

    // Sends what waits, as far as the windows allow, or a piece of it. Called when room has come.
    void pump();
    bool pump_pending = false;  // in the shard's list of sessions to pump
    // Something stopped because the output was above its high-water mark.
    bool wants_room() const { return wants_room_; }

    // Replaces the rules. Subscriptions that they do not allow any more end, and so may the
    // connection (revoked_subscription); what waits and may not be received any more goes.
    void change_identity(IdentityPtr identity);

    bool deliver_picked(const PublishBatch::Item& item, GroupRef group) override;
    void offer_taken(std::uint16_t packet_id, std::uint64_t group) override;

    // Of a discarded session: ends a piece of its subscriptions; true if none is left.
    bool end_some_subscriptions();

    // --- for the keeper, if the session outlives the process
    bool is_kept() const { return keep_ != nullptr; }
    // As the journal had it, before the start. Its client is away.
    void restore(RecoveredSession&& kept, IdentityPtr identity);
    // Once all sessions are restored.
    void obey_rules();
    // Adds what is new since the last time; open: what waits for that to be on disk.
    void tell_journal(Bundle& bundle, std::vector<OpenTurnPtr>& open);
    // Something that waits is in memory and need not be, once it is on disk.
    bool has_queue_in_memory() const;
    bool leave_queue_to_disk();
    void take_in_stored(const Journal::Loaded& loaded);
    void take_in_expired(const Journal::Loaded& loaded);
    // Asks for what is on disk, if it is time.
    void look_at_stored();
    void release_held() override;

    bool deliver(OutgoingPublish& publish, const Delivery& delivery) override;
    MemberKey client_key() const override { return key_; }
    bool may_receive(std::string_view topic, TenantId tenant) const override;

private:
    struct Will {
        MessagePtr message;
        std::uint32_t delay_s = 0;
        std::optional<std::uint32_t> expiry_s;  // counts from when it is published
        TimePoint due;                          // set when the connection ends
    };
    struct SharedSubscription {
        std::string share;
        std::string filter;
        wire::SubscriptionOptions options;
        std::uint32_t id = 0;
    };
    // Retained messages still to be sent for a new subscription.
    struct Replay {
        std::string filter;
        RetainedPlace after;                 // the last one done
        std::vector<std::uint64_t> horizon;  // what is newer has come or will come by itself
        std::uint8_t qos = 0;
        bool no_local = false;
        std::uint32_t subscription_id = 0;
    };
    // A SUBSCRIBE or UNSUBSCRIBE that is being carried out, in several turns if it is long.
    struct Request {
        std::uint16_t packet_id = 0;
        std::uint32_t subscription_id = 0;
        std::size_t left = 0;  // bytes of its entries, at the end of the packet
        std::vector<std::uint8_t> codes;
        std::string why;  // of the first entry that was refused
    };
    // What only few sessions have.
    struct Rare {
        std::vector<SharedSubscription> shared;
        MemberState state = MemberState::available;  // as the groups were told
        std::vector<Replay> replays;
        std::vector<std::string> full_filters;  // as broker().full_queues() was told
        IdentityPtr full_identity;              // likewise
        // Of this connection:
        ReceivedAliases received_aliases;
        std::unique_ptr<SentAliases> sent_aliases;  // null if the client allows none
        std::unique_ptr<Request> request;           // to go on with; null if none
        std::unique_ptr<Throttle> throttle;         // null if nothing limits its rate
        std::vector<std::string> replies;           // internal topics it was asked to answer to

        bool is_empty() const {
            return shared.empty() && replays.empty() && full_filters.empty() && !sent_aliases &&
                   !request && !throttle && replies.empty() && received_aliases.is_empty();
        }
        void end_connection() {
            received_aliases = {};  // MQTT-3.3.2-7
            sent_aliases.reset();
            request.reset();
            throttle.reset();
            replies.clear();
        }
    };
    // The last topic published to, and whether that is allowed.
    struct PublishMemo {
        std::string topic;
        bool allowed = false;
    };
    using Outcome = Result<void>;

    void expired(TimePoint now) override;

    // session.cpp
    void set_will(const ConnectRequest& request);
    void publish_will();
    void arm_deadline();
    bool send_connack(const ConnectRequest& request, bool session_present);
    Buffer& output();
    Outbound& outbound();
    Rare& rare();

    const Limits& limits() const;  // this client's
    void set_throttle();

    TimePoint ends_after(TimePoint connection_end) const;

    // session_keep.cpp
    void keep_from_now_on();
    void forget_keep();  // the session ends
    void note_change(Keeper::Urgency urgency);
    void note_itself(Keeper::Urgency urgency);
    void note_subscription(std::string_view share, std::string_view filter,
                           Keeper::Urgency urgency = Keeper::Urgency::now);
    void note_received(std::uint16_t packet_id, Keeper::Urgency urgency);
    void keep_message(Outgoing& message);
    void note_packet_id(const Outgoing& message) {
        if (keep_ && message.packet_id % packet_ids_between_notes == 0)
            note_itself(Keeper::Urgency::soon);
    }
    KeptSession row() const;
    KeptMessage row_of(const Outgoing& message) const;
    Outgoing outgoing_of(const KeptMessage& row);
    void tell_subscriptions(Bundle& bundle);
    std::optional<std::string> replay_of(std::string_view filter) const;
    std::string share_of(GroupRef group) const;
    void note_group(const std::string& name);  // "share/filter"
    void look_for_expired();
    void restore(const KeptSubscription& kept);
    bool must_hold(Until until) const;
    HeldAnswers& held(Until until);
    std::uint64_t round_now() const;
    bool holds_many() const;
    // QoS 2, to a client whose session is kept: not before it is on disk.
    bool waits_for_disk(const Outgoing& message) const {
        return message.seq != 0 && message.qos == 2 && must_hold(Until::committed);
    }
    void hold_publish(Outgoing& message);
    void send_held(std::uint16_t packet_id);
    // Has encode(Buffer&) append an answer that waits for `until`.
    template <class Encode>
    auto answer(Until until, Encode encode) {
        if (!must_hold(until)) return encode(output());
        HeldAnswers& held = this->held(until);
        const std::size_t before = held.encoded.size();
        const auto result = encode(held.encoded);
        const auto bytes = static_cast<std::uint32_t>(held.encoded.size() - before);
        if (bytes > 0) held.answers.push_back({round_now(), bytes, 0, until});
        return result;
    }

    // session_rules.cpp
    std::string end_denied_subscriptions();
    void withdraw_denied_messages();

    // session_audit.cpp
    std::string address_now() const;  // "" while the client is away
    void note_end(End end, Reason reason, std::string_view why);
    // Tells of a PUBLISH, or of one entry of a SUBSCRIBE, that is refused, unless it has been told
    // lately. why: "" if it is the client's rules.
    void note_publish_refused(std::string_view topic, std::string_view why = {});
    void note_subscribe_refused(std::string_view filter, std::string_view why = {});
    void note_will_refused(std::string_view topic);

    // session_deliver.cpp
    bool deliver(OutgoingPublish& publish, const Delivery& delivery, GroupRef group);
    void queue(OutgoingPublish& publish, const Delivery& delivery, std::uint8_t qos,
               GroupRef group);
    // Returns false if the packet is larger than the client takes.
    bool send(OutgoingPublish& publish, wire::PublishMarks marks,
              std::span<const std::uint32_t> subscription_ids);
    // One of QoS 1 or 2, whose turn it is.
    void send(Outgoing& message);
    void acknowledged(Outgoing& message);
    bool send_next();
    bool has_room();  // the output is below its high-water mark
    std::size_t output_high_water() const;
    void count_dropped();
    TimePoint expired_dropped_at() const;
    void drop_expired();
    void queue_is_full();
    void log_full_queue();
    void add_full_filter(const std::string& filter);
    void forget_full_filter(const std::string& filter);
    void look_for_room();
    void queue_has_room();
    void queue_has_new_rules();
    static wire::PublishMarks marks_of(const Outgoing& message);

    // session_retained.cpp
    void begin_replay(std::string_view filter, bool is_new,
                      const wire::SubscriptionOptions& options, std::uint32_t id);
    void replay_retained();

    // session_shared.cpp
    MemberState member_state() const;
    void tell_groups();
    void tell_group(const SharedSubscription& subscription, ShareNews::Kind kind);
    void offer_shared_messages();
    void return_to_group(const Outgoing& message);
    void return_shared_messages();
    void note_handed_on(std::uint64_t seq, std::uint8_t qos);

    // session_receive.cpp: one packet each
    bool is_throttled() const;
    Outcome receive_packet(const wire::Frame& frame);
    Outcome receive_publish(const wire::PublishView& publish);
    Outcome receive_puback(const wire::AckView& ack);
    Outcome receive_pubrec(const wire::AckView& ack);
    Outcome receive_pubrel(const wire::AckView& ack);
    Outcome receive_pubcomp(const wire::AckView& ack);
    Outcome receive_disconnect(const wire::DisconnectView& disconnect);
    Reason take_over(const MessageView& message, std::string_view& why, Until& until);
    bool must_be_kept(const MessageView& message) const;
    // why: for the Reason String, which is left out where the client does not want it or cannot
    // take it (MQTT-3.1.2-29, MQTT-3.4.2-2).
    void acknowledge(wire::PacketType type, std::uint16_t packet_id, Reason reason,
                     std::string_view why = {}, Until until = Until::now);
    // why, unless the client does not want to be told.
    std::string_view if_wanted(std::string_view why) const;
    bool may_publish(std::string_view topic);
    bool may_publish_internal(std::string_view topic);
    void note_response_topic(const MessageView& message);

    // session_subscribe.cpp
    Outcome receive_subscribe(const wire::Frame& frame);
    Outcome receive_unsubscribe(const wire::Frame& frame);
    Outcome put_off(Request request);
    Result<Reason> subscribe(const wire::SubscriptionRequest& request, std::uint32_t id);
    Reason unsubscribe(std::string_view text);
    void subscribe_shared(std::string_view share, std::string_view filter,
                          const wire::SubscriptionOptions& options, std::uint32_t id);
    bool has_subscription(std::string_view share, std::string_view filter) const;
    std::size_t subscription_count() const;
    void end_shared_subscriptions();

    Shard& shard_;
    const std::string client_id_;
    const MemberKey key_;
    IdentityPtr identity_;
    Link* link_ = nullptr;  // null while the client is away
    std::unique_ptr<Outbound> outbound_;
    std::unique_ptr<std::vector<std::uint16_t>> received_qos2_;  // PUBREC sent, PUBREL awaited
    std::unique_ptr<Will> will_;
    std::unique_ptr<PublishMemo> memo_;
    std::unique_ptr<Rare> rare_;
    std::unique_ptr<SessionKeep> keep_;  // null if the session does not outlive the process
    std::unique_ptr<HeldAnswers> held_;  // null if none is held
    TimePoint last_packet_at_;
    TimePoint session_ends_at_;
    WallTime connected_at_;
    std::uint32_t packet_bytes_max_ = UINT32_MAX;  // the client's Maximum Packet Size
    std::uint32_t expiry_s_ = 0;                   // Session Expiry Interval
    std::uint16_t keep_alive_s_ = 0;               // in force; 0: none
    std::uint16_t receive_maximum_ = UINT16_MAX;   // the client's
    wire::Version version_ = wire::Version::v3_1_1;
    bool problem_information_ = true;  // the client takes Reason Strings
    bool connect_expiry_zero_ = true;  // CONNECT said 0, so DISCONNECT must not raise it
    bool wants_room_ = false;
    bool queue_full_ = false;
    bool queue_full_logged_ = false;
    bool discarded_ = false;
};

}  // namespace drawbridge::core
