#include "broker/app/cli_config.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "broker/app/configuration.hpp"
#include "broker/app/example.hpp"

namespace drawbridge::app {
namespace {

boost::json::array to_json(const std::vector<std::string>& lines) {
    return boost::json::array(lines.begin(), lines.end());
}

void check_for_people(const GlobalOptions& options) {
    const Configuration configuration = load_configuration(options.config);
    for (const std::string& warning : configuration.warnings) fmt::print("warning: {}\n", warning);
    if (options.config.empty())
        fmt::print("ok: no configuration file, the defaults are in effect\n");
    else
        fmt::print("ok: {}\n", options.config.string());
}

void check_for_machines(const GlobalOptions& options) {
    boost::json::object answer = {{"file", options.config.string()}};
    try {
        const Configuration configuration = load_configuration(options.config);
        answer["ok"] = true;
        answer["errors"] = boost::json::array();
        answer["warnings"] = to_json(configuration.warnings);
    } catch (const ConfigurationError& error) {
        answer["ok"] = false;
        answer["errors"] = to_json(error.mistakes());
        answer["warnings"] = boost::json::array();
    }
    fmt::print("{}\n", boost::json::serialize(answer));
    if (!answer["ok"].as_bool()) throw CLI::RuntimeError(1);
}

void show(const GlobalOptions& options) {
    const Configuration configuration = load_configuration(options.config);
    if (options.json)
        fmt::print("{}\n", write_json(configuration));
    else
        fmt::print("{}", write_toml(configuration));
}

}  // namespace

void add_config_commands(CLI::App& app, const GlobalOptions& options) {
    CLI::App* config = app.add_subcommand("config", "the configuration: check it, show it");
    config->require_subcommand(1)->fallthrough();

    add_examples(config, {"config check", "config show"});
    CLI::App* check = config->add_subcommand(
        "check", "is the configuration file right? names file, line and key");
    check->callback([&options] {
        if (options.json)
            check_for_machines(options);
        else
            check_for_people(options);
    });
    add_examples(check, {"config check", "--config /etc/drawbridge/drawbridge.toml config check"});
    CLI::App* show_command =
        config->add_subcommand("show", "prints the configuration in effect, every key");
    show_command->callback([&options] { show(options); });
    add_examples(show_command, {"config show"});
}

}  // namespace drawbridge::app
