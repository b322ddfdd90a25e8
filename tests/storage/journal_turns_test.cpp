// What shards have heard of each other: messages of QoS 2 are kept until all have, and no longer.
#include <catch2/catch.hpp>

#include "broker/core/text_hash.hpp"
#include "storage/recovery.hpp"
#include "tests/support/journal_life.hpp"

namespace drawbridge::storage {
namespace {

using core::Bundle;
using test::message;
using Missed = std::vector<std::pair<unsigned, std::string>>;  // shard, payload

Bundle published(std::uint64_t turn, const char* payload) {
    Bundle bundle;
    bundle.turn = turn;
    bundle.published.push_back({turn, 0, message("t", payload, 2), 0, 0});
    return bundle;
}

Bundle seen(std::vector<std::uint64_t> turns) {
    Bundle bundle;
    bundle.seen = std::move(turns);
    return bundle;
}

Missed missed(const std::filesystem::path& file) {
    Missed all;
    Recovery(file).visit_published([&](const core::RecoveredPublish& one) {
        all.emplace_back(one.shard, as_text(one.publish.message->view().payload));
    });
    return all;
}

TEST_CASE("with one shard no turn is kept", "[storage][journal]") {
    test::JournalLife life;
    life.commit(published(1, "a"));
    CHECK(life.count("published") == 0);
    CHECK(life.count("seen") == 0);
}

TEST_CASE("a message that the other shard has not heard of is handed out again",
          "[storage][journal]") {
    test::JournalLife life(2);
    life.commit(published(3, "a"));
    life.commit(seen({2, 0}), 1);
    CHECK(missed(life.file()) == Missed{{1, "a"}});
    life.commit(seen({3, 0}), 1);
    CHECK(missed(life.file()).empty());
    CHECK(life.count("published") == 0);
}

TEST_CASE("a message that all have heard of when it is committed is not written",
          "[storage][journal]") {
    test::JournalLife life(2, false);
    life.journal->submit(0, std::make_unique<Bundle>(published(1, "a")));
    life.journal->submit(1, std::make_unique<Bundle>(seen({1, 0})));
    life.journal->start();
    life.commit(seen({0, 0}), 1);
    CHECK(life.count("published") == 0);
    CHECK(life.count("seen") == 0);
}

TEST_CASE("of four shards those that have not heard of a message get it again",
          "[storage][journal]") {
    test::JournalLife life(4);
    life.commit(seen({0, 0, 8, 0}), 0);
    life.commit(published(7, "a"), 2);
    CHECK(missed(life.file()) == Missed{{1, "a"}, {3, "a"}});
    life.commit(published(8, "b"), 2);
    life.commit(seen({0, 0, 7, 0}), 3);
    CHECK(missed(life.file()) == Missed{{1, "a"}, {1, "b"}, {3, "b"}});
    life.commit(seen({0, 0, 7, 0}), 1);
    CHECK(life.count("published") == 1);
    CHECK(missed(life.file()) == Missed{{1, "b"}, {3, "b"}});
}

TEST_CASE("a message for a member of a share group is kept for the member's shard alone",
          "[storage][journal]") {
    test::JournalLife life(3);
    Bundle bundle = published(1, "a");
    bundle.published[0].group = 7;
    bundle.published[0].receiver_shard = 2;
    Bundle own = published(1, "b");
    own.published[0].group = 7;
    own.published[0].receiver_shard = 1;
    life.commit(std::move(bundle), 0);
    life.commit(std::move(own), 1);
    CHECK(missed(life.file()) == Missed{{2, "a"}});
    life.commit(seen({1, 1, 0}), 2);
    CHECK(missed(life.file()).empty());
}

TEST_CASE("a new life forgets what was to be recovered with the first that it commits",
          "[storage][journal]") {
    test::JournalLife life(2);
    life.commit(published(9, "a"));
    life.end();
    life.begin(false);
    life.journal->submit(1, std::make_unique<Bundle>(seen({0, 0})));
    life.end();
    CHECK(missed(life.file()) == Missed{{1, "a"}});  // never started: nothing was written
    life.begin();
    life.commit(seen({0, 0}), 1);
    CHECK(missed(life.file()).empty());
    life.commit(published(1, "of this life"));
    CHECK(missed(life.file()) == Missed{{1, "of this life"}});
}

TEST_CASE("a session's home is that of the life before, whatever key and shards this one has",
          "[storage][journal]") {
    test::JournalLife life(4);
    Bundle bundle;
    std::vector<unsigned> homes;
    for (core::SessionId id = 1; id <= 20; ++id) {
        const std::string client_id = "client-" + std::to_string(id);
        homes.push_back(static_cast<unsigned>(core::hash_text(client_id) % 4));
        bundle.sessions.push_back(test::session(id, client_id));
    }
    life.commit(std::move(bundle));
    life.end();
    core::seed_text_hash(1);
    Recovery recovery(life.file());
    CHECK(recovery.shards() == 4);
    std::vector<unsigned> found;
    recovery.visit_sessions([&](const core::RecoveredSession& one) { found.push_back(one.shard); });
    CHECK(found == homes);
}

}  // namespace
}  // namespace drawbridge::storage
