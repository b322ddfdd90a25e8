// DeviceStore: what is kept, and what is refused with which words. With a real database.
#include "auth/device_store.hpp"

#include <catch2/catch.hpp>

#include "auth/refused_change.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;
using Ids = std::vector<std::string>;

constexpr WallTime today{std::chrono::hours(24 * 365 * 56)};

class Fixture {
public:
    Fixture() : file(directory_.path() / "drawbridge.db"), store(file) {
        store.add({"pump-17", "acme", "core", "the pump"}, today);
    }

    static StoredKey key(std::string key_id) {
        StoredKey key;
        key.key_id = std::move(key_id);
        key.hash.fill(9);
        key.label = "first";
        key.created_at = today;
        return key;
    }

private:
    test::TemporaryDirectory directory_;

public:
    std::filesystem::path file;
    DeviceStore store;
};

TEST_CASE_METHOD(Fixture, "a device is kept as it was added", "[auth][store]") {
    const StoredDevice device = DeviceStore(file).get("pump-17");
    CHECK(device.tenant == "acme");
    CHECK(device.profile == "core");
    CHECK(device.name == "the pump");
    CHECK(device.enabled);
    CHECK(device.created_at == today);
    CHECK_FALSE(device.last_seen);
    store.set_enabled("pump-17", false);
    CHECK_FALSE(store.get("pump-17").enabled);
    store.remove("pump-17");
    CHECK_FALSE(store.find("pump-17"));
}

TEST_CASE_METHOD(Fixture, "of a device that is not there, the nearest is its neighbour",
                 "[auth][store]") {
    store.add({"pump-20", "", "core", ""}, today);
    CHECK(store.nearest("pump-17")->device_id == "pump-17");
    CHECK(store.nearest("pump-18")->device_id == "pump-20");
    CHECK(store.nearest("pump-2")->device_id == "pump-20");
    CHECK(store.nearest("")->device_id == "pump-17");
    CHECK(store.nearest("z")->device_id == "pump-17");
    store.remove("pump-17");
    store.remove("pump-20");
    CHECK_FALSE(store.nearest("pump-17"));
}

TEST_CASE_METHOD(Fixture, "a device that cannot be added is refused", "[auth][store]") {
    CHECK_THROWS_WITH(store.add({"a/b", "", "core", ""}, today), Contains("use 1 to 128 char"));
    CHECK_THROWS_WITH(store.add({"a", "t/u", "core", ""}, today), Contains("cannot be a tenant"));
    CHECK_THROWS_WITH(store.add({"a", "", "core", std::string(257, 'x')}, today),
                      Contains("longer than 256"));
    CHECK_THROWS_WITH(store.add({"pump-17", "", "core", ""}, today),
                      Contains("there is a device pump-17 already"));
    CHECK(store.get("pump-17").tenant == "acme");
}

TEST_CASE_METHOD(Fixture, "an unknown device is refused with what may have been meant",
                 "[auth][store]") {
    CHECK_THROWS_WITH(store.get("pump-71"), Contains("did you mean pump-17?"));
    CHECK_THROWS_WITH(store.get("valve"), Contains("drawbridge device list"));
    CHECK_THROWS_AS(store.remove("valve"), RefusedChange);
    CHECK_THROWS_AS(store.set_enabled("valve", true), RefusedChange);
    CHECK_THROWS_AS(store.add_key("valve", key("k")), RefusedChange);
    CHECK_THROWS_AS(store.revoke_key("valve", "k"), RefusedChange);
    CHECK_THROWS_AS(store.add_rule("valve", {}), RefusedChange);
}

TEST_CASE_METHOD(Fixture, "keys are kept and revoked one by one", "[auth][store]") {
    CHECK_FALSE(store.has_keys());
    StoredKey expiring = key("BBBBBBBB");
    expiring.expires_at = today + seconds(5);
    store.add_key("pump-17", key("AAAAAAAA"));
    store.add_key("pump-17", expiring);
    CHECK(store.has_keys());
    const std::vector<StoredKey> keys = store.keys("pump-17");
    REQUIRE(keys.size() == 2);
    CHECK(keys[0].key_id == "AAAAAAAA");
    CHECK(keys[0].hash == key("").hash);
    CHECK(keys[0].label == "first");
    CHECK_FALSE(keys[0].expires_at);
    CHECK(keys[1].expires_at == today + seconds(5));
    CHECK(store.device_of_key("AAAAAAAA") == "pump-17");
    store.revoke_key("pump-17", "AAAAAAAA");
    CHECK_FALSE(store.device_of_key("AAAAAAAA"));
    CHECK_THROWS_WITH(store.revoke_key("pump-17", "AAAAAAAA"), Contains("has no key AAAAAAAA"));
    CHECK(store.keys("pump-17").size() == 1);
}

TEST_CASE_METHOD(Fixture, "a device has a limited number of keys and of rules", "[auth][store]") {
    for (int i = 0; i < 32; ++i) store.add_key("pump-17", key("key" + std::to_string(i)));
    CHECK_THROWS_WITH(store.add_key("pump-17", key("more")), Contains("32 keys already"));
    const SQLite::Transaction all = store.begin();
    for (int i = 0; i < 256; ++i)
        store.add_rule("pump-17", {0, Effect::allow, Operation::publish, std::to_string(i)});
    CHECK_THROWS_WITH(store.add_rule("pump-17", {0, Effect::allow, Operation::publish, "more"}),
                      Contains("256 rules already"));
}

