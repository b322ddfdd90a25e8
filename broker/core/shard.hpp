// Shard: one thread's part of the broker: the sessions whose home it is, their subscriptions, and
// the turn.
//
// A turn is one round of the owner's loop: begin_turn, then any number of admit / receive /
// link_lost / expire, then end_turn, which mails what was published to the other shards first and
// lets each link write once after that: so what a client does because of an acknowledgement arrives
// behind what the acknowledgement stands for.
// Threads: the owner's, but for mailbox(), stats() and wake().
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/log_quota.hpp"
#include "broker/core/audit.hpp"
#include "broker/core/connect_request.hpp"
#include "broker/core/contest.hpp"
#include "broker/core/deadlines.hpp"
#include "broker/core/guest.hpp"
#include "broker/core/keeper.hpp"
#include "broker/core/link.hpp"
#include "broker/core/mailbox.hpp"
#include "broker/core/recent_refusals.hpp"
#include "broker/core/retained_store.hpp"
#include "broker/core/retained_sweep.hpp"
#include "broker/core/rewriter.hpp"
#include "broker/core/roster.hpp"
#include "broker/core/route_cache.hpp"
#include "broker/core/session.hpp"
#include "broker/core/share_groups.hpp"
#include "broker/core/stats.hpp"
#include "broker/core/subscription_index.hpp"

namespace drawbridge::core {

class Broker;

class Shard {
public:
    Shard(Broker& broker, unsigned index);
    ~Shard();

    unsigned index() const { return index_; }
    TimePoint now() const { return now_; }
    std::uint64_t turn() const { return turn_; }
    const Settings& settings() const;
    Stats& stats() { return stats_; }
    Mailbox& mailbox() { return mailbox_; }

    // Called from any thread, when mail has come for a shard that sleeps. Set once, before the
    // start.
    std::function<void()> wake = [] {};

    // --- the turn
    void begin_turn(TimePoint now);
    void end_turn();
    // Takes in what other shards have sent. To be called after every read from a socket and before
    // its bytes are used, so that what the peer knows of has happened here, too.
    void take_mail();
    void expire() { deadlines_.expire(now_); }
    TimePoint next_deadline() const { return deadlines_.next(); }
    // True while a mailbox that this shard writes to is full: it must not read from clients then.
    bool congested() const;
    // True while work is left that was cut into pieces: the owner must not sleep.
    bool has_work() const {
        return !pumping_.empty() || !ending_.empty() || !reviews_.empty() || keeper_.has_work();
    }
    // False when clients cause more log lines than anybody reads.
    bool may_log() { return quota_.allows(now_); }

    // --- connections
    // What has become of an identity since it was authenticated, asked when a client enters: it may
    // have been revoked while the newcomer was on its way. Null: refused. Set once, before the
    // start.
    std::function<IdentityPtr(const std::string& client_id, const IdentityPtr& identity)> recheck =
        [](const std::string&, const IdentityPtr& identity) { return identity; };
    // The client's home must be this shard. The answer is in link.output, or follows when a
    // duplicate has been probed; link.session is set once admitted.
    void admit(Link& link, std::unique_ptr<ConnectRequest> request);
    // Takes in bytes of an admitted link; returns how much was used up. While a newcomer waits:
    // nothing. link.pause says why whole packets were left.
    std::size_t receive(Link& link, Bytes bytes);
    // The network has lost the connection or the peer has closed it. why: "" if nothing is known.
    void link_lost(Link& link, std::string_view why = {});
    // The link has room again.
    void link_writable(Link& link);
    // Has a session with this client id a connection now?
    bool is_connected(std::string_view client_id) const;

    // --- recovery: before the start, in a turn
    // identity: null if its owner is not there any more. Then, and if it had ended already, it is
    // not restored, but what is of share groups goes back to them.
    void restore(RecoveredSession&& kept, IdentityPtr identity);
    // What another life of the broker did not bring to an end.
    void publish_again(const RecoveredPublish& recovered);
    // What has come of it is with the journal at the end of the turn.
    void end_recovery();

