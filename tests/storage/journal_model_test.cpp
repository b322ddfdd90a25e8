// Random bundles of several shards over several lives, compared with a plain model.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "tests/support/journal_life.hpp"

namespace drawbridge::storage {
namespace {

using State = core::KeptMessage::State;

struct ModelSession {
    unsigned shard = 0;
    std::map<std::string, std::uint8_t> subscriptions;  // filter, QoS
    std::set<std::uint16_t> received;
    struct Message {
        State state;
        std::uint16_t packet_id;
        std::string payload;
    };
    std::map<std::uint64_t, Message> queue;
    std::uint64_t last_seq = 0;
};

class Model {
public:
    Model(unsigned seed, unsigned shards) : random_(seed), shards_(shards) {}

    unsigned draw(unsigned below) { return static_cast<unsigned>(random_() % below); }

    // Something random happens to random sessions of the shard.
    core::Bundle change(unsigned shard, core::Journal& journal) {
        core::Bundle bundle;
        std::set<core::SessionId> touched;
        const auto shared = test::message("t/shared", std::string(draw(1'500), 's'), 2);
        for (unsigned i = draw(8); i > 0; --i) {
            const core::SessionId id = pick(shard, bundle, journal);
            if (!touched.insert(id).second) continue;  // a bundle's parts are applied in its order
            change(bundle, id, shared);
        }
        return bundle;
    }

    std::map<core::SessionId, ModelSession> sessions;

private:
    core::SessionId pick(unsigned shard, core::Bundle& bundle, core::Journal& journal) {
        std::vector<core::SessionId> own;
        for (const auto& [id, one] : sessions)
            if (one.shard == shard) own.push_back(id);
        if (own.size() > 2 && draw(5) != 0) return own[draw(unsigned(own.size()))];
        const core::SessionId id = journal.draw_session_id();
        bundle.sessions.push_back(test::session(id, "client-" + std::to_string(id)));
        sessions[id].shard = shard;
        return id;
    }

    void change(core::Bundle& bundle, core::SessionId id, const core::MessagePtr& shared) {
        ModelSession& one = sessions[id];
        if (draw(12) == 0) {
            bundle.ended.push_back(id);
            sessions.erase(id);
            return;
        }
        const std::string filter = "f/" + std::to_string(draw(4));
        const auto qos = static_cast<std::uint8_t>(draw(3));
        const bool unsubscribe = draw(3) == 0;
        bundle.subscriptions.push_back({id, "", filter, {qos}, 0, unsubscribe});
        if (unsubscribe)
            one.subscriptions.erase(filter);
        else
            one.subscriptions[filter] = qos;

        const auto packet_id = static_cast<std::uint16_t>(1 + draw(5));
        const bool released = draw(2) == 0;
        bundle.received.push_back({id, packet_id, released});
        if (released)
            one.received.erase(packet_id);
        else
            one.received.insert(packet_id);

        for (unsigned i = draw(6); i > 0; --i) {
            const auto what =
                draw(3) == 0 ? shared : test::message("t", std::string(draw(2'000), 'x'), 2);
            const std::uint64_t seq = one.last_seq += 1 + draw(2);
            bundle.messages.push_back(test::waiting(id, seq, what));
            one.queue[seq] = {State::waits, 0, std::string(as_text(what->view().payload))};
        }
        for (auto& [seq, kept] : one.queue) {
            if (draw(4) != 0 || kept.state == State::received) continue;
            kept.state = kept.state == State::waits ? State::sent : State::received;
            kept.packet_id = static_cast<std::uint16_t>(1 + draw(65'535));
            bundle.progress.push_back({id, seq, kept.packet_id, kept.state});
        }
        for (unsigned i = draw(4); i > 0; --i) {
            const std::uint64_t first = draw(unsigned(one.last_seq + 2));
            const std::uint64_t last = first + draw(4);
            bundle.removed.push_back({id, first, last});
            one.queue.erase(one.queue.lower_bound(first), one.queue.upper_bound(last));
        }
    }

    std::mt19937 random_;
    unsigned shards_;
};

void compare(const test::JournalLife& life, const Model& model) {
    const auto found = life.recovered();
    REQUIRE(found.size() == model.sessions.size());
    for (const auto& [id, expected] : model.sessions) {
        const core::RecoveredSession& one = found.at(id);
        std::map<std::string, std::uint8_t> subscriptions;
        for (const auto& subscription : one.subscriptions)
            subscriptions[subscription.filter] = subscription.options.qos;
        CHECK(subscriptions == expected.subscriptions);
        CHECK(std::set<std::uint16_t>(one.received.begin(), one.received.end()) ==
              expected.received);
        std::uint64_t waiting = 0;
        auto sent = one.sent.begin();
        for (const auto& [seq, kept] : expected.queue) {
            if (kept.state == State::waits) {
                ++waiting;
                continue;
            }
            REQUIRE(sent != one.sent.end());
            CHECK(sent->seq == seq);
            CHECK(sent->state == kept.state);
            CHECK(sent->packet_id == kept.packet_id);
            if (kept.state == State::sent)
                CHECK(as_text(sent->message->view().payload) == kept.payload);
            ++sent;
        }
        CHECK(sent == one.sent.end());
        CHECK(one.queue.messages == waiting);
    }
}

void compare_windows(test::JournalLife& life, const Model& model) {
    for (const auto& [id, expected] : model.sessions) {
        const auto loaded = life.load({id, 0, UINT64_MAX, 1'000, 10'000'000, false});
        auto found = loaded.messages.begin();
        for (const auto& [seq, kept] : expected.queue) {
            if (kept.state != State::waits) continue;
            REQUIRE(found != loaded.messages.end());
            CHECK(found->seq == seq);
            CHECK(as_text(found->message->view().payload) == kept.payload);
            ++found;
        }
        CHECK(found == loaded.messages.end());
    }
}

TEST_CASE("whatever the shards submit is what the next life finds", "[storage][journal][model]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    for (const unsigned shards : {1u, 2u, 4u}) {
        test::JournalLife life(shards, false);
        life.end();
        // Chunks are compacted all the time, or, of so few, never.
        if (shards > 1) life.options.gone_bytes_min = 0;
        life.begin();
        Model model(seed, shards);
        for (int lives = 0; lives < 4; ++lives) {
            for (int i = 0; i < 60; ++i) {
                const unsigned shard = model.draw(shards);
                core::Bundle bundle = model.change(shard, *life.journal);
                if (model.draw(5) == 0)
                    life.commit(std::move(bundle), shard);
                else
                    life.journal->submit(shard, std::make_unique<core::Bundle>(std::move(bundle)));
            }
            for (unsigned shard = 0; shard < shards; ++shard) life.commit({}, shard);
            compare_windows(life, model);
            life.end();
            compare(life, model);
            for (const std::string table : {"gone", "progress"})
                CHECK(life.count(table + " WHERE session NOT IN (SELECT session FROM sessions)") ==
                      0);
            life.begin();
        }
    }
}

}  // namespace
}  // namespace drawbridge::storage
