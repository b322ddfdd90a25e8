// Keeper: a shard's side of the journal. Gathers what has to outlive the process at the end of a
// turn, and says when it is safe to tell clients so.
//
// What is told to the journal is the state of things, not each step towards it: a session that has
// changed is asked at the end of a turn what is new since the last time. So a message that its
// client acknowledges before that has never been there.
//
// Safe is what is on disk or has been acknowledged by its receivers. Of its own part a shard knows
// that from the journal. Of what it published to other shards it hears from their keepers, turn by
// turn (`settled`); and if a turn's messages were QoS 2 and of a session that is kept, they go to
// the journal themselves, until the other shards have them (Bundle::published): so it is on disk at
// one moment that they were received, and that they are to be delivered.
// Threads: the shard's, but for settled().
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/deadlines.hpp"
#include "broker/core/held_answers.hpp"
#include "broker/core/journal.hpp"
#include "broker/core/open_turns.hpp"
#include "broker/core/recovery.hpp"
#include "broker/core/session_keep.hpp"
#include "broker/core/settled_rounds.hpp"

namespace drawbridge::core {

class Client;
class Link;
class Session;
class Shard;

class Keeper final : private Deadline {
public:
    enum class Urgency : std::uint8_t {
        lazily,    // nobody waits for it
        soon,      // somebody waits, but may be content without
        now,       // somebody waits
        in_front,  // and it must be with the journal before others hear of this turn
    };

    explicit Keeper(Shard& shard);
    ~Keeper();

    // Before the start. Without a journal nothing is kept and nothing has to wait.
    void use(Journal& journal, bool answers_wait);
    bool is_on() const { return journal_ != nullptr; }
    SessionId draw_session_id() { return journal_->draw_session_id(); }

    // --- the turn
    void begin_turn();
    // Before the turn is mailed.
    void end_turn();
    void mailed(unsigned shard) {
        if (is_on()) others_[shard].last_mailed = round_;
    }
    // After the turn was mailed, and before links are flushed.
    void turn_mailed();
    // What happens from now on is because of mail from another shard; at the end all of that mail
    // has been taken in. holds_qos2: it may be in the journal until this is.
    void begin_mail(unsigned from, std::uint64_t round);
    void end_mail(bool holds_qos2);
    // There is something to release.
    bool has_work() const;
    // What has become here of another shard's rounds. Any thread.
    const SettledRounds& settled(unsigned origin) const { return settled_[origin]; }
    // All that there is to tell is told at the end of this turn.
    void want_now() { want(Urgency::in_front); }
    // True if the shard's holders want to hear when settled() of another shard grows. Any thread.
    bool waits_for_others() const { return waits_.load(std::memory_order_seq_cst); }

    // --- what is to be kept
    // The session has changed.
    void note(SessionKeep& keep, Urgency urgency);
    void note_retained(std::string_view topic, Urgency urgency);
    // QoS 2, for other shards: for all of them, or for one, because of a share group.
    void note_published(const MessageView& message, std::uint64_t group = 0, unsigned receiver = 0);
    void note_ended(SessionId id, bool once_settled);
    // A session whose end waits for others: after a death it is not there any more, but what it has
    // handed on is.
    void note_ending(KeptSession&& row);
    // A message of a session that has ended goes back to its share group, once groups are whole.
    void hand_on(const KeptMessage& message);
    // A message that a session has on disk has been handed on to others. It is forgotten here once
    // it is safe there.
    void note_handed_on(SessionKeep& keep, std::uint64_t seq, std::uint8_t qos);
    // True while that is still to be waited for, so that the session must not be forgotten.
    bool hands_on(const SessionKeep& keep) const {
        return keep.handed_on_in != 0 && !has_settled_all(keep.handed_on_in);
    }
    // The turn under way, of the shard that has caused what happens now.
    OpenTurnPtr open_turn();
    // A message goes from one session to another. from: what waits for it to be safe; null: it was
    // safe, and is to be forgotten where it was.
    void begin_handing_on(const OpenTurnPtr& from);
    void end_handing_on() { cause_.reset(); }
    // Something that the turn has caused goes on to another shard: the turn is open until it has
    // settled there.
    void note_forwarded();
    // Grows with each message that a session here has to keep.
    std::uint64_t opened() const { return opened_; }

    // --- what has to wait
    // True if an answer that waits for this cannot be sent at once.
    bool must_hold(Until until) const { return answers_wait_ && until != Until::now; }
    std::uint64_t round() const { return round_; }
    bool is_safe(std::uint64_t round, Until until) const;
    void note_held(HeldAnswers& held, Until until);
    // CONNACK, with all behind it, until what the link's session has promised is on disk.
    void hold(Link& link);
    void forget(Link& link);
    // Nothing new can be promised now.
    bool refuses() const { return is_on() && journal_->state() != Journal::State::good; }
    // Publishers of QoS 1 and 2 must be made to wait. The client is called when it is over.
    bool is_full() const { return is_on() && journal_->full(); }
    void note_paused(Client& client);
    void forget_paused(Client& client);

