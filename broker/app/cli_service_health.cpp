#include "broker/app/cli_service_health.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/service_store.hpp"
#include "broker/app/admin_client.hpp"
#include "broker/app/admin_services.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/example.hpp"
#include "broker/app/text_table.hpp"

namespace drawbridge::app {
namespace {

namespace json = boost::json;
using IfMissing = DeviceRegistry::IfMissing;

struct Arguments {
    std::string name;
    std::string forget;
    std::optional<std::string> tenant;
};

struct Known {
    bool live = false;  // by the running broker; else what it knew last
    json::array services;
};

Known ask_for_services(const GlobalOptions& options) {
    Known known;
    if (const auto reply = ask_broker(options.data, {{"command", "services"}})) {
        const json::value* services = reply->if_contains("services");
        if (services == nullptr || !services->is_array())
            throw CommandFailed(
                "the running broker's answer names no services; is it another version?");
        return {true, services->get_array()};
    }
    DeviceRegistry registry(options, IfMissing::refuse);
    for (const bridge::Service& service : bridge::ServiceStore(registry.store().database()).list())
        known.services.push_back(describe(service));
    return known;
}

std::string text_field(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return {};
    return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

// Those of this name ("": all) and tenant.
json::array chosen(const json::array& services, const std::string& name,
                   const std::optional<std::string>& tenant) {
    json::array some;
    for (const json::value& service : services) {
        const json::object* fields = service.if_object();
        if (fields == nullptr) continue;
        if (!name.empty() && text_field(*fields, "name") != name) continue;
        if (tenant && text_field(*fields, "tenant") != *tenant) continue;
        some.push_back(service);
    }
    return some;
}

[[noreturn]] void refuse_unknown(const std::string& name) {
    throw CommandFailed(fmt::format(
        "no service {} is known by its heartbeats; drawbridge services shows those "
        "that are, and a service is known once it has published to heartbeat/{}/service",
        name, name));
}

void show_services(const GlobalOptions& options, const Arguments& arguments) {
    const Known known = ask_for_services(options);
    const json::array services = chosen(known.services, arguments.name, arguments.tenant);
    if (services.empty() && !arguments.name.empty()) refuse_unknown(arguments.name);
    if (!known.live)
        fmt::print(stderr, "drawbridge: the broker is not running; this is what it knew last\n");
    if (options.json) return print_json(services);

    TextTable table;
    table.add({"SERVICE", "TENANT", "STATUS", "SINCE", "LAST SEEN", "OUTAGES"});
    for (const json::value& service : services) {
        const json::object& fields = service.get_object();
        table.add({text_field(fields, "name"), text_field(fields, "tenant"),
                   text_field(fields, "status"), text_field(fields, "since"),
                   text_field(fields, "last_seen"), text_field(fields, "outages")});
    }
    fmt::print("{}", table.text());
}

// The tenant of the one service that is meant.
std::string tenant_meant(const json::array& services, const Arguments& arguments) {
    const json::array meant = chosen(services, arguments.forget, arguments.tenant);
    if (meant.empty()) refuse_unknown(arguments.forget);
    if (meant.size() == 1) return text_field(meant.front().get_object(), "tenant");
    throw CommandFailed(
        fmt::format("{} tenants have a service {}; say which is meant with --tenant, \"\" is the "
                    "one without a tenant",
                    meant.size(), arguments.forget));
}

void forget_kept(DeviceRegistry& registry, const std::string& tenant, const std::string& name) {
    bridge::ServiceStore store(registry.store().database());
    for (bridge::Service& service : store.list()) {
        if (service.name != name || service.tenant != core::tenant_id(tenant)) continue;
        service.status = bridge::ServiceStatus::forgotten;
        store.put(service);
    }
}

void forget_service(const GlobalOptions& options, const Arguments& arguments) {
    const std::string& name = arguments.forget;
    const Known known = ask_for_services(options);
    const std::string tenant = tenant_meant(known.services, arguments);
    DeviceRegistry registry(options, IfMissing::refuse);
    if (known.live)
        ask_running_broker(options.data,
                           {{"command", "forget_service"}, {"tenant", tenant}, {"name", name}});
    SQLite::Transaction change(registry.store().database(), SQLite::TransactionBehavior::IMMEDIATE);
    if (!known.live) forget_kept(registry, tenant, name);
    registry.note_change("", "service's health forgotten",
                         tenant.empty() ? name : fmt::format("{} of tenant {}", name, tenant),
                         WallClock::now());
    change.commit();
    if (options.json) return print_json({{"name", name}, {"tenant", tenant}, {"forgotten", true}});
    fmt::print("Service {} is forgotten, until it sends a heartbeat again.\n", name);
}

}  // namespace

void add_service_health_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* services =
        app.add_subcommand("services", "which services are up, by the heartbeats that they send");
    services->fallthrough();
    services->add_option("NAME", arguments->name, "only this one");
    services->add_option("--tenant", arguments->tenant, "only those of this tenant; \"\": of none")
        ->type_name("TENANT");
    add_examples(services, {"services", "services pump", "--json services"});

    CLI::App* forget = services->add_subcommand(
        "forget", "removes one that is gone for good, and its retained status");
    forget->add_option("NAME", arguments->forget, "the service")->required();
    forget->fallthrough();
    add_examples(forget, {"services forget pump", "services forget pump --tenant acme"});
    services->callback([&options, forget, arguments] {
        if (forget->parsed())
            forget_service(options, *arguments);
        else
            show_services(options, *arguments);
    });
}

}  // namespace drawbridge::app
