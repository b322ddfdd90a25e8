// The journal and recovery: what was committed is there in the next life, and nothing else. With
// real files.
#include <catch2/catch.hpp>

#include "tests/support/journal_life.hpp"

namespace drawbridge::storage {
namespace {

using core::Bundle;
using core::KeptMessage;
using test::message;
using test::session;
using test::waiting;

std::string payload_of(const KeptMessage& kept) {
    return std::string(as_text(kept.message->view().payload));
}

TEST_CASE("a session is recovered as it was committed", "[storage][journal]") {
    test::JournalLife lives;
    Bundle bundle;
    core::KeptSession kept = session(7, "pump");
    kept.identity = "pump-identity";
    kept.last_packet_id = 65'535;
    kept.away = true;
    kept.ends_at = WallTime(milliseconds(1'900'000'000'123));
    kept.will_due = WallTime(milliseconds(1'900'000'000'000));
    kept.will = {message("wills/pump", "gone"), 30, 60, true};
    bundle.sessions = {kept, session(8, "other")};
    lives.commit(std::move(bundle));
    lives.end();

    const auto all = lives.recovered();
    REQUIRE(all.size() == 2);
    const core::KeptSession& found = all.at(7).session;
    CHECK(found.client_id == "pump");
    CHECK(found.identity == "pump-identity");
    CHECK(found.expiry_s == 3600);
    CHECK(found.last_packet_id == 65'535);
    CHECK(found.away);
    CHECK(found.ends_at == kept.ends_at);
    CHECK(found.will_due == kept.will_due);
    REQUIRE(found.will.message != nullptr);
    CHECK(found.will.message->view().topic == "wills/pump");
    CHECK(as_text(found.will.message->view().payload) == "gone");
    CHECK(found.will.delay_s == 30);
    CHECK(found.will.expires);
    CHECK(found.will.expiry_s == 60);
    CHECK_FALSE(all.at(8).session.away);
    CHECK(all.at(8).session.ends_at == WallTime::max());
    CHECK(all.at(8).session.will.message == nullptr);
}

TEST_CASE("the last row of a session is the one that counts", "[storage][journal]") {
    test::JournalLife lives;
    Bundle first;
    first.sessions = {session(1, "a")};
    first.sessions[0].will.message = message("w", "x");
    lives.commit(std::move(first));
    Bundle second;
    second.sessions = {session(1, "a")};
    second.sessions[0].expiry_s = UINT32_MAX;
    lives.commit(std::move(second));
    lives.end();
    CHECK(lives.recovered().at(1).session.expiry_s == UINT32_MAX);
    CHECK(lives.recovered().at(1).session.will.message == nullptr);
}

TEST_CASE("a subscription is recovered with its options, until it is ended", "[storage][journal]") {
    test::JournalLife lives;
    Bundle bundle;
    bundle.sessions = {session(1, "a")};
    const wire::SubscriptionOptions options{2, true, true, wire::RetainHandling::do_not_send};
    bundle.subscriptions = {{1, "", "a/+/#", options, 268'435'455}, {1, "team", "a/+/#", {}, 0}};
    lives.commit(std::move(bundle));

    const auto found = lives.recovered().at(1).subscriptions;
    REQUIRE(found.size() == 2);
    CHECK(found[0].filter == "a/+/#");
    CHECK(found[0].share.empty());
    CHECK(found[0].options.qos == 2);
    CHECK(found[0].options.no_local);
    CHECK(found[0].options.retain_as_published);
    CHECK(found[0].options.retain_handling == wire::RetainHandling::do_not_send);
    CHECK(found[0].id == 268'435'455);
    CHECK(found[1].share == "team");
    CHECK_FALSE(found[1].options.no_local);
    CHECK(found[1].id == 0);

    Bundle ending;
    ending.subscriptions = {{1, "", "a/+/#", {}, 0, true}};
    lives.commit(std::move(ending));
    REQUIRE(lives.recovered().at(1).subscriptions.size() == 1);
    CHECK(lives.recovered().at(1).subscriptions[0].share == "team");
}

TEST_CASE("MQTT5-4.3.3-10: a packet id that was received is recovered until it is released",
          "[storage][journal]") {
    test::JournalLife lives;
    Bundle bundle;
    bundle.sessions = {session(1, "a")};
    bundle.received = {{1, 65'535}, {1, 1}, {1, 2}};
    lives.commit(std::move(bundle));
    Bundle release;
    release.received = {{1, 2, true}};
    lives.commit(std::move(release));
    CHECK(lives.recovered().at(1).received == std::vector<std::uint16_t>{1, 65'535});
}

TEST_CASE("a message that waits is loaded with all that belongs to it", "[storage][journal]") {
    test::JournalLife lives;
    Bundle bundle;
    bundle.sessions = {session(1, "a")};
    const std::uint8_t properties[] = {0x26, 0, 1, 'k', 0, 1, 'v'};
    core::MessageView view;
    view.topic = "devices/a/telemetry";
    view.payload = as_bytes("21.5");
    view.properties = properties;
    view.qos = 2;
    view.retain = true;
    view.tenant = core::tenant_id("acme");
    view.expires_at = Clock::now() + seconds(100);
    KeptMessage kept = waiting(1, 5, core::Message::copy_of(view));
    kept.subscription_ids = {1, 268'435'455};
    kept.share = "team/devices/#";
    kept.qos = 2;
    kept.retain = true;
    kept.sent_before = true;
    bundle.messages = {kept, waiting(1, 6, message("t", ""))};
    lives.commit(std::move(bundle));

    const auto loaded = lives.load({1, 1, UINT64_MAX, 100, 1'000, false});
    REQUIRE(loaded.messages.size() == 2);
    CHECK(loaded.damaged.empty());
    const KeptMessage& found = loaded.messages[0];
    CHECK(found.session == 1);
    CHECK(found.seq == 5);
    CHECK(found.subscription_ids == kept.subscription_ids);
    CHECK(found.share == kept.share);
    CHECK(found.qos == 2);
    CHECK(found.retain);
    CHECK(found.sent_before);
    CHECK(found.state == KeptMessage::State::waits);
    const core::MessageView content = found.message->view();
    CHECK(content.topic == view.topic);
    CHECK(as_text(content.payload) == "21.5");
    CHECK(as_text(content.properties) == as_text(view.properties));
    CHECK(content.qos == 2);
    CHECK(content.retain);
    CHECK(content.tenant == view.tenant);
    CHECK(content.expires_at > view.expires_at - milliseconds(50));
    CHECK(content.expires_at < view.expires_at + milliseconds(50));
    const KeptMessage& plain = loaded.messages[1];
    CHECK(plain.subscription_ids.empty());
    CHECK(plain.share.empty());
    CHECK(plain.qos == 1);
    CHECK_FALSE(plain.retain);
    CHECK_FALSE(plain.sent_before);
    CHECK(payload_of(plain).empty());
    CHECK(plain.message->view().tenant == 0);
    CHECK_FALSE(plain.message->view().expires());
}

TEST_CASE("what has become of a message is recovered", "[storage][journal]") {
    test::JournalLife lives;
    Bundle bundle;
    bundle.sessions = {session(1, "a")};
    for (std::uint64_t seq = 1; seq <= 5; ++seq)
        bundle.messages.push_back(waiting(1, seq, message("t", std::to_string(seq), 2)));
    bundle.progress = {{1, 2, 12, KeptMessage::State::sent},
                       {1, 3, 13, KeptMessage::State::received}};
    bundle.removed = {{1, 1, 1}};
    lives.commit(std::move(bundle));
    lives.end();

    const core::RecoveredSession found = lives.recovered().at(1);
    REQUIRE(found.sent.size() == 2);
    CHECK(found.sent[0].seq == 2);
    CHECK(found.sent[0].packet_id == 12);
    CHECK(found.sent[0].state == KeptMessage::State::sent);
    CHECK(payload_of(found.sent[0]) == "2");
    CHECK(found.sent[1].seq == 3);
    CHECK(found.sent[1].packet_id == 13);
    CHECK(found.sent[1].state == KeptMessage::State::received);
    CHECK(found.sent[1].message == nullptr);
    CHECK(found.queue.first == 4);
    CHECK(found.queue.last == 5);
    CHECK(found.queue.messages == 2);
    CHECK(found.queue.bytes == 4);
    CHECK(found.last_seq == 5);
}

}  // namespace
}  // namespace drawbridge::storage