    // --- administration
    bool kick(std::string_view client_id);
    void disconnect_all(Reason reason);
    void visit_sessions(const std::function<void(const Session&)>& visit) const;
    // Asks for each session and guest what holds now for its identity, a piece in each turn from
    // the next one on; of those who come meanwhile as well. done: called in the last of them. One
    // review begins when the one before it is done.
    struct Verdict {
        enum class Kind {
            keep,
            replace,
            disconnect,
            discard
        };  // discard: the session ends as well
        Kind kind = Kind::keep;
        IdentityPtr identity;  // of replace
    };
    using Judge = std::function<Verdict(const std::string& client_id, const IdentityPtr& identity)>;
    void review_identities(
        Judge judge, std::function<void()> done = [] {});

    // --- guests
    MemberKey draw_key() { return ++last_key_; }
    void add_guest(Guest& guest);
    void remove_guest(Guest& guest);
    void visit_guests(const std::function<void(Guest&)>& visit) const;
    // Ends all with this client id; false if there is none.
    bool kick_guests(std::string_view client_id);
    // Calls guest.heard() once what has been published here up to now, this turn included, has come
    // to all other shards. Returns the turn.
    std::uint64_t tell_when_heard(const Guest& guest);
    // From now on messages go out on the topics of these routes as well. null: of none.
    void set_rewriter(RewriterPtr rewriter) { rewriter_ = std::move(rewriter); }
    const RewriterPtr& rewriter() const { return rewriter_; }

    // --- for clients
    Deadlines& deadlines() { return deadlines_; }
    SubscriptionIndex& index_of_filters() { return filters_; }
    RouteCache& routes() { return routes_; }
    RetainedStore& retained();
    Broker& broker() { return broker_; }
    RecentRefusals& recent_refusals() { return recent_refusals_; }
    Keeper& keeper() { return keeper_; }
    const Keeper& keeper() const { return keeper_; }
    struct Published {
        Reason reason = Reason::success;
        bool taken = false;  // by somebody on this shard
    };
    // Hands a message to all who match, here and on the other shards, and to the retained store;
    // and what the routes make of it. whole: rather nobody gets it than that it is delivered and a
    // bound keeps it from being retained; the reason is quota_exceeded then.
    Published publish(const MessageView& message, const Sender& from, bool whole);
    // What the publisher of this message has to wait for before it is told that it is safe.
    // opened_before: Keeper::opened() before it was published.
    Until until_safe(const MessageView& message, std::uint64_t opened_before) const;
    void post_share_news(ShareNews news);
    // Hands a message back to the group that had picked a member who cannot take it any more.
    void return_to_group(GroupRef group, MemberKey member, const MessageView& message) {
        return_to_group(group, member, message, {});
    }
    // Offers what a member has left unacknowledged to the others of its group. The member keeps it
    // until Session::offer_taken().
    void offer_to_group(const Offer& offer, Session& member);
    // Counts work, in deliveries or what takes as long, so that no client gets more than its share
    // of a turn.
    void worked(std::uint64_t amount) { work_done_ += amount; }
    // Another client is read from now on.
    void begin_share() { share_ends_ = work_done_ + limits::work_per_client_max; }
    // True once the client being read has had its share.
    bool share_used() const { return work_done_ >= share_ends_; }
    void mark_dirty(Link& link);
    void pump_later(Session& session);
    // By shard: the last turn of which all messages have come through here. What is published here
    // from now on belongs to a later one.
    std::vector<std::uint64_t> draw_horizon();
    void session_discarded(Session& session);
    // The client has shared subscriptions: share groups may pick it by its key.
    void add_member(Client& client) { members_.insert_or_assign(client.client_key(), &client); }
    void remove_member(const Client& client) { members_.erase(client.client_key()); }

private:
    using Sessions = boost::unordered_flat_map<std::string_view, std::unique_ptr<Session>, TextHash,
                                               std::equal_to<>>;
    friend class Contest;
    using Contests = std::vector<std::unique_ptr<Contest>>;

