// Walking over devices: which ones a filter picks, in which order. With a real database.
#include "auth/device_list.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "auth/limits.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::auth {
namespace {

using Ids = std::vector<std::string>;

constexpr WallTime today{std::chrono::hours(24 * 365 * 56)};

class Fixture {
public:
    Fixture() {
        store.add({"pump-1", "acme", "core", "Boiler Room"}, today);
        store.add({"pump-2", "", "open", ""}, today);
        store.add({"PUMP-3", "acme", "core", ""}, today);
        store.add({"valve", "acme", "open", "feeds pump-1"}, today);
        store.add({"ingest", "", "service", "", AccountKind::service}, today);
        store.set_enabled("pump-2", false);
    }

    Ids ids(const DeviceFilter& filter) {
        Ids ids;
        for_each_device(store.database(), filter, [&](const StoredDevice& device) {
            ids.push_back(device.device_id);
            return true;
        });
        return ids;
    }
    Ids matching(std::string pattern) {
        DeviceFilter filter;
        filter.pattern = std::move(pattern);
        return ids(filter);
    }

private:
    test::TemporaryDirectory directory_;

public:
    DeviceStore store{directory_.path() / "drawbridge.db"};
};

TEST_CASE_METHOD(Fixture, "all devices come in the order of their ids", "[auth][list]") {
    CHECK(ids({}) == Ids{"PUMP-3", "ingest", "pump-1", "pump-2", "valve"});
    DeviceFilter after;
    after.after = "pump-1";
    CHECK(ids(after) == Ids{"pump-2", "valve"});
    after.after = "valve";
    CHECK(ids(after).empty());
}

TEST_CASE_METHOD(Fixture, "a pattern with wildcards is the whole id", "[auth][list]") {
    CHECK(matching("pump-*") == Ids{"pump-1", "pump-2"});
    CHECK(matching("pump-?") == Ids{"pump-1", "pump-2"});
    CHECK(matching("pump-1?").empty());
    CHECK(matching("*-?") == Ids{"PUMP-3", "pump-1", "pump-2"});
    CHECK(matching("*").size() == 5);
    CHECK(matching("ump*").empty());
    CHECK(matching("[pv]*").empty());  // no class of characters
    CHECK(matching("pump-1\xff*").empty());
}

TEST_CASE_METHOD(Fixture, "a pattern without wildcards is a part of the id or the name",
                 "[auth][list]") {
    CHECK(matching("pump-1") == Ids{"pump-1", "valve"});
    CHECK(matching("boiler room") == Ids{"pump-1"});
    CHECK(matching("Pump-") == Ids{"PUMP-3", "pump-1", "pump-2", "valve"});
    CHECK(matching("nothing").empty());
    CHECK(matching("%").empty());
}

TEST_CASE_METHOD(Fixture,
                 "devices are picked by tenant, profile, kind and whether they are enabled",
                 "[auth][list]") {
    DeviceFilter filter;
    filter.tenant = "acme";
    CHECK(ids(filter) == Ids{"PUMP-3", "pump-1", "valve"});
    filter.profile = "open";
    CHECK(ids(filter) == Ids{"valve"});
    filter = {};
    filter.tenant = "";
    CHECK(ids(filter) == Ids{"ingest", "pump-2"});
    filter.kind = AccountKind::device;
    CHECK(ids(filter) == Ids{"pump-2"});
    filter = {};
    filter.enabled = false;
    CHECK(ids(filter) == Ids{"pump-2"});
    filter.enabled = true;
    CHECK(ids(filter).size() == 4);
    filter = {};
    filter.kind = AccountKind::service;
    CHECK(ids(filter) == Ids{"ingest"});
}

TEST_CASE_METHOD(Fixture, "more devices than a page come all, each once", "[auth][list]") {
    const std::size_t count = 2 * limits::device_page + 1;
    {
        SQLite::Transaction all = store.begin();
        for (std::size_t i = 0; i < count; ++i)
            store.add({"z" + std::to_string(1'000'000 + i), "", "core", ""}, today);
        all.commit();
    }
    const Ids found = matching("z*");
    CHECK(found.size() == count);
    CHECK(std::is_sorted(found.begin(), found.end()));
    CHECK(std::adjacent_find(found.begin(), found.end()) == found.end());
    // Devices that go meanwhile are no hindrance, and a walk that ends early ends at once.
    std::size_t seen = 0;
    DeviceFilter filter;
    filter.pattern = "z*";
    for_each_device(store.database(), filter, [&](const StoredDevice& device) {
        store.remove(device.device_id);
        return ++seen < 3;
    });
    CHECK(seen == 3);
    CHECK(matching("z*").size() == count - 3);
}

}  // namespace
}  // namespace drawbridge::auth
