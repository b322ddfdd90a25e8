// Completion: words of command lines, and what may stand next.
#include "broker/app/completion.hpp"

#include <catch2/catch.hpp>

#include "auth/device_store.hpp"
#include "auth/profile_store.hpp"
#include "broker/app/cli_devices.hpp"
#include "broker/app/cli_keys.hpp"
#include "broker/app/cli_routes.hpp"
#include "broker/app/cli_services.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::app {
namespace {

using Words = std::vector<std::string>;

class Fixture {
public:
    Fixture() {
        options.data = directory_.path();
        app.add_option("--data", options.data);
        app.add_flag("--json", options.json);
        add_device_commands(app, options);
        add_service_commands(app, options);
        add_key_commands(app, options);
        add_route_commands(app, options);
    }
    Words complete(std::string_view line) {
        return complete_words(app, options, "drawbridge " + std::string(line));
    }
    void add(const std::string& id, auth::AccountKind kind = auth::AccountKind::device) {
        auth::DeviceStore(options.data / "drawbridge.db").add({id, "", "core", "", kind}, {});
    }

private:
    test::TemporaryDirectory directory_;

public:
    GlobalOptions options;
    CLI::App app;
};

TEST_CASE("a command line is split as a shell does", "[app][completion]") {
    CHECK(split_command_line("") == Words{""});
    CHECK(split_command_line("a  b") == Words{"a", "b"});
    CHECK(split_command_line("a b ") == Words{"a", "b", ""});
    CHECK(split_command_line(R"(a 'b c' "d 'e" f\ g h'i')") ==
          Words{"a", "b c", "d 'e", "f g", "hi"});
    CHECK(split_command_line("a 'b ") == Words{"a", "b "});
}

TEST_CASE_METHOD(Fixture, "commands and options complete", "[app][completion]") {
    CHECK(complete("dev") == Words{"device"});
    CHECK(complete("--json device disa") == Words{"disable"});
    CHECK(complete("device list --ten") == Words{"--tenant"});
    CHECK(complete("device list --js") == Words{"--json"});  // of the program, after a command
    CHECK(complete("nonsense").empty());
    CHECK(complete("device can x pub") == Words{"publish"});
    CHECK(complete("device export --format js") == Words{"jsonl"});
    CHECK(complete("device export --format=js") == Words{"--format=jsonl"});
}

TEST_CASE_METHOD(Fixture, "ids complete from the database, each where it can stand",
                 "[app][completion]") {
    add("pump-1");
    add("pump:2");
    add("valve");
    add("pumpd", auth::AccountKind::service);
    CHECK(complete("device show pu") == Words{"pump-1", "pump:2"});
    CHECK(complete("device show pump:") == Words{"pump:2"});
    CHECK(complete("device show ") == Words{"pump-1", "pump:2", "valve"});
    CHECK(complete("service show ") == Words{"pumpd"});
    CHECK(complete("key list pu") == Words{"pump-1", "pump:2", "pumpd"});
    CHECK(complete("device add pu").empty());
    CHECK(complete("device show pump-1 pu").empty());
    CHECK(complete("device show *").empty());
    CHECK(complete("--data /nowhere device show pu").empty());
}

TEST_CASE_METHOD(Fixture, "Tab makes no database and lists no fleet", "[app][completion]") {
    CHECK(complete("device show pu").empty());
    CHECK_FALSE(std::filesystem::exists(options.data / "drawbridge.db"));
    auth::DeviceStore store(options.data / "drawbridge.db");
    SQLite::Transaction all = store.begin();
    for (int i = 0; i < 300; ++i) store.add({std::to_string(i), "", "core", ""}, {});
    all.commit();
    CHECK(complete("device show ").size() == ids_completed_max);
}

TEST_CASE_METHOD(Fixture, "profiles complete, those built in and the operator's own",
                 "[app][completion]") {
    add("pump");
    auth::DeviceStore store(options.data / "drawbridge.db");
    auth::ProfileStore(store.database()).put("connector", "client_ids = ['x']", {});
    CHECK(complete("device add tab --profile conn") == Words{"connector", "connhex"});
    CHECK(complete("device set pump --profile=op") == Words{"--profile=open"});
    CHECK(complete("device list --profile los") == Words{"losant"});
    CHECK(complete("device list --profile none") == Words());
}

TEST_CASE("who publishes in a test of routes is one of two", "[app][completion]") {
    Fixture fixture;
    CHECK(fixture.complete("route te") == Words{"test"});
    CHECK(fixture.complete("route test a --from ") == Words{"nats", "mqtt"});
    CHECK(fixture.complete("route test a --from m") == Words{"mqtt"});
    CHECK(fixture.complete("route test ").empty());
}

}  // namespace
}  // namespace drawbridge::app
