#include "broker/app/cli_services.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <memory>
#include <string>

#include "auth/device_list.hpp"
#include "broker/app/accounts.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/example.hpp"
#include "broker/app/live_clients.hpp"
#include "broker/app/long_output.hpp"
#include "broker/app/text_table.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;
using auth::AccountKind;
using auth::StoredDevice;
namespace json = boost::json;

struct Arguments {
    std::string name;
    AddAccount add{.account = {.device_id = {},
                               .tenant = {},
                               .profile = "service",
                               .name = {},
                               .kind = AccountKind::service},
                   .channels = {}};
    auth::DeviceUpdate update;
};

json::object describe(const StoredDevice& service, const LiveClients& clients) {
    return {
        {"name", service.device_id},
        {"tenant", service.tenant},
        {"profile", service.profile},
        {"enabled", service.enabled},
        {"sessions", clients.of(service.device_id).size()},
        {"created_at", json_time(service.created_at)},
        {"last_seen", json_time(service.last_seen)},
        {"last_refusal_at", json_time(service.last_refusal_at)},
        {"last_refusal",
         service.last_refusal.empty() ? json::value(nullptr) : json::value(service.last_refusal)},
    };
}

void list_services(const GlobalOptions& options, const Arguments&) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const LiveClients clients(registry.live_clients());
    JsonArrayOutput array;
    TextTable table;
    table.add({"SERVICE", "TENANT", "PROFILE", "ENABLED", "SESSIONS", "LAST SEEN"});
    auth::DeviceFilter services;
    services.kind = AccountKind::service;
    auth::for_each_device(registry.store().database(), services, [&](const StoredDevice& service) {
        if (options.json)
            array.add(describe(service, clients));
        else
            table.add({service.device_id, service.tenant, service.profile,
                       service.enabled ? "yes" : "no",
                       fmt::format("{}", clients.of(service.device_id).size()),
                       text_time(service.last_seen)});
        return true;
    });
    if (options.json) return array.end();
    fmt::print("{}", table.text());
}

void show_for_people(DeviceRegistry& registry, const StoredDevice& service,
                     const LiveClients& clients) {
    TextTable fields;
    fields.add({"service", service.device_id});
    fields.add({"tenant", service.tenant});
    fields.add({"profile", service.profile});
    fields.add({"enabled", service.enabled ? "yes" : "no"});
    fields.add({"created", text_time(service.created_at)});
    fields.add({"last seen", text_time(service.last_seen)});
    fields.add({"last refusal", text_time(service.last_refusal_at) +
                                    (service.last_refusal.empty() ? "" : ": ") +
                                    service.last_refusal});
    for (const json::object& client : clients.of(service.device_id))
        fields.add({"session",
                    fmt::format("{}, since {}, from {}, {}", text_field(client, "client_id"),
                                text_field(client, "connected_at"), text_field(client, "address"),
                                text_field(client, "protocol"))});
    for (const auth::StoredKey& key : registry.store().keys(service.device_id))
        fields.add({"key", fmt::format("{}, last used {}, expires {}{}", key.key_id,
                                       text_time(key.last_used_at), text_time(key.expires_at),
                                       key.label.empty() ? "" : ", " + key.label)});
    for (const auth::Rule& rule : registry.store().rules(service.device_id))
        fields.add({"rule", fmt::format("{}: {} {} {}", rule.rule_id, to_text(rule.effect),
                                        to_text(rule.operation), rule.filter)});
    fmt::print("{}", fields.text());
}

void show_service(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const StoredDevice service = get_account(registry, AccountKind::service, arguments.name);
    const LiveClients clients(registry.live_clients_of(arguments.name));
    if (!options.json) return show_for_people(registry, service, clients);
    json::object document = describe(service, clients);
    document["keys"] = keys_as_json(registry, arguments.name);
    document["rules"] = rules_as_json(registry, arguments.name);
    json::array& live = document["clients"].emplace_array();
    for (const json::object& client : clients.of(arguments.name)) live.push_back(client);
    print_json(document);
}

}  // namespace

void add_service_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* service =
        app.add_subcommand("service", "accounts of back ends, which may have several sessions");
    service->require_subcommand(1)->fallthrough();
    add_examples(service, {"service add ingest", "service show ingest"});

    CLI::App* add = service->add_subcommand("add", "adds a service and prints its API key, once");
    add->add_option("NAME", arguments->add.account.device_id, "1 to 128 of A-Z a-z 0-9 . _ : -")
        ->required();
    add->add_option("--profile", arguments->add.account.profile, "its rules")
        ->capture_default_str();
    add->add_option("--tenant", arguments->add.account.tenant, "whose it is");
    add->add_flag("--no-key", arguments->add.no_key, "make no API key");
    add->callback([&options, arguments] { add_account(options, arguments->add); });
    add_examples(add, {"service add ingest", "service add billing --tenant acme"});

    CLI::App* list = service->add_subcommand("list", "all services");
    list->callback([&options, arguments] { list_services(options, *arguments); });
    add_examples(list, {"service list"});

    const auto add_command = [&](const char* name, const char* description, auto run) {
        CLI::App* command = service->add_subcommand(name, description);
        command->add_option("NAME", arguments->name, "the service")->required();
        command->callback([&options, arguments, run] { run(options, *arguments); });
        return command;
    };
    add_examples(add_command("show", "everything about one service, but no secret", show_service),
                 {"service show ingest"});
    CLI::App* set =
        add_command("set", "changes its profile or tenant", [](const auto& o, const auto& a) {
            set_account(o, AccountKind::service, a.name, a.update);
        });
    add_update_options(set, arguments->update);
    add_examples(set, {"service set ingest --profile open"});
    add_examples(add_command("enable", "lets it connect again",
                             [](const auto& o, const auto& a) {
                                 enable_account(o, AccountKind::service, a.name, true);
                             }),
                 {"service enable ingest"});
    add_examples(add_command("disable", "ends its sessions and lets it connect no more",
                             [](const auto& o, const auto& a) {
                                 enable_account(o, AccountKind::service, a.name, false);
                             }),
                 {"service disable ingest"});
    add_examples(add_command("remove", "ends its sessions and forgets it, its keys and its rules",
                             [](const auto& o, const auto& a) {
                                 remove_account(o, AccountKind::service, a.name);
                             }),
                 {"service remove ingest"});
}

}  // namespace drawbridge::app
