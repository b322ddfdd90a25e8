#include "broker/app/cli_profiles.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "auth/limits.hpp"
#include "auth/profile_file.hpp"
#include "auth/refused_change.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/configuration.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/example.hpp"
#include "broker/app/text_table.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;
using auth::Profiles;
using auth::StoredProfile;
namespace json = boost::json;

struct Arguments {
    std::string name;
    std::string file;
};

std::string read_file(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::error_code ignored;
    if (!in || std::filesystem::is_directory(file, ignored))
        throw CommandFailed(
            fmt::format("{}: cannot be read; check that it is a file and who may read it", file));
    std::string text(limits::profile_file_bytes_max + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

// What is wrong with it, so that the broker refuses who has it; "" if nothing is.
std::string problem_of(const StoredProfile& stored) {
    try {
        auth::parse_profile(stored.text, "profile " + stored.name, stored.name);
        return {};
    } catch (const auth::RefusedChange& mistakes) {
        return mistakes.what();
    }
}

// A profile of either kind, for the list.
struct Listed {
    std::string name;
    bool built_in = true;
    std::int64_t devices = 0;
    std::optional<WallTime> changed_at;
    std::string problem;
};

std::vector<Listed> all_profiles(DeviceRegistry& registry) {
    std::vector<Listed> all;
    for (const auth::ProfilePtr& profile : Profiles::built_in().list())
        all.push_back({.name = profile->name,
                       .devices = registry.profile_store().devices_with(profile->name),
                       .changed_at = {},
                       .problem = {}});
    for (const StoredProfile& stored : registry.profile_store().list())
        if (!Profiles::is_built_in(stored.name))
            all.push_back({.name = stored.name,
                           .built_in = false,
                           .devices = registry.profile_store().devices_with(stored.name),
                           .changed_at = stored.changed_at,
                           .problem = problem_of(stored)});
    return all;
}

void list_profiles(const GlobalOptions& options) {
    DeviceRegistry registry(options, IfMissing::refuse);
    json::array documents;
    TextTable table;
    table.add({"PROFILE", "KIND", "DEVICES", "CHANGED", "PROBLEM"});
    for (const Listed& profile : all_profiles(registry)) {
        if (options.json)
            documents.push_back(
                {{"name", profile.name},
                 {"built_in", profile.built_in},
                 {"devices", profile.devices},
                 {"changed_at", json_time(profile.changed_at)},
                 {"problem",
                  profile.problem.empty() ? json::value(nullptr) : json::value(profile.problem)}});
        else
            table.add({profile.name, profile.built_in ? "built in" : "own",
                       fmt::format("{}", profile.devices),
                       profile.changed_at ? text_time(profile.changed_at) : "",
                       profile.problem.substr(0, profile.problem.find('\n'))});
    }
    if (options.json) return print_json(documents);
    fmt::print("{}", table.text());
}

json::array array_of(const std::vector<std::string>& texts) {
    return json::array(texts.begin(), texts.end());
}

void show_profile(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const std::optional<StoredProfile> stored = registry.profile_store().find(arguments.name);
    if (!options.json && stored) return fmt::print("{}", stored->text);
    const auth::ProfilePtr profile = registry.profiles().get(arguments.name);
    const std::string text = stored ? stored->text : auth::write_profile(*profile);
    if (!options.json) return fmt::print("{}", text);
    json::object limits;
    for (const auto& [limit, value] : profile->own_limits) limits[limit->name] = value;
    print_json({{"name", profile->name},
                {"built_in", Profiles::is_built_in(profile->name)},
                {"client_ids", array_of(profile->client_ids)},
                {"username", array_of(profile->usernames)},
                {"publish", array_of(profile->publish)},
                {"subscribe", array_of(profile->subscribe)},
                {"deny_publish", array_of(profile->deny_publish)},
                {"deny_subscribe", array_of(profile->deny_subscribe)},
                {"subscribe_across_tenants", array_of(profile->subscribe_across_tenants)},
                {"limits", std::move(limits)},
                {"text", text}});
}

void add_profile(const GlobalOptions& options, const Arguments& arguments) {
    const std::string text = read_file(arguments.file);
    auth::parse_profile(text, arguments.file, arguments.name);
    DeviceRegistry registry(options, IfMissing::create);
    const WallTime now = WallClock::now();
    bool replaced = false;
    std::int64_t devices = 0;
    {
        SQLite::Transaction change = registry.store().begin();
        replaced = registry.profile_store().put(arguments.name, text, now);
        devices = registry.profile_store().devices_with(arguments.name);
        registry.note_change("", replaced ? "profile replaced" : "profile added", arguments.name,
                             now);
        change.commit();
    }
    registry.tell_broker();

    if (options.json)
        return print_json({{"name", arguments.name}, {"replaced", replaced}, {"devices", devices}});
    if (!replaced)
        return fmt::print(
            "Profile {0} is added; give it to a device with drawbridge device add ID --profile "
            "{0}\n",
            arguments.name);
    fmt::print("Profile {} is replaced; {} of it {} the new rules now.\n", arguments.name,
               devices == 1 ? "the one device" : fmt::format("the {} devices", devices),
               devices == 1 ? "has" : "have");
}

// What the configuration names must stay, or the broker would not start again.
void check_not_configured(const GlobalOptions& options, const std::string& name) {
    const AuthConfiguration auth = load_configuration(options.config).auth;
    if (auth.allow_anonymous && auth.anonymous_profile == name)
        throw CommandFailed(
            fmt::format("profile {} cannot be removed: it is the anonymous_profile in {}", name,
                        options.config.string()));
}

void remove_profile(const GlobalOptions& options, const Arguments& arguments) {
    check_not_configured(options, arguments.name);
    DeviceRegistry registry(options, IfMissing::refuse);
    {
        SQLite::Transaction change = registry.store().begin();  // no device gets it meanwhile
        registry.profile_store().remove(arguments.name);
        registry.note_change("", "profile removed", arguments.name, WallClock::now());
        change.commit();
    }
    registry.tell_broker();
    if (options.json) return print_json({{"name", arguments.name}, {"removed", true}});
    fmt::print("Profile {} is removed.\n", arguments.name);
}

}  // namespace

void add_profile_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* profile =
        app.add_subcommand("profile", "profiles: what devices of one kind are called and may do");
    profile->require_subcommand(1)->fallthrough();

    add_examples(profile, {"profile list", "profile add meters --file meters.toml"});
    CLI::App* list =
        profile->add_subcommand("list", "all profiles, with the number of their devices");
    list->callback([&options] { list_profiles(options); });
    add_examples(list, {"profile list"});

    const auto add_command = [&](const char* name, const char* description, const char* example,
                                 auto run) {
        CLI::App* command = profile->add_subcommand(name, description);
        command->add_option("PROFILE", arguments->name, "its name")->required();
        add_examples(command, {example});
        command->callback([&options, arguments, run] { run(options, *arguments); });
        return command;
    };
    add_command("show", "its file; with another name it could be added", "profile show core",
                show_profile);
    add_command("add", "adds a profile, or replaces it, also under its live sessions",
                "profile add meters --file meters.toml", add_profile)
        ->add_option("--file", arguments->file, "what it says, as docs/profiles.md describes it")
        ->required();
    add_command("remove", "forgets a profile that no device has", "profile remove meters",
                remove_profile);
}

}  // namespace drawbridge::app
