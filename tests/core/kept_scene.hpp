// KeptScene: a scene whose broker keeps what must outlive it, in a journal whose disk is in memory.
#pragma once

#include "tests/support/scene.hpp"

namespace drawbridge::test {

constexpr wire::SubscriptionOptions qos_1{.qos = 1};
constexpr wire::SubscriptionOptions qos_2{.qos = 2};

// Alice publishes, bob has a session that is kept. The journal is written when all has settled.
struct KeptScene : Scene {
    explicit KeptScene(Version version = Version::v5, const core::Settings& settings = {},
                       Cast cast = any_cast())
        : Scene(version, settings, cast), shards(cast.shards) {
        pump.keep_in(journal);
    }
    void kill() { pump.die_and_begin_again(shards); }

    MemoryJournal journal;
    const unsigned shards;
};

}  // namespace drawbridge::test
