// drawbridge: the one binary. Parses the command line and runs the command.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>

#include "broker/app/cli_acl.hpp"
#include "broker/app/cli_audit.hpp"
#include "broker/app/cli_backup.hpp"
#include "broker/app/cli_broker.hpp"
#include "broker/app/cli_completion.hpp"
#include "broker/app/cli_config.hpp"
#include "broker/app/cli_devices.hpp"
#include "broker/app/cli_keys.hpp"
#include "broker/app/cli_profiles.hpp"
#include "broker/app/cli_psk.hpp"
#include "broker/app/cli_routes.hpp"
#include "broker/app/cli_service_health.hpp"
#include "broker/app/cli_services.hpp"
#include "broker/app/cli_throttle.hpp"
#include "broker/app/data_directory.hpp"
#include "broker/app/example.hpp"
#include "broker/app/global_options.hpp"
#include "broker/app/serve.hpp"
#include "storage/database.hpp"

namespace {

using drawbridge::app::GlobalOptions;

// The configuration that applies when none is named: the first of these that exists.
std::filesystem::path default_configuration_file(const std::filesystem::path& data) {
    for (const std::filesystem::path& file :
         {data / "drawbridge.toml", std::filesystem::path("/etc/drawbridge/drawbridge.toml")}) {
        std::error_code error;
        if (std::filesystem::exists(file, error)) return file;
    }
    return {};
}

// Once all is parsed and before the command runs.
void complete(GlobalOptions& options) {
    if (options.data.empty()) options.data = drawbridge::app::DataDirectory::default_path();
    if (options.config.empty()) options.config = default_configuration_file(options.data);
}

int run(int argc, char** argv) {
    CLI::App app("Drawbridge, the MQTT broker for a fleet of devices");
    app.name("drawbridge");
    app.set_version_flag("--version", "drawbridge " DRAWBRIDGE_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    GlobalOptions options;
    app.add_option("--data", options.data, "the data directory")
        ->envname("DRAWBRIDGE_DATA")
        ->type_name("DIR");
    app.add_option("--config", options.config, "the configuration file")
        ->envname("DRAWBRIDGE_CONFIG")
        ->type_name("FILE");
    app.add_flag("--json", options.json, "print one JSON document");
    app.parse_complete_callback([&] { complete(options); });

    drawbridge::app::add_examples(&app, {"serve --data ./var", "--data ./var device add pump-7"});
    CLI::App* serve = app.add_subcommand("serve", "runs the broker in the foreground");
    drawbridge::app::ServeOptions serve_options;
    serve->add_flag(
        "--salvage", serve_options.salvage,
        "if a database is damaged, keep what of it can be read, and the original beside "
        "it; then serve");
    serve->fallthrough()->callback([&] { drawbridge::app::serve(options, serve_options); });
    drawbridge::app::add_examples(serve, {"serve", "serve --data ./var", "serve --salvage"});
    drawbridge::app::add_device_commands(app, options);
    drawbridge::app::add_service_commands(app, options);
    drawbridge::app::add_service_health_commands(app, options);
    drawbridge::app::add_key_commands(app, options);
    drawbridge::app::add_acl_commands(app, options);
    drawbridge::app::add_profile_commands(app, options);
    drawbridge::app::add_psk_commands(app, options);
    drawbridge::app::add_broker_commands(app, options);
    drawbridge::app::add_backup_commands(app, options);
    drawbridge::app::add_audit_commands(app, options);
    drawbridge::app::add_throttle_commands(app, options);
    drawbridge::app::add_route_commands(app, options);
    drawbridge::app::add_config_commands(app, options);
    drawbridge::app::add_completion_commands(app, options);
    try {
        app.parse(argc, argv);
        return 0;
    } catch (const CLI::RuntimeError& status) {
        return status.get_exit_code();  // the command has said what it had to say
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;  // 0: help or version
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return run(argc, argv);
    } catch (const SQLite::Exception& failure) {
        if (drawbridge::storage::is_busy(failure))
            fmt::print(stderr,
                       "drawbridge: another command is changing the devices at the moment; try "
                       "again when it is done\n");
        else
            fmt::print(stderr, "drawbridge: the database cannot be used: {}\n",
                       drawbridge::storage::explain(failure));
        return 1;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "drawbridge: {}\n", failure.what());
        return 1;
    }
}
