// When the disk, the process or the file fails: nothing that was committed is lost, what was not is
// tried again, and a damaged file is refused.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "tests/support/journal_life.hpp"

namespace drawbridge::storage {
namespace {

using Catch::Matchers::Contains;
using core::Bundle;
using State = core::Journal::State;
using test::message;
using test::session;
using test::waiting;

Bundle one_message(core::SessionId id, std::size_t bytes = 10, std::uint64_t seq = 1) {
    Bundle bundle;
    bundle.sessions = {session(id, "client-" + std::to_string(id))};
    bundle.messages = {waiting(id, seq, message("t", std::string(bytes, 'x')))};
    bundle.bytes = bytes;
    return bundle;
}

// Runs in a process of its own, which may die; the status it ends with.
template <class Run>
int in_child(Run run) {
    const pid_t child = fork();
    if (child == 0) {
        run();
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("what was committed survives the death of the process", "[storage][journal]") {
    test::JournalLife life;
    life.end();
    const int status = in_child([&] {
        life.begin();
        for (core::SessionId id = 1; id <= 50; ++id) life.commit(one_message(id));
        _exit(7);
    });
    CHECK(status == 7);
    CHECK(life.recovered().size() == 50);
}

TEST_CASE("the journal writes what was submitted before it ends", "[storage][journal]") {
    for (const Sync sync : {Sync::full, Sync::normal, Sync::off}) {
        test::JournalLife life(1, false);
        life.end();
        life.options.sync = sync;
        life.begin();
        for (core::SessionId id = 1; id <= 50; ++id)
            life.journal->submit(0, std::make_unique<Bundle>(one_message(id)));
        life.end();
        CHECK(life.recovered().size() == 50);
    }
}

TEST_CASE("bundles come back to the shard that made them", "[storage][journal]") {
    test::JournalLife life(2);
    life.commit(one_message(1), 0);
    life.commit(one_message(2), 1);
    life.commit(one_message(3), 1);
    CHECK(life.journal->take_back(0).size() == 1);
    const auto back = life.journal->take_back(1);
    REQUIRE(back.size() == 2);
    CHECK(back[0]->sessions[0].id == 2);
    CHECK(life.journal->take_back(1).empty());
    CHECK(life.journal->counts().bytes_waiting == 0);
    CHECK(life.journal->counts().bundles == 3);
}

TEST_CASE("written behind, a bundle counts at once, and what it holds can be loaded",
          "[storage][journal]") {
    test::JournalLife life(1, false);
    life.end();
    life.options.sync = Sync::off;
    life.options.write_behind = std::chrono::minutes(10);
    life.begin();
    CHECK(life.journal->submit(0, std::make_unique<Bundle>(one_message(1))) == 1);
    CHECK(life.journal->committed(0) == 1);
    CHECK(life.load({1, 1, 1, 10, 10, false}).messages.size() == 1);
}

TEST_CASE("more than its bound waiting makes the journal full, until it is written",
          "[storage][journal]") {
    test::JournalLife life(1, false);
    Bundle large = one_message(1);
    large.bytes = limits::journal_bytes_max;
    life.journal->submit(0, std::make_unique<Bundle>(std::move(large)));
    CHECK_FALSE(life.journal->full());
    life.journal->submit(0, std::make_unique<Bundle>(one_message(2, 1)));
    CHECK(life.journal->full());
    life.journal->start();
    CHECK(life.news.wait([&] { return !life.journal->full(); }));
}

TEST_CASE("with little room on the disk nothing new is promised, but commits go on",
          "[storage][journal]") {
    test::JournalLife life(1, false);
    life.end();
    std::atomic<std::uint64_t> room{100};
    life.options.free_bytes_min = 100;
    life.options.free_bytes = [&] { return room.load(); };
    life.options.retry_after = milliseconds(1);
    life.begin();
    life.commit(one_message(1));
    CHECK(life.journal->state() == State::good);
    room = 99;
    CHECK(life.news.wait([&, seq = 0u]() mutable {
        life.commit(one_message(2, 10, ++seq));
        return life.journal->state() == State::no_space;
    }));
    Bundle acknowledged;
    acknowledged.removed = {{1, 1, 1}};
    life.commit(std::move(acknowledged));
    CHECK(life.recovered().at(1).queue.messages == 0);
    room = 100;
    CHECK(life.news.wait([&] { return life.journal->state() == State::good; }));
}

TEST_CASE("a file that cannot grow loses nothing: when it can again all is committed",
          "[storage][journal]") {
    test::JournalLife life;
    life.end();
    const int status = in_child([&] {
        signal(SIGXFSZ, SIG_IGN);
        life.options.retry_after = milliseconds(5);
        life.begin();
        life.commit(one_message(1));
        rlimit files{};
        getrlimit(RLIMIT_FSIZE, &files);
        const rlim_t before = std::exchange(files.rlim_cur, 400'000);
        setrlimit(RLIMIT_FSIZE, &files);
        for (core::SessionId id = 2; id <= 6; ++id)
            life.journal->submit(0, std::make_unique<Bundle>(one_message(id, 200'000)));
        if (!life.news.wait([&] { return life.journal->state() == State::failing; })) _exit(1);
        files.rlim_cur = before;
        setrlimit(RLIMIT_FSIZE, &files);
        if (!life.news.wait([&] { return life.journal->committed(0) == 6; })) _exit(2);
        if (!life.news.wait([&] { return life.journal->state() == State::good; })) _exit(3);
        _exit(0);
    });
    CHECK(status == 0);
    CHECK(life.recovered().size() == 6);
}

TEST_CASE("a transaction that finds the disk full changes nothing, and can be tried again",
          "[storage][journal]") {
    const test::TemporaryDirectory directory;
    SQLite::Database database = open_messages(directory.path() / "messages.db");
    const RetainedOf nothing = [](auto) { return std::vector<core::KeptRetained>{}; };
    QueueIndex index;
    BundleWriter writer(database, index, 2, nothing);
    std::vector<PendingBundle> bundles;
    for (core::SessionId id = 1; id <= 3; ++id) {
        auto bundle = std::make_unique<Bundle>(one_message(id, 300'000));
        bundle->turn = id;
        bundle->published.push_back({id, 0, message("t", "x", 2), 0, 0});
        bundles.push_back({0, std::move(bundle)});
    }
    writer.write(std::span(bundles).first(1));
    database.exec("PRAGMA max_page_count = 150");
    const auto later = std::span(bundles).subspan(1);
    CHECK_THROWS_WITH(writer.write(later), Contains("full"));
    const auto count = [&](const char* table) {
        return database.execAndGet(std::string("SELECT count(*) FROM ") + table).getInt();
    };
    CHECK(count("chunks") == 1);
    CHECK(count("published") == 1);
    CHECK(index.find(2) == nullptr);
    database.exec("PRAGMA max_page_count = 100000");
    writer.write(later);
    CHECK(count("chunks") == 3);
    CHECK(index.find(2)->last_seq == 1);
    CHECK(count("published") == 3);
}

TEST_CASE("what cannot be written for another reason is tried again", "[storage][journal]") {
    test::JournalLife life(1, false);
    life.end();
    life.options.retry_after = milliseconds(5);
    life.begin();
    life.commit(one_message(1));
    life.run("ALTER TABLE sessions RENAME TO elsewhere");
    life.journal->submit(0, std::make_unique<Bundle>(one_message(2)));
    CHECK(life.news.wait([&] { return life.journal->state() == State::failing; }));
    CHECK(life.journal->committed(0) == 1);
    life.run("ALTER TABLE elsewhere RENAME TO sessions");
    CHECK(life.news.wait([&] { return life.journal->committed(0) == 2; }));
    CHECK(life.news.wait([&] { return life.journal->state() == State::good; }));
}

TEST_CASE("a row that this program never wrote is refused, with the way to go on",
          "[storage][journal]") {
    const char* damage[] = {
        "UPDATE sessions SET client_id = CAST(x'ff' AS TEXT)",
        "UPDATE sessions SET client_id = ''",
        "UPDATE sessions SET last_packet_id = 65536",
        "UPDATE sessions SET expiry_s = -1",
        "UPDATE subscriptions SET filter = 'a/#/b'",
        "UPDATE subscriptions SET qos = 3",
        "UPDATE subscriptions SET share = 'a/b'",
        "UPDATE received SET packet_id = 0",
        // Session 1, seq 1, flags, place 0, 11 bytes: as it is written.
        "UPDATE chunks SET entries = x'010109'",
        "UPDATE chunks SET entries = x'000109000b'",
        "UPDATE chunks SET entries = x'010101000b'",
        "UPDATE chunks SET entries = x'010119000b'",
        "UPDATE chunks SET entries = x'01018920000b'",
        "UPDATE chunks SET entries = x'01ffffffffffffffffff7f09000b'",
        // Sent, with a packet id.
        "UPDATE chunks SET entries = x'0101890301000b'",
        "UPDATE chunks SET entries = x'0101890100000b'",
        "UPDATE chunks SET entries = x'01018901077f0b'",
        "UPDATE chunks SET entries = x'010189110701800b'",
        "UPDATE chunks SET entries = x'0101890107000c'",
        "UPDATE chunks SET entries = x'0101890107000b', contents = x'00010074'",
        "UPDATE chunks SET entries = x'01018901070003', contents = x'000300612f23'",
        "UPDATE chunks SET entries = x'01018901070000', contents = x'000000'",
        "UPDATE chunks SET entries = x'01018901070002', contents = x'0001017401'",
        "INSERT INTO progress VALUES (1, 1, 3, 1)",
        "INSERT INTO progress VALUES (1, 1, 1, 0)",
        "INSERT INTO gone VALUES (1, 5, 3)",
        "INSERT INTO gone VALUES (1, 2, 4), (1, 3, 5)",
        "INSERT INTO gone VALUES (1, -1, 0)",
    };
    for (const char* sql : damage) {
        CAPTURE(sql);
        test::JournalLife life;
        Bundle bundle = one_message(1);
        bundle.subscriptions = {{1, "", "a", {}, 0}};
        bundle.received = {{1, 1}};
        life.commit(std::move(bundle));
        life.end();
        CHECK(life.recovered().size() == 1);
        life.run(sql);
        CHECK_THROWS_WITH(life.recovered(),
                          Contains("messages.db is damaged") && Contains("serve --salvage"));
    }
}

TEST_CASE("a message that was sent is taken from its row as it stands there",
          "[storage][journal]") {
    test::JournalLife life;
    life.commit(one_message(1));
    life.end();
    life.run("UPDATE chunks SET entries = x'0101890107000b'");
    const auto sent = life.recovered().at(1).sent;
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].packet_id == 7);
    CHECK(sent[0].message->view().payload.size() == 10);
}

TEST_CASE("a message that cannot be read is named, and those around it are loaded",
          "[storage][journal]") {
    test::JournalLife life;
    Bundle bundle = one_message(1);
    for (std::uint64_t seq = 2; seq <= 6; ++seq)
        bundle.messages.push_back(waiting(1, seq, message("t", std::to_string(seq))));
    life.commit(std::move(bundle));
    // Bytes of tenant, topic and properties, the topic and the payload, of each message.
    std::string contents = "0001002b" + std::string(20, '7');
    for (const char* topic_and_payload : {"7432", "2b33", "7434", "7435", "2b36"})
        contents += std::string("000100") + topic_and_payload;
    life.run("UPDATE chunks SET contents = x'" + contents + "'");
    const auto loaded = life.load({1, 1, 6, 5, 1'000, false});
    CHECK(loaded.damaged == std::vector<std::uint64_t>{1, 3});
    REQUIRE(loaded.messages.size() == 3);
    CHECK(loaded.messages[0].seq == 2);
    CHECK(loaded.messages[2].seq == 5);
    CHECK(loaded.up_to() == 5);
    const auto last = life.load({1, 6, 9, 5, 1'000, false});
    CHECK(last.damaged == std::vector<std::uint64_t>{6});
    CHECK(last.messages.empty());
    CHECK(last.up_to() == 6);
    CHECK(life.load({1, 7, 9, 5, 1'000, false}).up_to() == 9);
}

TEST_CASE("messages of a chunk that is damaged or missing are named, others are loaded",
          "[storage][journal]") {
    for (const char* damage : {"UPDATE chunks SET contents = x'000000' WHERE chunk = 1",
                               "UPDATE chunks SET entries = x'01' WHERE chunk = 1",
                               "UPDATE chunks SET entries = x'' WHERE chunk = 1",
                               "DELETE FROM chunks WHERE chunk = 1"}) {
        test::JournalLife life;
        life.commit(one_message(1));
        life.commit(one_message(2));
        CHECK(life.load({1, 1, 1, 1, 1, false}).damaged.empty());
        life.run(damage);
        CHECK(life.load({1, 1, 1, 1, 1, false}).damaged == std::vector<std::uint64_t>{1});
        CHECK(life.load({2, 1, 1, 1, 1, false}).messages.size() == 1);
    }
}

TEST_CASE("what cannot be read for another reason is tried again, and holds nobody else up",
          "[storage][journal]") {
    test::JournalLife life(1, false);
    life.end();
    life.options.retry_after = milliseconds(20);
    life.begin();
    life.commit(one_message(1));
    life.run("ALTER TABLE chunks RENAME TO elsewhere");
    life.journal->load(0, {1, 1, 1, 1, 1, false});
    life.journal->load(0, {1, 1, 1, 1, 1, true});
    std::size_t messages = 0;
    std::size_t answers = 0;
    const auto take = [&] {
        for (const auto& loaded : life.journal->loaded(0)) {
            ++answers;
            messages += loaded.messages.size();
        }
    };
    take();  // an answer without messages needs no chunk
    CHECK(messages == 0);
    life.run("ALTER TABLE elsewhere RENAME TO chunks");
    CHECK(life.news.wait([&] {
        take();
        return answers == 2;
    }));
    CHECK(messages == 1);
}

}  // namespace
}  // namespace drawbridge::storage
