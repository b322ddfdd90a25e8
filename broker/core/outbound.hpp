// Outbound: a session's messages on their way to its client: those of QoS 1 and 2 that were sent
// and not acknowledged, in the order they were sent, and those that wait: of QoS 1 and 2 for the
// window, of QoS 0 for a client that reads more slowly than its messages come. MQTT 5.0,
// sections 4.3, 4.4 and 4.9.
//
// Of a session that outlives the process each message has a number, `seq`, under which the journal
// keeps it. What waits is in three parts then: the oldest in memory, those behind them on disk
// alone (stored), and the newest in memory again until they are on disk, too (fresh).
//
// Limit: the window (the smaller of max_inflight and the client's Receive Maximum) for what is
// sent; max_queued_messages and max_queued_bytes for what waits. When they are reached, the oldest
// of QoS 0 make room first, then what has expired in memory; then the new message is refused. What
// has expired on disk is counted out before, with the journal's help (begin_expired_out).
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "broker/base/limits.hpp"
#include "broker/base/ring.hpp"
#include "broker/core/journal.hpp"
#include "broker/core/kept.hpp"
#include "broker/core/message.hpp"
#include "broker/core/open_turns.hpp"
#include "broker/core/publish_batch.hpp"
#include "broker/core/recovery.hpp"

namespace drawbridge::core {

struct Outgoing {
    enum class Awaits : std::uint8_t { puback, pubrec, pubcomp };

    MessagePtr message;                                            // null once PUBREC has come
    std::unique_ptr<std::vector<std::uint32_t>> subscription_ids;  // null if none
    GroupRef group;
    std::uint64_t seq = 0;        // 0: it is not kept
    OpenTurnPtr from;             // what waits for it to be safe; null: nothing
    std::uint16_t packet_id = 0;  // 0 while it waits
    std::uint8_t qos = 0;
    bool retain = false;
    bool sent_before = false;  // a further transmission carries DUP
    bool progressed = false;   // since the journal was told
    bool held = false;         // it is not sent yet, though it is its turn
    Awaits awaits = Awaits::puback;

    // Of QoS 2: the message itself is not needed any more.
    void goes_on_with_pubrel() {
        awaits = Awaits::pubcomp;
        progressed = true;
        from.reset();
        message.reset();
        subscription_ids.reset();
        group = GroupRef{};
    }
};

// A message of a share group that its member has left unacknowledged.
struct Offer {
    MessagePtr message;
    GroupRef group;
    std::uint64_t seq = 0;  // 0: it is not kept
    std::uint16_t packet_id = 0;
    OpenTurnPtr from;  // what waits for it to be safe; null: nothing
};

// Of a session that is kept, the journal is told of the last packet identifier now and then. After
// a death so many are left out: they may be in use on the other side.
constexpr std::uint16_t packet_ids_skipped = 8'209;
constexpr std::uint16_t packet_ids_between_notes = 1'024;

class Outbound {
public:
    // Messages sent on this connection and not acknowledged may be at most `window`.
    void begin_connection(std::size_t window);
    // What waits at QoS 0 does not outlive the connection; returns how many that were.
    std::size_t end_connection();

    // Queues. Returns false if a bound refuses it.
    bool push(Outgoing message, const Limits& limits, TimePoint now);

    // Drops what has expired of what waits in memory.
    void drop_expired(TimePoint now);
    // Nothing that waits expires before.
    TimePoint none_expires_before() const {
        return std::min(none_expires_before_, stored_.none_expires_before);
    }

    // The next message of QoS 1 or 2 to send now, with its packet identifier; null if the window is
    // full or nothing waits. After a reconnection these are first the unacknowledged ones, again
    // and in their order (MQTT-4.4.0-1).
    Outgoing* next(TimePoint now);
    // The next of QoS 0, which no window holds back (MQTT-3.3.4-10).
    std::optional<Outgoing> next_of_qos0(TimePoint now);
    // True if next() would find room.
    bool window_open() const { return sent_.size() - unsent_ < window_; }

    // Acknowledgements. Null if no such message awaits that; acknowledged() removes it.
    Outgoing* find(std::uint16_t packet_id, Outgoing::Awaits awaits);
    void acknowledged(Outgoing& message);

    bool nothing_waits() const {
        return waiting_.empty() && waiting_of_qos0_.empty() && unsent_ == 0 &&
               stored_.messages == 0 && fresh_.empty();
    }
    bool waits_at_qos0() const { return !waiting_of_qos0_.empty(); }
    // Half of the bounds is free again.
    bool has_drained(const Limits& limits) const;
    std::size_t waiting() const {
        return waiting_.size() + waiting_of_qos0_.size() + stored_.messages + fresh_.size();
    }
    std::size_t unacknowledged() const { return sent_.size(); }
    // How many were dropped since the last call, because they had expired, or to make room.
    std::size_t take_expired() { return std::exchange(expired_, 0); }
    std::size_t take_displaced() { return std::exchange(displaced_, 0); }

