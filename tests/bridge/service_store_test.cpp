// ServiceStore: a row for each service, and what no broker has written is left out.
#include "bridge/service_store.hpp"

#include <catch2/catch.hpp>

#include "storage/device_schema.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

struct Fixture {
    test::TemporaryDirectory directory;
    SQLite::Database database =
        storage::open_database(directory.path() / "drawbridge.db", storage::device_schema);
    ServiceStore store{database};
};

Service pump(std::string_view tenant = "") {
    return {.tenant = core::tenant_id(tenant),
            .name = "pump",
            .status = ServiceStatus::up,
            .since = WallTime(milliseconds(1'700'000'000'123)),
            .last_seen = WallTime(milliseconds(1'700'000'007'456)),
            .outages = 3};
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a service is read as it was put", "[bridge][services]") {
    store.put(pump("acme"));
    CHECK(store.list() == std::vector{pump("acme")});
}

TEST_CASE_METHOD(Fixture, "a service that is put again replaces its row, and no other tenant's",
                 "[bridge][services]") {
    store.put(pump());
    store.put(pump("acme"));
    Service changed = pump("acme");
    changed.status = ServiceStatus::down;
    changed.outages = 4;
    store.put(changed);
    CHECK(store.list() == std::vector{pump(), changed});
}

TEST_CASE_METHOD(Fixture, "an erased row is gone, and no other tenant's", "[bridge][services]") {
    store.put(pump());
    store.put(pump("acme"));
    store.erase(core::tenant_id("acme"), "pump");
    CHECK(store.list() == std::vector{pump()});
}

TEST_CASE_METHOD(Fixture, "one that was forgotten is listed only for those who clear up",
                 "[bridge][services]") {
    Service gone = pump();
    gone.status = ServiceStatus::forgotten;
    store.put(gone);
    CHECK(store.list().empty());
    CHECK(store.list(ServiceStore::Forgotten::include) == std::vector{gone});
}

TEST_CASE_METHOD(Fixture, "a row that no broker has written is left out", "[bridge][services]") {
    database.exec(
        "INSERT INTO service_status VALUES ('', 'a\"b', 'up', 1, 1, 0), "
        "('x y', 'pump', 'up', 1, 1, 0)");
    CHECK(store.list().empty());
    CHECK_THROWS(database.exec("INSERT INTO service_status VALUES ('', 'p', 'ill', 1, 1, 0)"));
}