TEST_CASE_METHOD(Fixture, "a key's time runs out once", "[auth][store]") {
    StoredKey expiring = key("AAAAAAAA");
    expiring.expires_at = today + seconds(5);
    store.add_key("pump-17", expiring);
    store.add_key("pump-17", key("BBBBBBBB"));
    CHECK(store.keys_expired(today, today + milliseconds(4'999)).empty());
    CHECK(store.keys_expired(today + seconds(4), today + seconds(5)) == Ids{"pump-17"});
    CHECK(store.keys_expired(today + seconds(5), today + seconds(6)).empty());
}

TEST_CASE_METHOD(Fixture, "rules are kept and removed one by one", "[auth][store]") {
    const Rule deny{.rule_id = 0,
                    .effect = Effect::deny,
                    .operation = Operation::subscribe,
                    .filter = "secret/{device_id}/#"};
    const auto rule_id = store.add_rule("pump-17", deny);
    REQUIRE(store.rules("pump-17").size() == 1);
    const Rule kept = store.rules("pump-17").front();
    CHECK(kept.rule_id == rule_id);
    CHECK(kept.effect == Effect::deny);
    CHECK(kept.operation == Operation::subscribe);
    CHECK(kept.filter == deny.filter);
    CHECK_THROWS_WITH(store.add_rule("pump-17", deny), Contains("has this rule already"));
    CHECK_THROWS_WITH(store.add_rule("pump-17", {0, Effect::allow, Operation::publish, "a/#/b"}),
                      Contains("cannot be a rule's filter"));
    CHECK_THROWS_WITH(store.remove_rule("pump-17", rule_id + 1), Contains("has no rule"));
    store.remove_rule("pump-17", rule_id);
    CHECK(store.rules("pump-17").empty());
}

TEST_CASE_METHOD(Fixture, "changes in one transaction are made together or not at all",
                 "[auth][store]") {
    {
        const SQLite::Transaction abandoned = store.begin();
        store.add({"valve", "", "core", ""}, today);
    }
    CHECK_FALSE(store.find("valve"));
    {
        SQLite::Transaction kept = store.begin();
        store.add({"valve", "", "core", ""}, today);
        kept.commit();
    }
    CHECK(DeviceStore(file).find("valve"));
}

TEST_CASE_METHOD(Fixture, "another connection sees that and whose identity changed",
                 "[auth][store]") {
    DeviceStore watcher(file);
    const auto version = watcher.data_version();
    const auto seq = watcher.newest_change();
    CHECK(watcher.data_version() == version);
    store.set_enabled("pump-17", false);
    store.add({"valve", "", "core", ""}, today);
    CHECK(watcher.data_version() != version);
    const Changes changes = watcher.changes_since(seq);
    CHECK(changes.device_ids == Ids{"pump-17", "valve"});
    CHECK(changes.seq == watcher.newest_change());
    CHECK(watcher.changes_since(changes.seq).device_ids.empty());
    CHECK_FALSE(watcher.forget_changes(changes.seq, 2));
    CHECK(watcher.forget_changes(changes.seq, 2));
    CHECK(watcher.changes_since(0).device_ids.empty());
}

TEST_CASE_METHOD(Fixture, "sightings are written together and are no change of identity",
                 "[auth][store]") {
    store.add_key("pump-17", key("AAAAAAAA"));
    const auto seq = store.newest_change();
    store.record({{"pump-17", "AAAAAAAA", today + seconds(1), today + seconds(2), "wrong key"},
                  {"gone", "AAAAAAAA", today + seconds(9), {}, ""}});
    const StoredDevice device = store.get("pump-17");
    CHECK(device.last_seen == today + seconds(1));
    CHECK(device.last_refusal_at == today + seconds(2));
    CHECK(device.last_refusal == "wrong key");
    CHECK(store.keys("pump-17").front().last_used_at == today + seconds(1));
    CHECK(store.changes_since(seq).device_ids.empty());
}

TEST_CASE_METHOD(Fixture,
                 "a rule may let messages of other tenants across, if it is one that grants",
                 "[auth][store]") {
    Rule rule{0, Effect::allow, Operation::subscribe, "shared/#"};
    rule.across_tenants = true;
    store.add_rule("pump-17", rule);
    CHECK(store.rules("pump-17").at(0).across_tenants);
    rule.filter = "other";
    rule.across_tenants = false;
    store.add_rule("pump-17", rule);
    CHECK_FALSE(store.rules("pump-17").at(1).across_tenants);
    rule.across_tenants = true;
    rule.effect = Effect::deny;
    CHECK_THROWS_AS(store.add_rule("pump-17", rule), RefusedChange);
    rule.effect = Effect::allow;
    rule.operation = Operation::publish;
    CHECK_THROWS_AS(store.add_rule("pump-17", rule), RefusedChange);
}

}  // namespace
}  // namespace drawbridge::auth
