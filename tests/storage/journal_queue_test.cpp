// Queues in the journal: windows of them, content that is shared, sessions that end; and what is
// retained.
#include <catch2/catch.hpp>

#include "tests/support/journal_life.hpp"

namespace drawbridge::storage {
namespace {

using core::Bundle;
using test::message;
using test::session;
using test::waiting;

// A session with messages 1 to `last`, each of ten bytes.
Bundle queue_of(core::SessionId id, std::uint64_t last) {
    Bundle bundle;
    bundle.sessions = {session(id, "client-" + std::to_string(id))};
    for (std::uint64_t seq = 1; seq <= last; ++seq)
        bundle.messages.push_back(waiting(id, seq, message("t", "123456789")));
    return bundle;
}

std::vector<std::uint64_t> seqs(const core::Journal::Loaded& loaded) {
    std::vector<std::uint64_t> all;
    for (const core::KeptMessage& kept : loaded.messages) all.push_back(kept.seq);
    return all;
}

using Seqs = std::vector<std::uint64_t>;

TEST_CASE("a window of a queue is loaded in its order and within its bounds",
          "[storage][journal]") {
    test::JournalLife life;
    life.commit(queue_of(1, 9));
    life.commit(queue_of(2, 9));
    Bundle sent;
    sent.progress = {{1, 2, 7, core::KeptMessage::State::sent}};
    life.commit(std::move(sent));
    CHECK(seqs(life.load({1, 1, UINT64_MAX, 3, 1'000, false})) == Seqs{1, 3, 4});
    CHECK(seqs(life.load({1, 4, 5, 100, 1'000, false})) == Seqs{4, 5});
    CHECK(seqs(life.load({1, 4, 9, 100, 20, false})) == Seqs{4, 5});
    CHECK(seqs(life.load({1, 4, 9, 100, 1, false})) == Seqs{4});
    CHECK(seqs(life.load({1, 10, 20, 100, 1'000, false})).empty());
    CHECK(seqs(life.load({3, 1, 9, 100, 1'000, false})).empty());
}

TEST_CASE("of a queue the messages of share groups can be loaded alone", "[storage][journal]") {
    test::JournalLife life;
    Bundle bundle = queue_of(1, 4);
    bundle.messages[1].share = "team/t";
    bundle.messages[3].share = "team/t";
    life.commit(std::move(bundle));
    CHECK(seqs(life.load({1, 1, 9, 100, 1'000, true})) == Seqs{2, 4});
    CHECK(life.recovered().at(1).queue.shared == 2);
}

TEST_CASE("of a queue can be asked what has expired, and when the next one does",
          "[storage][journal]") {
    test::JournalLife life;
    const TimePoint now = Clock::now();
    Bundle bundle = queue_of(1, 2);
    const auto add = [&](std::uint64_t seq, Duration lives) {
        core::MessageView view;
        view.topic = "t";
        view.qos = 1;
        view.expires_at = now + lives;
        bundle.messages.push_back(waiting(1, seq, core::Message::copy_of(view)));
    };
    add(3, seconds(5));
    add(4, seconds(50));
    add(5, seconds(5));
    add(6, seconds(5));
    bundle.messages[4].share = "team/t";
    bundle.progress = {{1, 6, 7, core::KeptMessage::State::sent}};
    life.commit(std::move(bundle));
    const auto ask = [&](std::uint64_t last, std::size_t messages_max, Duration later) {
        core::Journal::Load load{1, 1, last, messages_max};
        load.expired_by = now + later;
        return life.load(load);
    };
    auto found = ask(9, 10, seconds(6));
    REQUIRE(found.expired.size() == 2);
    CHECK(found.expired[0].seq == 3);
    CHECK(found.expired[0].bytes == 1);
    CHECK_FALSE(found.expired[0].shared);
    CHECK(found.expired[1].seq == 5);
    CHECK(found.expired[1].shared);
    CHECK(found.messages.empty());
    CHECK(found.none_expires_before > now + seconds(49));
    CHECK(found.none_expires_before < now + seconds(51));
    found = ask(4, 10, seconds(60));
    CHECK(found.expired.size() == 2);
    CHECK(found.none_expires_before == TimePoint::max());
    found = ask(9, 1, seconds(6));
    CHECK(found.expired.size() == 1);
    CHECK(found.none_expires_before < now + seconds(6));
    CHECK(ask(9, 10, seconds(4)).expired.empty());
}

TEST_CASE("acknowledgements in any order delete what they name and nothing else",
          "[storage][journal]") {
    test::JournalLife life;
    life.commit(queue_of(1, 9));
    life.commit(queue_of(2, 9));
    Bundle acknowledged;
    acknowledged.removed = {{1, 1, 1}, {1, 2, 3}, {2, 4, 4},
                            {1, 5, 5}, {1, 4, 4}, {2, 9, UINT64_MAX}};
    life.commit(std::move(acknowledged));
    CHECK(seqs(life.load({1, 1, 9, 100, 1'000, false})) == Seqs{6, 7, 8, 9});
    CHECK(seqs(life.load({2, 1, 9, 100, 1'000, false})) == Seqs{1, 2, 3, 5, 6, 7, 8});
}

TEST_CASE("content that many sessions wait for is stored once, and goes with the last of them",
          "[storage][journal]") {
    test::JournalLife life;
    Bundle bundle;
    const auto shared = message("t", std::string(30'000, 'x'));
    for (core::SessionId id = 1; id <= 100; ++id) {
        bundle.sessions.push_back(session(id, "c" + std::to_string(id)));
        bundle.messages.push_back(waiting(id, 1, shared));
        bundle.messages.push_back(waiting(id, 2, message("t", std::string(80, 'y'))));
    }
    life.commit(std::move(bundle));
    CHECK(life.count("chunks WHERE length(contents) >= 30000") == 1);
    CHECK(life.load({2, 1, 1, 1, 1, false}).messages.at(0).message->view().payload.size() ==
          30'000);
    CHECK(life.load({2, 2, 2, 1, 1, false}).messages.at(0).message->view().payload.size() == 80);
    CHECK(life.recovered().at(3).queue.bytes == 30'082);

    Bundle acknowledged;
    acknowledged.removed = {{1, 1, 1}};
    acknowledged.progress = {{2, 1, 5, core::KeptMessage::State::received}};
    life.commit(std::move(acknowledged));
    CHECK(life.recovered().at(2).sent.at(0).message == nullptr);
    Bundle ended;
    for (core::SessionId id = 2; id <= 99; ++id) ended.ended.push_back(id);
    life.commit(std::move(ended));
    life.commit({});
    CHECK(life.count("chunks WHERE length(contents) >= 30000") == 1);
    Bundle last;
    last.removed = {{100, 1, 1}};
    life.commit(std::move(last));
    life.commit({});
    CHECK(life.count("chunks WHERE length(contents) >= 30000") == 0);
    CHECK(life.load({100, 1, 9, 9, 1, false}).messages.size() == 1);
}

TEST_CASE("a large content is kept by itself, and comes back whole", "[storage][journal]") {
    test::JournalLife life;
    Bundle bundle = queue_of(1, 2);
    std::string large(300'000, 'x');
    large[299'999] = 'y';
    bundle.messages.push_back(waiting(1, 3, message("t", large)));
    bundle.messages.push_back(waiting(1, 4, message("t", "z")));
    life.commit(std::move(bundle));
    CHECK(life.count("chunks") == 3);
    life.end();
    life.begin();
    const auto loaded = life.load({1, 3, 3, 1, 1, false});
    CHECK(as_text(loaded.messages.at(0).message->view().payload) == large);
    Bundle acknowledged;
    acknowledged.removed = {{1, 1, 4}};
    life.commit(std::move(acknowledged));
    life.commit({});
    CHECK(life.count("chunks") == 0);
}

TEST_CASE("a session ends with all that is its, and its number is not drawn again",
          "[storage][journal]") {
    test::JournalLife life;
    const core::SessionId id = life.journal->draw_session_id();
    Bundle bundle = queue_of(id, 5);
    bundle.subscriptions = {{id, "", "a", {}, 0}};
    bundle.received = {{id, 3}};
    life.commit(std::move(bundle));
    life.commit(queue_of(1'000, 1));
    Bundle changing;
    changing.progress = {{id, 1, 1, core::KeptMessage::State::sent}};
    changing.removed = {{id, 3, 3}};
    life.commit(std::move(changing));
    Bundle ending;
    ending.ended = {id, 1'000};
    life.commit(std::move(ending));
    life.commit({});
    for (const char* table :
         {"sessions", "subscriptions", "received", "chunks", "gone", "progress"})
        CHECK(life.count(table) == 0);
    life.end();
    life.begin();
    CHECK(life.journal->draw_session_id() > 1'000);
}

TEST_CASE("a session with a long queue ends at once, and its rows go after a restart as well",
          "[storage][journal]") {
    test::JournalLife life;
    Bundle large = queue_of(1, 20'000);
    for (core::KeptMessage& kept : large.messages)
        kept.message = message("t", std::string(1'000, 'x'));
    life.commit(std::move(large));
    CHECK(life.count("chunks") > int(2 * limits::chunks_deleted_max));
    life.end();
    life.run("DELETE FROM sessions");
    CHECK(life.recovered().empty());
    life.begin();
    life.commit(queue_of(2, 1));
    life.end();  // pieces of limits::chunks_deleted_max
    life.begin();
    life.commit({});
    CHECK(life.count("chunks") <= 1 + int(limits::chunks_left_max));
    CHECK(life.messages() == 1);
}

TEST_CASE("numbers of a queue that has left nothing begin anew, with nothing of it forgotten",
          "[storage][journal]") {
    test::JournalLife life;
    life.commit(queue_of(1, 3));
    life.commit(queue_of(2, 1));
    Bundle acknowledged;
    acknowledged.removed = {{1, 1, 3}};
    life.commit(std::move(acknowledged));
    CHECK(life.recovered().at(1).last_seq == 3);  // the chunk is still there
    life.commit({});
    life.end();
    CHECK(life.recovered().at(1).last_seq == 0);
    life.begin();
    Bundle again = queue_of(1, 2);
    again.sessions.clear();
    life.commit(std::move(again));
    life.end();
    CHECK(life.recovered().at(1).queue.messages == 2);
    life.begin();
    CHECK(seqs(life.load({1, 1, 9, 100, 1'000, false})) == Seqs{1, 2});
}

TEST_CASE("what is retained of a topic is kept for each tenant, and forgotten with it",
          "[storage][journal]") {
    test::JournalLife life(1, false);
    life.end();
    std::map<std::string, std::vector<core::KeptRetained>, std::less<>> store;
    life.options.retained_of = [&](std::string_view topic) { return store[std::string(topic)]; };
    core::MessageView view;
    view.topic = "a";
    view.qos = 1;
    view.retain = true;
    view.payload = as_bytes("1");
    view.tenant = core::tenant_id("acme");
    const auto first = core::Message::copy_of(view);
    view.tenant = core::tenant_id("umbrella");
    view.expires_at = Clock::now() + seconds(9);
    store["a"] = {{first, UINT64_MAX}, {core::Message::copy_of(view), 0}};
    store["b"] = {{message("b", "2"), 3}};
    life.begin();
    Bundle bundle;
    bundle.retained = {"b", "a", "a"};
    life.commit(std::move(bundle));

    std::vector<core::KeptRetained> found;
    const auto visit = [&](core::KeptRetained one) { found.push_back(std::move(one)); };
    Recovery(life.file()).visit_retained(visit);
    REQUIRE(found.size() == 3);
    CHECK(found[0].publisher == UINT64_MAX);
    CHECK(found[0].message->view().tenant == core::tenant_id("acme"));
    CHECK(found[0].message->view().retain);
    CHECK_FALSE(found[0].message->view().expires());
    CHECK(found[1].message->view().tenant == core::tenant_id("umbrella"));
    CHECK(found[1].message->view().expires());
    CHECK(found[2].message->view().topic == "b");
    CHECK(found[2].publisher == 3);

    store["a"].clear();
    Bundle removing;
    removing.retained = {"a"};
    life.commit(std::move(removing));
    found.clear();
    Recovery(life.file()).visit_retained(visit);
    REQUIRE(found.size() == 1);
    CHECK(found[0].message->view().topic == "b");
}

}  // namespace
}  // namespace drawbridge::storage