    // Of share groups, while there is no connection. What waits may go to any other member at once.
    // What was sent at QoS 1 and not acknowledged is offered to the others, and stays until one has
    // taken it. A QoS 2 message that has been sent stays with this client (MQTT-4.8.2-4,
    // MQTT-4.8.2-5).
    std::vector<Outgoing> take_waiting_shared();
    std::vector<Offer> offers() const;
    // Takes out what waits and what was sent on an earlier connection, where `denied` says so. Of
    // QoS 2, what was sent stays without its message, and goes on with PUBREL: its identifier is in
    // use on the other side. The message is among those returned, but of no group any more: this
    // client may have it already, so no other gets it (MQTT-4.8.2-4, MQTT-4.8.2-5).
    std::vector<Outgoing> withdraw(const std::function<bool(const MessageView&)>& denied);
    // Another member has taken an offer; nothing happens if it has been sent again meanwhile.
    // Returns the seq of what has gone; 0 if none.
    std::uint64_t offer_taken(std::uint16_t packet_id, std::uint64_t group);

    // --- of a session that is kept
    // Takes over what the journal had of it; what was sent is sent again.
    void restore(std::vector<Outgoing> sent, const KeptQueue& queue, std::uint64_t last_seq);
    // Packet identifiers are drawn from the one after `last` on.
    void begin_packet_ids(std::uint16_t last);
    std::uint16_t last_packet_id() const { return last_packet_id_; }
    std::uint64_t last_seq() const { return last_seq_; }
    // Calls tell(message) for each message that the journal has not been told of, told up to
    // `told` included, and for each that has made progress since.
    void tell_changes(std::uint64_t told, const std::function<void(Outgoing&)>& tell);
    // Messages that have gone since the last call, and of which the journal may know.
    std::vector<KeptRange> take_gone() { return std::exchange(gone_, {}); }
    // What waits and is on disk, up to seq `safe` included, need not stay in memory. all: nor do
    // the oldest.
    void leave_to_disk(std::uint64_t safe, bool all);
    bool has_waiting_in_memory() const { return !waiting_.empty() || has_fresh(); }
    bool has_fresh() const { return !fresh_.empty(); }
    // True if there is something on disk that should be read now.
    bool wants_stored() const;
    const KeptQueue& stored() const { return stored_; }
    // What was read: the oldest of what is stored, up to seq `last`. damaged: seqs of those that
    // cannot be read and have gone by that.
    void take_in_stored(std::vector<Outgoing> messages, const std::vector<std::uint64_t>& damaged,
                        std::uint64_t last);
    // Three quarters of a bound are reached.
    bool is_nearly_full(const Limits& limits) const;
    bool has_expired_on_disk(TimePoint now) const {
        return stored_.messages > 0 && stored_.none_expires_before <= now;
    }
    // The queue in which to look; until the answer nothing more is known to expire in it.
    KeptQueue begin_expired_out();
    // What of it has expired. No window is being read meanwhile, nor until their end is on disk.
    void expired_out(const std::vector<Journal::Expired>& expired, TimePoint none_expires_before);
    // What has been taken out of the middle of what waits. It may be on disk still.
    const std::vector<KeptRange>& holes() const { return holes_; }
    static bool is_hole(const std::vector<KeptRange>& holes, std::uint64_t seq);
    // The number of the next message that is pushed.
    std::uint64_t draw_seq() { return ++last_seq_; }
    void note_gone(std::uint64_t seq);

private:
    bool is_full(std::size_t more_bytes, const Limits& limits) const;
    void drop_expired(Ring<Outgoing>& ring, TimePoint now);
    Outgoing take(Ring<Outgoing>& ring);
    void put_back(Ring<Outgoing>& ring, Outgoing message);
    bool has_waiting();
    void store(const Outgoing& message);
    void note_hole(std::uint64_t seq);
    void forget_holes();
    std::uint16_t draw_packet_id();

    Ring<Outgoing> sent_;  // the last unsent_ of them not on this connection yet
    Ring<Outgoing> waiting_;
    KeptQueue stored_;      // behind waiting_
    Ring<Outgoing> fresh_;  // behind stored_
    Ring<Outgoing> waiting_of_qos0_;
    std::vector<KeptRange> gone_;
    std::vector<KeptRange> holes_;
    std::uint64_t last_seq_ = 0;
    std::size_t unsent_ = 0;
    std::size_t window_ = 0;
    std::size_t waiting_bytes_ = 0;  // of both
    std::uint32_t expired_ = 0;
    std::uint32_t displaced_ = 0;
    TimePoint none_expires_before_ = TimePoint::max();  // in memory
    std::uint16_t last_packet_id_ = 0;
    std::uint16_t look_again_at_ = 1;  // the identifiers before it, after last_packet_id_, are free
};

}  // namespace drawbridge::core
