// Changing devices: what is changed, and that nothing else counts as a change. With a real
// database.
#include "auth/device_update.hpp"

#include <catch2/catch.hpp>

#include "auth/refused_change.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;

class Fixture {
public:
    Fixture() { store.add({"pump-17", "acme", "core", "the pump"}, WallTime{}); }

    bool update(const DeviceUpdate& update) {
        return update_device(store.database(), store.get("pump-17"), update);
    }

private:
    test::TemporaryDirectory directory_;

public:
    DeviceStore store{directory_.path() / "drawbridge.db"};
};

TEST_CASE_METHOD(Fixture, "what is named is changed, and nothing else", "[auth][update]") {
    CHECK(update({.tenant = "other", .profile = {}, .name = {}, .enabled = {}}));
    CHECK(store.get("pump-17").tenant == "other");
    CHECK(store.get("pump-17").profile == "core");
    CHECK(store.get("pump-17").name == "the pump");
    CHECK(update({.tenant = "", .profile = "open", .name = "", .enabled = false}));
    const StoredDevice device = store.get("pump-17");
    CHECK(device.tenant.empty());
    CHECK(device.profile == "open");
    CHECK(device.name.empty());
    CHECK_FALSE(device.enabled);
}

TEST_CASE_METHOD(Fixture, "what is so already is no change, which no session is told of",
                 "[auth][update]") {
    const auto before = store.newest_change();
    CHECK_FALSE(update({}));
    CHECK_FALSE(update({.tenant = "acme", .profile = "core", .name = "the pump", .enabled = true}));
    CHECK(store.newest_change() == before);
    CHECK(update({.tenant = {}, .profile = {}, .name = "other", .enabled = {}}));
    CHECK(store.newest_change() == before);  // a name is for people
    CHECK(update({.tenant = "other", .profile = {}, .name = {}, .enabled = {}}));
    CHECK(store.newest_change() > before);
}

TEST_CASE_METHOD(Fixture, "texts that cannot be printed or filled in are refused",
                 "[auth][update]") {
    CHECK_THROWS_WITH(update({.tenant = "a/b", .profile = {}, .name = {}, .enabled = {}}),
                      Contains("cannot be a tenant"));
    for (const char* name : {"two\nlines", "\x1b[31m", "\xff", "\x7f"})
        CHECK_THROWS_WITH(update({.tenant = {}, .profile = {}, .name = name, .enabled = {}}),
                          Contains("must be UTF-8 and hold no control characters"));
    CHECK(update({.tenant = {}, .profile = {}, .name = "Füllstand 水", .enabled = {}}));
    CHECK_THROWS_AS(
        update({.tenant = {}, .profile = {}, .name = std::string(257, 'x'), .enabled = {}}),
        RefusedChange);
}

}  // namespace
}  // namespace drawbridge::auth
