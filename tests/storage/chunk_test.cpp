// A chunk of messages: what is put in comes out, from one that was copied as well, and damage is
// told from it at every byte.
#include "storage/chunk.hpp"

#include <catch2/catch.hpp>

#include "tests/support/journal_shard.hpp"

namespace drawbridge::storage {
namespace {

using State = core::KeptMessage::State;

struct Chunk {
    std::string entries;
    std::string contents;

    std::vector<core::KeptMessage> read() const {
        std::vector<core::KeptMessage> messages;
        for_each_entry(as_bytes(entries), [&](const Entry& entry) {
            messages.push_back(read_entry(entry, as_bytes(contents), ClockPair::now()));
        });
        return messages;
    }
};

Chunk chunk_of(const ChunkBuilder& builder) {
    return {std::string(as_text(builder.entries())), std::string(as_text(builder.contents()))};
}

// Three messages; the last two have the same content.
Chunk sample() {
    const std::uint8_t properties[] = {0x26, 0, 1, 'k', 0, 1, 'v'};
    core::MessageView view;
    view.topic = "devices/a/telemetry";
    view.payload = as_bytes("21.5");
    view.properties = properties;
    view.qos = 2;
    view.retain = true;
    view.tenant = core::tenant_id("acme");
    view.expires_at = Clock::now() + seconds(100);
    core::KeptMessage first = test::waiting(1, 5, core::Message::copy_of(view));
    first.subscription_ids = {1, 268'435'455};
    first.share = "team/devices/#";
    first.qos = 2;
    first.retain = true;
    first.sent_before = true;
    const auto same = test::message("t", "same");
    TenantNames tenants;
    ChunkBuilder builder;
    const ClockPair clocks = ClockPair::now();
    builder.add(first, State::waits, 0, clocks, tenants);
    builder.add(test::waiting(2, 1'000'000, same), State::sent, 65'535, clocks, tenants);
    builder.add(test::waiting(3, 1, same), State::waits, 0, clocks, tenants);
    core::KeptMessage received = test::waiting(4, 1, nullptr);
    builder.add(received, State::received, 9, clocks, tenants);
    return chunk_of(builder);
}

void check_sample(const std::vector<core::KeptMessage>& found) {
    REQUIRE(found.size() == 4);
    CHECK(found[0].session == 1);
    CHECK(found[0].seq == 5);
    CHECK(found[0].subscription_ids == std::vector<std::uint32_t>{1, 268'435'455});
    CHECK(found[0].share == "team/devices/#");
    CHECK(found[0].retain);
    CHECK(found[0].sent_before);
    CHECK(as_text(found[0].message->view().payload) == "21.5");
    CHECK(found[0].message->view().tenant == core::tenant_id("acme"));
    CHECK(found[0].message->view().properties.size() == 7);
    CHECK(found[0].message->view().expires());
    CHECK(found[1].seq == 1'000'000);
    CHECK(found[1].state == State::sent);
    CHECK(found[1].packet_id == 65'535);
    CHECK(as_text(found[1].message->view().payload) == "same");
    CHECK(found[2].session == 3);
    CHECK(as_text(found[2].message->view().payload) == "same");
    CHECK_FALSE(found[2].sent_before);
    CHECK(found[3].state == State::received);
    CHECK(found[3].message == nullptr);
}

TEST_CASE("what is put into a chunk is what is read from it", "[storage][chunk]") {
    check_sample(sample().read());
}

TEST_CASE("neighbours that share a content have it once", "[storage][chunk]") {
    const std::string contents = sample().contents;
    CHECK(contents.find("same") == contents.rfind("same"));
}

TEST_CASE("entries that are copied into another chunk bring their contents", "[storage][chunk]") {
    const Chunk chunk = sample();
    ChunkBuilder builder;
    TenantNames tenants;
    builder.add(test::waiting(9, 9, test::message("t", "other")), State::waits, 0, ClockPair::now(),
                tenants);
    builder.forget_contents();
    for_each_entry(as_bytes(chunk.entries),
                   [&](const Entry& entry) { builder.add(entry, as_bytes(chunk.contents)); });
    auto copied = chunk_of(builder).read();
    CHECK(as_text(copied.at(0).message->view().payload) == "other");
    copied.erase(copied.begin());
    check_sample(copied);
    const std::string contents = chunk_of(builder).contents;
    CHECK(contents.find("same") == contents.rfind("same"));
}

TEST_CASE("a chunk that is cut is refused or lacks whole messages, and nothing is read past it",
          "[storage][chunk]") {
    const Chunk whole = sample();
    for (std::size_t size = 0; size < whole.entries.size(); ++size) {
        const Chunk cut{std::string(whole.entries.data(), size), whole.contents};
        try {
            const auto read = cut.read();
            CHECK(read.size() < 4);
        } catch (const DamagedRow&) {
        }
    }
    for (std::size_t size = 0; size < whole.contents.size(); ++size) {
        const Chunk cut{whole.entries, std::string(whole.contents.data(), size)};
        CHECK_THROWS_AS(cut.read(), DamagedRow);
        ChunkBuilder builder;
        CHECK_THROWS_AS(
            for_each_entry(as_bytes(cut.entries),
                           [&](const Entry& entry) { builder.add(entry, as_bytes(cut.contents)); }),
            DamagedRow);
    }
}

TEST_CASE("whatever a byte says, a chunk is read or refused", "[storage][chunk]") {
    const Chunk whole = sample();
    for (std::size_t at = 0; at < whole.entries.size() + whole.contents.size(); ++at) {
        for (const int byte : {0, 1, 0x7f, 0x80, 0xff}) {
            Chunk changed = whole;
            (at < whole.entries.size() ? changed.entries[at]
                                       : changed.contents[at - whole.entries.size()]) =
                static_cast<char>(byte);
            try {
                changed.read();
            } catch (const DamagedRow&) {
            }
        }
    }
}

}  // namespace
}  // namespace drawbridge::storage