    Session* find(std::string_view client_id);
    // in_place_of_another: the client has had a connection until now, so there is a session less
    // than is counted, or its own is still there.
    void enter(Link& link, std::unique_ptr<ConnectRequest> request,
               bool in_place_of_another = false);
    void refuse(Link& link, const ConnectRequest& request, Reason reason, std::string_view why);
    void note_refused(const Link& link, const ConnectRequest& request, AuditEvent::Kind kind,
                      std::string_view topic, std::string_view why);
    void settle(Contest& contest);
    Session& add_session(std::string client_id);
    void review_some();
    void carry_out(Verdict verdict, Client& client);
    void end_guests(Reason reason);
    std::unique_ptr<ConnectRequest> end_contest(Contest& contest);
    Contest* contest_for(std::string_view client_id);
    Published publish_as_it_is(const MessageView& message, const Sender& from, bool whole);
    bool deliver_here(const MessageView& message, const Sender& from);
    bool deliver_to_groups(std::span<ShareGroup* const> groups, const MessageView& message,
                           MemberKey except);
    bool deliver_to_one_of(std::span<ShareGroup* const> groups, const MessageView& message,
                           MemberKey except);
    struct Picking {
        MemberKey except = 0;   // not this member
        std::uint8_t hops = 0;  // so often has the message been sent back
    };
    bool deliver_to_group(ShareGroup& group, const MessageView& message, Picking picking);
    bool deliver_to_group(ShareGroup& group, const MessageView& message) {
        return deliver_to_group(group, message, {});
    }
    void return_to_group(GroupRef group, MemberKey member, const MessageView& message,
                         Picking picking);
    bool deliver_to_member(const PublishBatch::Item& item, GroupRef group);
    bool deliver_offer(ShareGroup& group, const MessageView& message, MemberKey from);
    void take_shared(const PublishBatch::Item& item, unsigned from);
    void offer_taken(const OfferTaken& taken);
    void apply_share_news(const ShareNews& news);
    void note_taken(unsigned shard, const PublishBatch::Item& item);
    void take_answers(const Mail& mail);
    void tell_who_asked();
    Mail& mail_for(unsigned shard);
    void post_shared(unsigned to, const PublishBatch::Item& item);
    void mail_out();
    void end_recovered(const RecoveredSession& kept, const Identity* owner);
    void pump_some();
    void end_sessions();
    void flush_links();

    Broker& broker_;
    const unsigned index_;
    TimePoint now_;
    std::uint64_t turn_ = 1;
    std::uint64_t last_key_ = 0;

    Stats stats_;
    Deadlines deadlines_;  // before what is in it
    Keeper keeper_{*this};
    RetainedSweep retained_sweep_{*this};
    struct Review {
        Judge judge;
        std::function<void()> done;
    };
    std::deque<Review> reviews_;  // the first one is under way
    Roster roster_;
    Sessions sessions_;                                      // keyed by the session's own client id
    boost::unordered_flat_map<MemberKey, Client*> members_;  // clients with shared subscriptions
    boost::unordered_flat_map<MemberKey, Guest*> guests_;
    RewriterPtr rewriter_;              // null: no routes
    std::vector<Rewritten> rewritten_;  // scratch of publish()
    struct Asked {
        std::uint64_t turn;
        MemberKey guest;
    };
    std::deque<Asked> asked_;           // waits for heard_
    std::vector<std::uint64_t> heard_;  // by shard: the last turn of this one that it has taken in
    std::uint64_t group_turns_ = 0;     // of deliver_to_one_of()
    std::vector<std::unique_ptr<Session>> discarded_;  // freed at the end of the turn
    Contests contests_;
    SubscriptionIndex filters_;
    RouteCache routes_{filters_};
    ShareGroups groups_{filters_};

    Mailbox mailbox_;
    std::vector<Mail> inbox_;                  // scratch of take_mail()
    std::vector<std::uint64_t> seen_;          // by shard: the last turn whose mail was taken
    std::vector<Mail> outbox_;                 // by shard, of this turn
    std::shared_ptr<PublishBatch> published_;  // of this turn; null if none
    std::vector<Link*> dirty_;
    std::vector<Session*> pumping_;                 // sessions that have more to send next turn
    std::vector<std::unique_ptr<Session>> ending_;  // discarded, with subscriptions left to end
    std::uint64_t work_done_ = 0;
    std::uint64_t share_ends_ = 0;
    // Before the start: the shard that each session lived on in the last life.
    boost::unordered_flat_map<const Subscriber*, unsigned> recovered_;
    std::vector<std::pair<RecoveredSession, IdentityPtr>> recovered_ended_;  // likewise
    Contests settled_;  // freed at the end of the turn
    log::Quota quota_;
    RecentRefusals recent_refusals_;
};

}  // namespace drawbridge::core
