// Broker: where a client id lives, and the ids that the broker draws.
#include "broker/core/broker.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

using namespace drawbridge;
using namespace drawbridge::core;

TEST_CASE("a broker has the shards, the settings and the bounds it was made with",
          "[core][broker]") {
    Settings settings;
    settings.limits.max_retained_messages = 0;
    Broker broker(settings, 3);
    CHECK(broker.shards() == 3);
    for (unsigned index = 0; index < 3; ++index) CHECK(broker.shard(index).index() == index);
    CHECK(broker.settings().limits.max_retained_messages == 0);
    MessageView message;
    message.topic = "t";
    message.payload = as_bytes("payload");
    CHECK_FALSE(broker.retained().store(message, {}, TimePoint{}));
}

TEST_CASE("a client id has one home for ever, and ids spread over all shards", "[core][broker]") {
    const Broker broker(Settings{}, 4);
    const Broker other(Settings{}, 4);
    std::vector<int> clients(4);
    for (int i = 0; i < 4'000; ++i) {
        const std::string id = "device-" + std::to_string(i);
        const unsigned home = broker.home_of(id);
        REQUIRE(home < 4);
        REQUIRE(broker.home_of(id) == home);
        REQUIRE(other.home_of(id) == home);
        ++clients[home];
    }
    for (const int here : clients) CHECK(here > 800);
}

TEST_CASE("with one shard everybody lives there", "[core][broker]") {
    const Broker broker(Settings{}, 1);
    for (const char* id : {"", "a", "another client id"}) CHECK(broker.home_of(id) == 0);
    CHECK(broker.home_of(broker.draw_client_id(0)) == 0);
}

TEST_CASE(
    "MQTT5-3.1.3-6, MQTT311-3.1.3-6: a client id that the broker draws is nobody else's, and at "
    "home where "
    "it was asked for",
    "[core][broker]") {
    const Broker broker(Settings{}, 5);
    std::set<std::string> ids;
    for (int i = 0; i < 200; ++i) {
        for (unsigned shard = 0; shard < 5; ++shard) {
            const std::string id = broker.draw_client_id(shard);
            CHECK(broker.home_of(id) == shard);
            CHECK(id.size() <= limits::id_bytes_max);
            CHECK(std::ranges::all_of(id, [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
            }));
            ids.insert(id);
        }
    }
    CHECK(ids.size() == 1'000);
}
