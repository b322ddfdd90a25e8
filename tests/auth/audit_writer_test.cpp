// AuditWriter: its thread and its queue. Nothing here sleeps; what the thread does is waited for.
#include "auth/audit_writer.hpp"

#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "auth/limits.hpp"
#include "broker/base/log.hpp"
#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using core::AuditEvent;

class Fixture : public Registry {
public:
    Fixture() { log::set_level(log::Level::error); }

    std::unique_ptr<AuditWriter> start(AuditBounds bounds = {}) {
        return std::make_unique<AuditWriter>(file, bounds, [] { return today; });
    }
    static AuditEvent event(std::string identity, bool routine = false) {
        return {.kind = AuditEvent::Kind::disconnected,
                .identity = std::move(identity),
                .why = "lost",
                .routine = routine};
    }
    static void flush(AuditWriter& writer) {
        std::promise<void> written;
        writer.flush([&] { written.set_value(); });
        written.get_future().wait();
    }
    std::vector<AuditRow> rows() { return list_audit(store.database(), {.limit = 1'000'000}); }

    // The writer's thread waits until the result is set.
    static std::shared_ptr<std::promise<void>> hold(AuditWriter& writer) {
        auto go_on = std::make_shared<std::promise<void>>();
        std::promise<void> held;
        writer.flush([&held, go_on] {
            held.set_value();
            go_on->get_future().wait();
        });
        held.get_future().wait();
        return go_on;
    }
};

TEST_CASE_METHOD(Fixture, "what was told is in the database after a flush", "[auth][audit]") {
    const auto writer = start();
    writer->note(event("pump"));
    writer->note(event("valve"));
    flush(*writer);
    CHECK(rows().size() == 2);
    CHECK(rows().front().at == today);
}

TEST_CASE_METHOD(Fixture, "what was told is in the database after the writer has gone",
                 "[auth][audit]") {
    start()->note(event("pump"));
    CHECK(rows().size() == 1);
}

TEST_CASE_METHOD(Fixture, "the same thing told many times in one batch is one row with its number",
                 "[auth][audit]") {
    const auto writer = start();
    const auto go_on = hold(*writer);
    for (int i = 0; i < 1'000; ++i) {
        AuditEvent same = event("pump");
        same.address = "192.0.2.7:" + std::to_string(1'000 + i);
        writer->note(same);
    }
    go_on->set_value();
    flush(*writer);
    REQUIRE(rows().size() == 1);
    CHECK(rows().front().times == 1'000);
    CHECK(rows().front().address == "192.0.2.7:1999");
}

TEST_CASE_METHOD(Fixture, "a full queue leaves out what is too much, what is routine first",
                 "[auth][audit]") {
    const auto writer = start();
    const auto go_on = hold(*writer);
    constexpr std::size_t most = limits::audit_events_waiting_max;
    for (std::size_t i = 0; i < most; ++i) writer->note(event("pump", true));
    CHECK(writer->left_out() == most / 2);
    for (std::size_t i = 0; i < most; ++i) writer->note(event("valve"));
    CHECK(writer->left_out() == most);
    go_on->set_value();
    flush(*writer);
    REQUIRE(rows().size() == 2);
    CHECK(rows()[0].times == most / 2);
    CHECK(rows()[1].times == most / 2);
    writer->note(event("valve"));
    flush(*writer);
    CHECK(writer->left_out() == most);
}

TEST_CASE_METHOD(Fixture, "while somebody else writes, the audit waits and loses nothing",
                 "[auth][audit]") {
    const auto writer = start();
    {
        const SQLite::Transaction import = store.begin();  // rolled back
        writer->note(event("pump"));
        flush(*writer);  // in vain
        CHECK(rows().empty());
    }
    flush(*writer);
    CHECK(rows().size() == 1);
}

TEST_CASE_METHOD(Fixture, "many threads tell at the same time", "[auth][audit]") {
    const auto writer = start();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, name = std::to_string(i)] {
            for (int j = 0; j < 500; ++j) {
                writer->note(event(name));
                if (j % 100 == 0) flush(*writer);
            }
        });
    for (std::thread& thread : threads) thread.join();
    flush(*writer);
    std::uint64_t told = 0;
    for (const AuditRow& row : rows()) told += row.times;
    CHECK(told == 2'000);
}

}  // namespace
}  // namespace drawbridge::auth
