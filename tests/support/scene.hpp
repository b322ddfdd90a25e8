// Scene: a broker with two clients, once for each number of shards; the homes of the clients differ
// if they can. With four shards chance decides, in one more round, who goes on at every step.
#pragma once

#include <catch2/catch.hpp>

#include "tests/support/test_client.hpp"

namespace drawbridge::test {

struct Cast {
    unsigned shards;
    std::optional<std::uint64_t> seed{};
};

inline Cast any_cast() { return GENERATE(Cast{1}, Cast{2}, Cast{4}, Cast{4, 7}); }
inline Version any_version() { return GENERATE(Version::v3_1_1, Version::v5); }
inline std::uint8_t any_qos() {
    return GENERATE(std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2});
}

struct Scene {
    explicit Scene(Version version = Version::v5, const core::Settings& settings = {},
                   Cast cast = any_cast())
        : pump(settings, cast.shards, cast.seed),
          alice(pump, pump.id_at(0, "alice"), version),
          bob(pump, pump.id_at(1, "bob"), version) {}

    // Both, the usual way.
    void connect() {
        REQUIRE(alice.connect());
        REQUIRE(bob.connect());
    }
    TestClient client(unsigned shard, std::string_view name, Version version = Version::v5) {
        return {pump, pump.id_at(shard, name), version};
    }
    // Gives the session of one client another identity.
    void give(const TestClient& concerned, const core::IdentityPtr& identity) {
        using Verdict = core::Shard::Verdict;
        pump.run_on(pump.broker().home_of(concerned.client_id()), [&](core::Shard& shard) {
            shard.review_identities([&](const std::string& client_id, const core::IdentityPtr&) {
                return client_id == concerned.client_id()
                           ? Verdict{Verdict::Kind::replace, identity}
                           : Verdict{};
            });
        });
    }

    ShardPump pump;
    TestClient alice;
    TestClient bob;
};

using Texts = std::vector<std::string>;

}  // namespace drawbridge::test
