#include "broker/app/cli_devices.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "auth/channel_store.hpp"
#include "broker/app/accounts.hpp"
#include "broker/app/cli_device_files.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_can.hpp"
#include "broker/app/device_documents.hpp"
#include "broker/app/example.hpp"

namespace drawbridge::app {
namespace {

using auth::AccountKind;

// What the command line of any of these commands says.
struct Arguments {
    std::string id;
    AddAccount add{.account = {.device_id = {},
                               .tenant = {},
                               .profile = "core",
                               .name = {},
                               .kind = AccountKind::device},
                   .channels = {}};
    ListDevices list;
    auth::DeviceUpdate update;
    std::string channel;
    std::string operation;
    std::string topic;
};

void connect_channel(const GlobalOptions& options, const Arguments& arguments, bool connected) {
    DeviceRegistry registry(options, DeviceRegistry::IfMissing::refuse);
    auth::ChannelStore channels(registry.store().database());
    {
        SQLite::Transaction change = registry.store().begin();
        get_account(registry, AccountKind::device, arguments.id);
        if (connected)
            channels.connect(arguments.id, arguments.channel);
        else
            channels.disconnect(arguments.id, arguments.channel);
        registry.note_change(arguments.id, connected ? "channel connected" : "channel disconnected",
                             arguments.channel, WallClock::now());
        change.commit();
    }
    registry.tell_broker();
    if (options.json)
        return print_json({{"device_id", arguments.id},
                           {"channel", arguments.channel},
                           {"connected", connected}});
    fmt::print("Device {} is {} channel {}.\n", arguments.id,
               connected ? "connected to" : "disconnected from", arguments.channel);
}

// Adds subcommands that borrow options and share one set of arguments.
class Commands {
public:
    Commands(CLI::App* device, const GlobalOptions& options) : device_(device), options_(options) {}

