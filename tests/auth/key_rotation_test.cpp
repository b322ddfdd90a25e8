// Key rotation: which keys get an end, and when. With a real database; time is an argument.
#include "auth/key_rotation.hpp"

#include <catch2/catch.hpp>

#include "auth/refused_change.hpp"
#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;

class Fixture : public Registry {
public:
    const std::string lasting = id_of(add("pump-17"));
    const std::string soon = id_of(add_key("pump-17", today + seconds(10)));
    const std::string late = id_of(add_key("pump-17", today + seconds(1'000)));

    static std::string id_of(const std::string& text) { return std::string(*key_id_of(text)); }

    Rotation rotate(WallTime at, std::optional<std::string> key_id = {}, WallTime now = today) {
        return expire_keys(store, "pump-17", key_id, at, now);
    }
    std::optional<WallTime> expiry(const std::string& key_id) {
        for (const StoredKey& key : store.keys("pump-17"))
            if (key.key_id == key_id) return key.expires_at;
        FAIL("key " << key_id << " is gone");
        return {};
    }
};

TEST_CASE_METHOD(Fixture, "all keys expire after the overlap, or when they would have before",
                 "[auth][rotation]") {
    const Rotation rotation = rotate(today + seconds(100));
    CHECK(rotation.replaced.size() == 3);
    CHECK(rotation.forgotten.empty());
    CHECK(expiry(lasting) == today + seconds(100));
    CHECK(expiry(soon) == today + seconds(10));
    CHECK(expiry(late) == today + seconds(100));
    for (const StoredKey& key : rotation.replaced) CHECK(key.expires_at == expiry(key.key_id));
}

TEST_CASE_METHOD(Fixture, "only the key that is named expires", "[auth][rotation]") {
    const Rotation rotation = rotate(today + seconds(100), late);
    REQUIRE(rotation.replaced.size() == 1);
    CHECK(rotation.replaced.front().key_id == late);
    CHECK_FALSE(expiry(lasting));
    CHECK(expiry(late) == today + seconds(100));
}

TEST_CASE_METHOD(Fixture, "without an overlap the keys are over at once", "[auth][rotation]") {
    rotate(today);
    CHECK(expiry(lasting) == today);
    CHECK(store.keys_expired(today - seconds(1), today).size() == 1);
}

TEST_CASE_METHOD(Fixture, "keys that had expired are forgotten, so that one can rotate for ever",
                 "[auth][rotation]") {
    const Rotation rotation = rotate(today + seconds(100), {}, today + seconds(10));
    CHECK(rotation.forgotten == std::vector<std::string>{soon});
    CHECK(store.keys("pump-17").size() == 2);
    for (int day = 1; day < 100; ++day) {
        const WallTime now = today + std::chrono::hours(24 * day);
        rotate(now, {}, now);
        add_key("pump-17");
    }
    CHECK(store.keys("pump-17").size() <= 3);
}

TEST_CASE_METHOD(Fixture, "an unknown device or key is refused", "[auth][rotation]") {
    CHECK_THROWS_WITH(rotate(today, "AbCd1234"), Contains("has no key AbCd1234"));
    CHECK_THROWS_WITH(expire_keys(store, "pump-71", {}, today, today), Contains("pump-17"));
    const std::string other = id_of(add("valve"));
    CHECK_THROWS_AS(rotate(today, other), RefusedChange);
}

TEST_CASE_METHOD(Fixture, "a key keeps its time if that is sooner, and is no change then",
                 "[auth][rotation]") {
    const auto before = store.newest_change();
    rotate(today + seconds(100), soon);
    CHECK(store.newest_change() == before);
}

}  // namespace
}  // namespace drawbridge::auth
