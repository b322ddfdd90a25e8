// What is hard to see of a NATS client from outside: answers that wait, bounds, times.
// Method: whole brokers of one and more shards in memory, with time as a variable.
#include <fmt/format.h>

#include "tests/support/memory_journal.hpp"
#include "tests/support/nats_peer.hpp"
#include "tests/support/scene.hpp"

namespace drawbridge::bridge {
namespace {

using namespace test;

std::string pub(std::string_view subject, std::string_view payload = "",
                std::string_view reply = "") {
    return fmt::format("PUB {} {}{}{}\r\n{}\r\n", subject, reply, reply.empty() ? "" : " ",
                       payload.size(), payload);
}

std::string msg(std::string_view subject, std::string_view sid, std::string_view payload = "") {
    return fmt::format("MSG {} {} {}\r\n{}\r\n", subject, sid, payload.size(), payload);
}

std::string nobody(std::string_view reply, std::string_view sid) {
    return fmt::format("HMSG {} {} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n", reply, sid);
}

std::size_t count(std::string_view text, std::string_view word) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) ++found;
    return found;
}

}  // namespace

TEST_CASE("PONG waits until what was published before is on disk", "[bridge][nats]") {
    MemoryJournal journal;
    ShardPump pump({}, 1);
    pump.keep_in(journal);
    TestClient away(pump, "away");
    REQUIRE(away.connect(persistent));
    REQUIRE(away.subscribe("kept", {.qos = 1}));
    away.drop();
    {
        NatsPeer nats(pump, 0);

        nats.send_in_a_turn("PING\r\n");
        CHECK(nats.said() == "PONG\r\n");
        nats.send_in_a_turn(pub("nobody") + "PING\r\n");
        CHECK(nats.said() == "PONG\r\n");

        nats.send_in_a_turn(pub("kept", "x") + "PING\r\n");
        CHECK(nats.said().empty());
        nats.send_in_a_turn("PING\r\n");
        CHECK(nats.said().empty());  // in order, though nothing is between the two
        journal.commit();
        pump.settle();
        CHECK(nats.said() == "PONG\r\nPONG\r\n");
    }
    pump.die_and_begin_again(1);
    REQUIRE(away.connect(persistent));
    CHECK(away.payloads() == Texts{"x"});
}

TEST_CASE("NATS: 503 comes once no shard has taken the request", "[bridge][nats]") {
    const Cast cast = any_cast();
    ShardPump pump({}, cast.shards, cast.seed);
    NatsPeer asks(pump, 0);
    NatsPeer answers(pump, 1);
    const std::string request = pub("svc", "", "_INBOX.1");
    CHECK(asks.ask("SUB _INBOX.1 7\r\n" + request) == nobody("_INBOX.1", "7"));
    const std::string queue = GENERATE("", "q ");
    answers.ask("SUB svc " + queue + "1\r\n");
    CHECK(asks.ask(request + request).empty());
    CHECK(count(answers.said(), "MSG svc 1") == 2);
    answers.ask("UNSUB 1\r\n");
    CHECK(asks.ask(request) == nobody("_INBOX.1", "7"));
}

TEST_CASE("NATS: each message comes to one member of a queue, wherever the members are",
          "[bridge][nats]") {
    const Cast cast = any_cast();
    ShardPump pump({}, cast.shards, cast.seed);
    NatsPeer source(pump, 0);
    NatsPeer one(pump, 1);
    NatsPeer two(pump, 2);
    one.ask("SUB work.* q 1\r\nSUB work.> q 2\r\n");
    two.ask("SUB work.a q 3\r\n");
    std::string all;
    for (int i = 0; i < 60; ++i) all += pub("work.a");
    source.ask(all);
    const std::string told = one.said() + two.said();
    CHECK(count(told, "MSG ") == 60);
    for (const auto* sid : {" 1 ", " 2 ", " 3 "}) CHECK(count(told, sid) >= 10);
}

TEST_CASE("NATS: what a publisher has flushed comes before the next PONG of a queue's member",
          "[bridge][nats]") {
    ShardPump pump({}, 3);
    // Names of several queues, so that their groups live on each of the shards.
    for (unsigned n = 0; n < 12; ++n) {
        NatsPeer member(pump, n / 3), source(pump, n);
        NatsPeer second(pump, n / 3 + 1), third(pump, n / 3 + 2);  // a turn of each shard
        member.ask(fmt::format("SUB a q{} 1\r\n", n));
        source.send_in_a_turn(pub("a") + "PING\r\n");
        for (std::string told = source.said(); told.empty(); told = source.said())
            for (NatsPeer* each : {&member, &second, &third}) each->send_in_a_turn("");
        member.send_in_a_turn("PING\r\n");
        CHECK(member.said() == msg("a", "1") + "PONG\r\n");
    }
}