    CLI::App* add(const char* name, const char* description,
                  void (*run)(const GlobalOptions&, const Arguments&)) {
        CLI::App* command = device_->add_subcommand(name, description);
        command->callback(
            [&options = options_, arguments = arguments_, run] { run(options, *arguments); });
        return command;
    }
    CLI::App* add_with_id(const char* name, const char* description,
                          void (*run)(const GlobalOptions&, const Arguments&)) {
        CLI::App* command = add(name, description, run);
        command->add_option("ID", arguments_->id, "the device")->required();
        return command;
    }
    Arguments& arguments() { return *arguments_; }

private:
    CLI::App* device_;
    const GlobalOptions& options_;
    std::shared_ptr<Arguments> arguments_ = std::make_shared<Arguments>();
};

void add_add(Commands& commands) {
    AddAccount& arguments = commands.arguments().add;
    CLI::App* add =
        commands.add("add", "adds a device and prints its API key, once",
                     [](const auto& options, const auto& a) { add_account(options, a.add); });
    add->add_option("ID", arguments.account.device_id, "1 to 128 of A-Z a-z 0-9 . _ : -")
        ->required();
    add->add_option("--tenant", arguments.account.tenant, "whose it is");
    add->add_option("--profile", arguments.account.profile, "its rules")->capture_default_str();
    add->add_option("--name", arguments.account.name, "what people call it");
    add->add_option("--channel", arguments.channels, "a channel to connect it to; may be repeated")
        ->allow_extra_args(false);
    add->add_flag("--no-key", arguments.no_key, "make no API key");
    add_examples(add, {"device add pump-7", "device add pump-7 --tenant acme --name \"Pump 7\""});
}

void add_list(Commands& commands) {
    ListDevices& arguments = commands.arguments().list;
    CLI::App* list =
        commands.add("list", "all devices, or those that are looked for",
                     [](const auto& options, const auto& a) { list_devices(options, a.list); });
    list->add_option("PATTERN", arguments.filter.pattern,
                     "a part of the id or of the name; with * and ?: the whole id");
    list->add_option("--tenant", arguments.filter.tenant, "only this tenant's");
    list->add_option("--profile", arguments.filter.profile, "only those with this profile");
    list->add_flag("--connected", arguments.connected, "only those that are connected");
    list->add_flag_callback(
        "--disabled", [&arguments] { arguments.filter.enabled = false; },
        "only those that are disabled");
    list->add_option("--limit", arguments.limit, "at most so many");
    list->add_option("--after", arguments.filter.after, "only the ids behind this one");
    list->add_flag("--ids", arguments.ids, "print the ids alone");
    add_examples(list, {"device list", "device list pump --tenant acme",
                        "device list 'pump-*' --connected --limit 100"});
}

void add_changes(Commands& commands) {
    CLI::App* set = commands.add_with_id(
        "set", "changes its profile, tenant or name", [](const auto& options, const auto& a) {
            set_account(options, AccountKind::device, a.id, a.update);
        });
    add_update_options(set, commands.arguments().update);
    set->add_option_function<std::string>(
        "--name", [&update = commands.arguments().update](const auto& name) { update.name = name; },
        "what people call it");
    add_examples(set, {"device set pump-7 --profile open --name \"Pump 7\""});

    CLI::App* enable = commands.add_with_id(
        "enable", "lets it connect again", [](const auto& options, const auto& a) {
            enable_account(options, AccountKind::device, a.id, true);
        });
    add_examples(enable, {"device enable pump-7"});
    CLI::App* disable =
        commands.add_with_id("disable", "ends its session and lets it connect no more",
                             [](const auto& options, const auto& a) {
                                 enable_account(options, AccountKind::device, a.id, false);
                             });
    add_examples(disable, {"device disable pump-7"});
    CLI::App* remove =
        commands.add_with_id("remove", "ends its session and forgets it, its keys and its rules",
                             [](const auto& options, const auto& a) {
                                 remove_account(options, AccountKind::device, a.id);
                             });
    add_examples(remove, {"device remove pump-7"});
}

void add_channels(Commands& commands) {
    CLI::App* connect = commands.add_with_id(
        "connect", "connects it to a channel, as in Connhex",
        [](const auto& options, const auto& a) { connect_channel(options, a, true); });
    CLI::App* disconnect = commands.add_with_id(
        "disconnect", "disconnects it from a channel",
        [](const auto& options, const auto& a) { connect_channel(options, a, false); });
    for (CLI::App* command : {connect, disconnect})
        command->add_option("CHANNEL", commands.arguments().channel, "the channel's id")
            ->required();
    add_examples(connect, {"device connect pump-7 6abff700-344c-47d3-bcf8-53ef29f36277"});
    add_examples(disconnect, {"device disconnect pump-7 6abff700-344c-47d3-bcf8-53ef29f36277"});
}

}  // namespace

void add_device_commands(CLI::App& app, const GlobalOptions& options) {
    CLI::App* device =
        app.add_subcommand("device", "devices: who may connect, and what each may do");
    device->require_subcommand(1)->fallthrough();
    add_examples(device, {"device add pump-7", "device show pump-7"});
    Commands commands(device, options);

    add_add(commands);
    add_list(commands);
    CLI::App* show =
        commands.add_with_id("show", "everything about one device, but no secret",
                             [](const auto& o, const auto& a) { show_device(o, a.id); });
    add_examples(show, {"device show pump-7", "--json device show pump-7"});
    add_changes(commands);
    add_channels(commands);
    CLI::App* can = commands.add_with_id(
        "can", "may it? exit status 0 or 1, and the rule that decides",
        [](const auto& o, const auto& a) { can_device(o, a.id, a.operation, a.topic); });
    can->add_option("OPERATION", commands.arguments().operation, "publish or subscribe")
        ->required()
        ->check(CLI::IsMember({"publish", "subscribe"}));
    can->add_option("TOPIC", commands.arguments().topic, "a topic, or a filter to subscribe to")
        ->required();
    add_examples(can, {"device can pump-7 publish devices/pump-7/telemetry"});
    add_device_file_commands(device, options);
}

}  // namespace drawbridge::app
