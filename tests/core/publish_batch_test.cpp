// PublishBatch: what one turn published, in one piece of memory.
#include "broker/core/publish_batch.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using namespace drawbridge;
using namespace drawbridge::core;

namespace {

// An item with the bytes that it points to.
struct Kept {
    std::string topic;
    std::string properties;
    std::string payload;
    PublishBatch::Item item;

    PublishBatch::Item whole() const {
        PublishBatch::Item made = item;
        made.message.topic = topic;
        made.message.properties = as_bytes(properties);
        made.message.payload = as_bytes(payload);
        return made;
    }
};

bool same(const PublishBatch::Item& a, const PublishBatch::Item& b) {
    return a.message.topic == b.message.topic &&
           as_text(a.message.properties) == as_text(b.message.properties) &&
           as_text(a.message.payload) == as_text(b.message.payload) &&
           a.message.expires_at == b.message.expires_at && a.message.qos == b.message.qos &&
           a.message.retain == b.message.retain && a.receiver == b.receiver &&
           a.subscription_id == b.subscription_id && a.granted_qos == b.granted_qos &&
           a.retain_as_published == b.retain_as_published && a.group == b.group &&
           a.packet_id == b.packet_id && a.step == b.step && a.believed == b.believed;
}

Kept random_item(std::mt19937& random) {
    Kept kept;
    kept.topic = std::string(1 + random() % 40, 't');
    kept.properties = std::string(random() % 3 == 0 ? random() % 300 : 0, 'q');
    kept.payload = std::string(random() % 10 == 0 ? random() % 20'000 : random() % 20, 'p');
    kept.item.message.qos = static_cast<std::uint8_t>(random() % 3);
    kept.item.message.retain = random() % 2 == 0;
    if (random() % 2 == 0) kept.item.message.expires_at = TimePoint(Duration(random()));
    kept.item.receiver = random() % 2 == 0 ? 0 : std::uint64_t{random()} << 32 | random();
    kept.item.subscription_id = static_cast<std::uint32_t>(random());
    kept.item.granted_qos = static_cast<std::uint8_t>(random() % 3);
    kept.item.retain_as_published = random() % 2 == 0;
    kept.item.group = std::uint64_t{random()} << 32 | random();
    kept.item.packet_id = static_cast<std::uint16_t>(random());
    kept.item.step = static_cast<PublishBatch::Step>(random() % 3);
    kept.item.believed = static_cast<MemberState>(random() % 3);
    return kept;
}

}  // namespace

TEST_CASE("an empty batch has no messages and no memory", "[core][batch]") {
    const PublishBatch batch;
    CHECK(batch.empty());
    CHECK(batch.bytes() == 0);
    int visited = 0;
    batch.for_each([&](const PublishBatch::Item&) { ++visited; });
    CHECK(visited == 0);
}

TEST_CASE("a batch gives back every message as it was put in, oldest first", "[core][batch]") {
    const unsigned seed = GENERATE(1u, 2u, 3u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    std::vector<Kept> put;
    PublishBatch batch;
    for (int i = 0; i < 500; ++i) {
        put.push_back(random_item(random));
        batch.append(put.back().whole());
    }
    CHECK_FALSE(batch.empty());
    for (int reader = 0; reader < 2; ++reader) {
        std::size_t i = 0;
        bool right = true;
        batch.for_each([&](const PublishBatch::Item& item) {
            right &= i < put.size() && same(item, put[i++].whole());
        });
        CHECK(right);
        CHECK(i == put.size());
    }
}

TEST_CASE("a batch counts the bytes of its messages", "[core][batch]") {
    PublishBatch batch;
    const std::string payload(100'000, 'p');
    PublishBatch::Item item;
    item.message.topic = "t";
    item.message.payload = as_bytes(payload);
    batch.append(item);
    CHECK(batch.bytes() > 100'000);
    CHECK(batch.bytes() < 100'200);
    batch.append(item);
    CHECK(batch.bytes() > 200'000);
}

TEST_CASE("a batch outlives what it was made of", "[core][batch]") {
    PublishBatch batch;
    {
        const std::string topic = "a topic that is long enough to lie on the heap";
        PublishBatch::Item item;
        item.message.topic = topic;
        item.message.payload = as_bytes(topic);
        batch.append(item);
    }
    batch.for_each([](const PublishBatch::Item& item) {
        CHECK(item.message.topic == "a topic that is long enough to lie on the heap");
        CHECK(as_text(item.message.payload) == item.message.topic);
    });
}