TEST_CASE("NATS: who leaves a queue gets what was published before, also by itself",
          "[bridge][nats]") {
    const Cast cast = any_cast();
    ShardPump pump({}, cast.shards, cast.seed);
    // Names of several queues, so that their groups live on each of the shards.
    for (int n = 0; n < 8; ++n) {
        NatsPeer member(pump, static_cast<unsigned>(n));
        NatsPeer source(pump, static_cast<unsigned>(n / 2));
        const std::string subject = "s" + std::to_string(n);
        const std::string sub = "SUB " + subject + " q" + std::to_string(n);
        member.ask(sub + " 1\r\n");
        source.send_in_a_turn(pub(subject, "others"));
        const std::string told = member.ask(pub(subject, "own") + "UNSUB 1\r\n");
        CHECK(count(told, "others") == 1);
        CHECK(count(told, "own") == 1);
        CHECK(source.ask("SUB _INBOX.1 7\r\n" + pub(subject, "", "_INBOX.1")) ==
              nobody("_INBOX.1", "7"));
        CHECK(member.said().empty());
        // And it may come back before its group has heard that it has left.
        member.ask(sub + " 2\r\nUNSUB 2\r\n" + sub + " 3\r\n");
        CHECK(source.ask(pub(subject, "", "_INBOX.1")).empty());
        CHECK(count(member.said(), " 3 _INBOX.1 0") == 1);
    }
}

TEST_CASE("what a client with a limit sends beyond it is read later", "[bridge][nats]") {
    ShardPump pump({}, 1);
    Rules rules;
    rules.limits.emplace();
    rules.limits->messages_per_second = 4;
    NatsPeer fast(pump, 0, {}, identity("fast", rules));
    NatsPeer target(pump, 0);
    target.ask("SUB a 1\r\n");
    std::string all;
    for (int i = 0; i < 20; ++i) all += pub("a");
    fast.send(all);
    CHECK(fast.unused() > 0);
    const std::size_t at_once = count(target.said(), "MSG a");
    CHECK(at_once >= 4);
    CHECK(at_once <= 6);
    pump.advance(seconds(1));
    fast.send("");
    CHECK(count(target.said(), "MSG a") == 4);
    CHECK_FALSE(fast.closed);
}

TEST_CASE("who may only answer may do so once, to the last 256 that have asked", "[bridge][nats]") {
    ShardPump pump({}, 1);
    NatsPeer asks(pump, 0);
    NatsPeer answers(pump, 0, {}, identity("narrow", {.publish = {"nothing"}}));
    answers.ask("SUB svc 1\r\n");
    for (int i = 0; i < 257; ++i) asks.send(pub("svc", "", fmt::format("_INBOX.{}", i)));
    asks.ask("SUB _INBOX.> 1\r\n");
    answers.said();
    CHECK(answers.ask(pub("_INBOX.1", "x")).empty());
    CHECK(answers.ask(pub("_INBOX.256", "x")).empty());
    for (const auto* reply : {"_INBOX.0", "_INBOX.1", "_INBOX.257", "svc"})
        CHECK(answers.ask(pub(reply, "x")) ==
              fmt::format("-ERR 'Permissions Violation for Publish to \"{}\"'\r\n", reply));
    CHECK(asks.said() == msg("_INBOX.1", "1", "x") + msg("_INBOX.256", "1", "x"));
}

TEST_CASE("NATS: who does not answer two PINGs is cut off, and any input is an answer",
          "[bridge][nats]") {
    ShardPump pump({}, 1);
    NatsSettings settings;
    settings.ping_interval = seconds(10);
    NatsPeer dead(pump, 0, settings);
    NatsPeer slow(pump, 0, settings);
    slow.send("PUB a 100\r\n");
    for (int i = 0; i < 2; ++i) {
        pump.advance(seconds(9));
        CHECK(dead.said().empty());
        pump.advance(seconds(1));
        CHECK(dead.said() == "PING\r\n");
        slow.send("x");
    }
    pump.advance(seconds(10));
    CHECK(dead.said() == "-ERR 'Stale Connection'\r\n");
    CHECK(dead.closed);
    CHECK_FALSE(slow.closed);
}

TEST_CASE("NATS: who does not read is cut off at its bound, without a word", "[bridge][nats]") {
    const Cast cast = any_cast();
    ShardPump pump({}, cast.shards, cast.seed);
    NatsSettings settings;
    settings.max_pending_bytes = 10'000;
    NatsPeer slow(pump, 1, settings);
    NatsPeer reads(pump, 1, settings);
    NatsPeer source(pump, 0);
    slow.ask("SUB a 1\r\n");
    reads.ask("SUB a 1\r\n");
    slow.network_takes = 0;
    const std::string payload(1'000, 'x');
    for (int i = 0; i < 9; ++i) source.ask(pub("a", payload));
    CHECK_FALSE(slow.closed);
    source.ask(pub("a", payload));
    CHECK(slow.closed);
    CHECK(slow.output.empty());
    CHECK(pump.count(&core::Stats::slow_guests) == 1);
    CHECK(count(reads.said(), "MSG a") == 10);
}

TEST_CASE("NATS: who reads nothing for write_deadline is cut off, who reads a little is not",
          "[bridge][nats]") {
    ShardPump pump({}, 1);
    NatsPeer stuck(pump, 0);
    NatsPeer source(pump, 0);
    stuck.ask("SUB a 1\r\n");
    stuck.network_takes = 0;
    source.ask(pub("a", "x"));
    pump.advance(seconds(9));
    CHECK_FALSE(stuck.closed);
    pump.run_on(0, [&](core::Shard& home) {
        stuck.network_takes = 1;
        home.mark_dirty(stuck);
    });
    pump.advance(seconds(9));
    CHECK_FALSE(stuck.closed);
    pump.advance(seconds(2));
    CHECK(stuck.closed);
}

}  // namespace drawbridge::bridge
