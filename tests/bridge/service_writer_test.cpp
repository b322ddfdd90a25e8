// ServiceWriter: its thread and its queue. Nothing here sleeps; what the thread does is waited for.
#include "bridge/service_writer.hpp"

#include <catch2/catch.hpp>
#include <future>

#include "broker/base/log.hpp"
#include "storage/device_schema.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

struct Fixture {
    Fixture() { log::set_level(log::Level::error); }

    void flush() {
        std::promise<void> written;
        writer->flush([&] { written.set_value(); });
        written.get_future().wait();
    }
    std::vector<Service> rows() { return ServiceStore(database).list(); }

    test::TemporaryDirectory directory;
    SQLite::Database database =
        storage::open_database(directory.path() / "drawbridge.db", storage::device_schema);
    std::unique_ptr<ServiceWriter> writer =
        std::make_unique<ServiceWriter>(directory.path() / "drawbridge.db");
};

Service named(std::string name, std::uint64_t outages = 0) {
    return {.name = std::move(name), .status = ServiceStatus::up, .outages = outages};
}

}  // namespace

TEST_CASE_METHOD(Fixture, "what was put is in the database after a flush", "[bridge][services]") {
    writer->put({named("pump"), named("valve")});
    flush();
    CHECK(rows() == std::vector{named("pump"), named("valve")});
    writer->put({named("pump", 1)});
    writer->put({named("pump", 2)});
    writer->erase(0, "valve");
    flush();
    CHECK(rows() == std::vector{named("pump", 2)});
}

TEST_CASE_METHOD(Fixture, "what was put is in the database after the writer has gone",
                 "[bridge][services]") {
    writer->put({named("pump")});
    writer.reset();
    CHECK(rows() == std::vector{named("pump")});
}

TEST_CASE_METHOD(Fixture,
                 "what cannot be written is written later, unless something newer takes its place",
                 "[bridge][services]") {
    database.exec("ALTER TABLE service_status RENAME TO away");
    writer->put({named("pump", 1), named("valve", 1)});
    flush();
    writer->put({named("pump", 2)});
    database.exec("ALTER TABLE away RENAME TO service_status");
    writer.reset();
    CHECK(rows() == std::vector{named("pump", 2), named("valve", 1)});
}
