// Journal: the port through which shards keep what must outlive the process. Implemented in
// storage/.
//
// A shard gathers what has changed into a Bundle at the end of a turn and submits it. A bundle is
// committed as a whole, many in one transaction, and all, of all shards, in the order in which they
// were submitted. So what a shard has submitted before it mailed a turn is committed no later than
// anything that the mail has caused elsewhere.
//
// Of each shard's turn the other shards must hear, and what they make of it is in bundles of
// theirs. So a bundle says which turns of the others it has taken in (`seen`). A turn that is
// committed before all have seen it must not be forgotten: its QoS 2 messages (`published`) are
// kept until they have, and are handed out again if the broker dies before.
#pragma once

#include <functional>
#include <memory>

#include "broker/core/kept.hpp"

namespace drawbridge::core {

// All that has changed on one shard since its last bundle, applied in the order of the members.
struct Bundle {
    std::uint64_t turn = 0;           // all of the shard's own turns up to this one are in
    std::vector<std::uint64_t> seen;  // by shard: all its turns up to this one are in

    std::vector<KeptSession> sessions;  // new or changed
    std::vector<KeptSubscription> subscriptions;
    std::vector<KeptReceived> received;
    // New: each has a higher seq than all that its session had before.
    std::vector<KeptMessage> messages;
    std::vector<KeptProgress> progress;
    std::vector<KeptRange> removed;
    std::vector<SessionId> ended;        // with all that is theirs
    std::vector<std::string> retained;   // topics whose retained messages have changed
    std::vector<KeptPublish> published;  // see above

    // About what it takes in memory.
    std::size_t bytes = 0;
};

std::size_t bytes_of(const Bundle& bundle);

class Journal {
public:
    enum class State : std::uint8_t {
        good,
        no_space,  // the disk is full, or nearly: nothing new can be promised
        failing,   // it cannot be written to, for another reason
    };

    virtual ~Journal() = default;

    // Numbers the shard's bundles: 1, 2, 3... Never blocks.
    virtual std::uint64_t submit(unsigned shard, std::unique_ptr<Bundle> bundle) = 0;
    // The last bundle of the shard that is safe. Any thread. `told` is called after it has grown.
    virtual std::uint64_t committed(unsigned shard) const = 0;
    // Committed bundles, to be freed where they were made.
    virtual std::vector<std::unique_ptr<Bundle>> take_back(unsigned shard) = 0;

    // More waits to be written than limits::journal_bytes_max: publishers must be made to wait.
    // Any thread. `told` is called for every shard when it is over.
    virtual bool full() const = 0;
    // Any thread. `told` is called for every shard when it has changed.
    virtual State state() const = 0;

    // Called from any thread; must not block. Set once by each shard, before the start.
    virtual void on_news(unsigned shard, std::function<void()> told) = 0;

    // Reads messages that wait (State::waits) of a committed bundle: from seq `first` on, up to
    // `last`, about `bytes_max` bytes and at most `messages_max`; only those of a share group if
    // shared_only. The answer comes through loaded(), and on_news; while the file cannot be read it
    // is awaited.
    struct Load {
        SessionId session = 0;
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        std::size_t messages_max = 0;
        std::size_t bytes_max = 0;
        bool shared_only = false;
        // If set: asks which of them have expired by then, and bytes_max does not matter.
        std::optional<TimePoint> expired_by = {};
    };
    struct Expired {
        std::uint64_t seq = 0;
        std::uint64_t bytes = 0;  // as Message::bytes() counts them
        bool shared = false;      // of a share group
    };
    struct Loaded {
        Load asked;
        std::vector<KeptMessage> messages;   // in the order of seq
        std::vector<std::uint64_t> damaged;  // seqs whose rows say nonsense; it has been logged
        std::vector<Expired> expired;        // if asked for; not all if they are messages_max
        TimePoint none_expires_before = TimePoint::max();  // of those left, if asked for expired

        bool is_empty() const { return messages.empty() && damaged.empty(); }
        // All up to this seq has been read.
        std::uint64_t up_to() const;
    };
    virtual void load(unsigned shard, const Load& load) = 0;
    virtual std::vector<Loaded> loaded(unsigned shard) = 0;

    // A number that no session has had. Any thread.
    virtual SessionId draw_session_id() = 0;
};

// For people and programs: "good", "no_space", "failing".
const char* to_text(Journal::State state);

}  // namespace drawbridge::core
