// ShardPump: runs all shards of a broker on one thread, with time as a variable and links in
// memory.
//
// Without a seed the shards take turns one after the other, each its mail first, so that a test can
// tell what comes when. With a seed chance decides at every step who goes on: a shard begins or
// ends a turn, takes its mail, reads some bytes of some link, or a client reads; turns of several
// shards are open at the same time, as on several threads. Each mailbox keeps the order in which it
// was posted to.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "broker/core/broker.hpp"
#include "tests/support/fake_link.hpp"
#include "tests/support/memory_journal.hpp"

namespace drawbridge::test {

class ShardPump {
public:
    ShardPump(const core::Settings& settings, unsigned shards,
              std::optional<std::uint64_t> seed = {});

    // What outlives the process is kept in `journal` from now on; before the first client.
    void keep_in(MemoryJournal& journal);
    // The process dies and another one begins, with what is in the journal. Links are lost; what
    // has left the broker still arrives.
    void die_and_begin_again(unsigned shards);
    // These owners of sessions are not there any more after that.
    std::set<std::string> owners_gone;

    core::Broker& broker() { return *broker_; }
    TimePoint now() const { return now_; }
    // The sum over all shards of one thing that they count.
    std::uint64_t count(core::Counter core::Stats::*counter);
    // A client id that begins with `name` and is at home on shard `index % shards`.
    std::string id_at(unsigned index, std::string_view name) const;

    // A stranger's connection. Its CONNECT is read like any other bytes.
    FakeLink& open(Peer& peer, core::IdentityPtr identity);
    // The peer's end closes, or the network fails: what the peer has written is still read.
    void drop(FakeLink& link);
    // The network takes bytes for the peer again.
    void unblock(FakeLink& link);

    // Lets all happen that can happen now.
    void settle();
    // Time passes at one stroke; then lets all happen that can happen.
    void advance(Duration time);
    // Runs task on its shard's thread, so to speak; then lets all happen that can happen.
    void run_on(unsigned shard, const std::function<void(core::Shard&)>& task);
    // One turn of one shard, in which it takes in all that has come for it, and nothing else. False
    // if it has no cause for one.
    bool turn(unsigned shard);

    // One random thing that can happen now; false if there is none. Only with a seed.
    bool step();
    // Time passes, and nothing else.
    void pass(Duration time) { now_ += time; }

private:
    struct Action {
        enum class Kind {
            begin_turn,
            take_mail,
            expire,
            end_turn,
            read,
            notice_loss,
            peer_reads,
            commit
        };
        Kind kind;
        unsigned shard = 0;
        FakeLink* link = nullptr;
    };

    bool has_cause(unsigned shard);
    bool is_readable(const FakeLink& link) const;
    unsigned reader_of(const FakeLink& link) const;
    bool peers_read();
    void forget_ended_links();
    void read(FakeLink& link, std::size_t size);
    void read_connect(FakeLink& link);
    void notice_loss(FakeLink& link);
    static void peer_reads(FakeLink& link, std::size_t size);
    void collect_actions();
    void perform(const Action& action);
    std::size_t some_of(std::size_t size);

    const core::Settings settings_;
    MemoryJournal* journal_ = nullptr;
    std::unique_ptr<core::Broker> broker_;
    std::vector<std::unique_ptr<FakeLink>> links_;
    std::vector<FakeLink*> open_links_;  // with something to come
    std::vector<bool> in_turn_;          // by shard
    std::vector<bool> woken_;            // by shard; by the journal
    std::vector<Action> actions_;        // scratch of step()
    TimePoint now_{std::chrono::hours(1)};
    std::optional<std::mt19937_64> chance_;
};

}  // namespace drawbridge::test