    // --- what is read back
    // Session::take_in_stored() is called, unless the session ends before.
    void load(SessionKeep& keep, const KeptQueue& queue);
    // Session::take_in_expired() is called likewise. Nothing is loaded for it until what had
    // expired is gone from the disk: it would come as well.
    void look_for_expired(SessionKeep& keep, const KeptQueue& queue);
    void forget(SessionKeep& keep);
    // Of a session that has ended: what is of share groups goes back to them, then the session is
    // forgotten.
    void load_orphans(SessionId session, const KeptQueue& queue, std::vector<KeptRange> holes);

private:
    // What is known of another shard.
    struct Other {
        std::uint64_t last_mailed = 0;
        SettledRounds::State settled;  // of this shard's rounds
    };
    struct Submitted {
        std::uint64_t number = 0;
        std::uint64_t round = 0;  // all up to this one is in it, or was before
        std::vector<OpenTurnPtr> open;
    };
    struct Forwarded {
        std::uint64_t round;
        OpenTurnPtr cause;
    };
    struct HandedOn {
        std::uint64_t round;
        KeptRange range;  // last = 0: the session itself
    };
    using Unsaved = boost::intrusive::list<SessionKeep, boost::intrusive::base_hook<UnsavedHook>,
                                           boost::intrusive::constant_time_size<false>>;
    using WithQueue =
        boost::intrusive::list<SessionKeep, boost::intrusive::base_hook<WithQueueHook>,
                               boost::intrusive::constant_time_size<false>>;
    using Held = boost::intrusive::list<HeldAnswers, boost::intrusive::constant_time_size<false>>;

    void expired(TimePoint now) override;
    void want(Urgency urgency);
    bool others_have_settled(std::uint64_t round) const;
    bool has_settled_all(std::uint64_t up_to) const;
    void hear_of_others();
    void forget_what_has_settled();
    std::unique_ptr<Bundle> gather(Submitted& submitted);
    bool has_unsaved() const;
    void submit();
    void note_committed();
    void release();
    void tell_others();
    void take_in(Journal::Loaded& loaded);
    void take_in_expired(SessionKeep& keep, const Journal::Loaded& loaded);
    void end_looks_for_expired();
    void hand_on_orphans(Journal::Loaded& loaded);
    void note_handed_on(SessionId session, std::uint64_t seq, std::uint8_t qos);

    Shard& shard_;
    Journal* journal_ = nullptr;
    bool answers_wait_ = false;
    bool due_ = false;
    Urgency wanted_ = Urgency::lazily;
    bool seen_matters_ = false;

    // Numbers the turns, for this alone.
    std::uint64_t round_ = 1;
    std::vector<std::uint64_t> seen_;  // by shard: the last round of which mail was taken in

    // The origin of what happens now.
    unsigned origin_ = 0;
    std::uint64_t origin_round_ = 0;  // 0: the shard's own
    OpenTurnPtr cause_;               // instead, if set

    std::vector<OpenTurns> open_turns_;         // by origin
    std::unique_ptr<SettledRounds[]> settled_;  // by origin
    std::vector<Other> others_;                 // by shard
    std::vector<Forwarded> forwarded_;
    std::deque<HandedOn> handed_on_;
    std::uint64_t opened_ = 0;
    std::atomic<bool> waits_{false};
    std::atomic<bool> news_{false};  // of the journal, since the turn began

    Unsaved unsaved_;
    WithQueue with_queue_;  // what waits for them can leave memory once it is on disk
    boost::unordered_flat_map<SessionId, SessionKeep*> loading_;
    // Of those, who waits for a round to be committed.
    std::vector<std::pair<SessionId, std::uint64_t>> expired_out_;
    boost::unordered_flat_map<SessionId, std::vector<KeptRange>> orphans_;  // with their holes
    Held held_;
    std::vector<std::pair<Link*, std::uint64_t>> held_links_;  // with the round
    std::vector<Client*> paused_;
    std::vector<std::string> retained_;
    std::vector<KeptPublish> published_;
    std::vector<KeptRange> removed_;
    std::vector<SessionId> ended_;
    std::vector<KeptSession> ending_;

    std::deque<Submitted> submitted_;
    std::uint64_t last_number_ = 0;
    std::uint64_t committed_number_ = 0;
    std::uint64_t committed_round_ = 0;
};

}  // namespace drawbridge::core
