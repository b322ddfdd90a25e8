#include "broker/app/cli_devices.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <string>

#include "auth/acl.hpp"
#include "auth/psk_store.hpp"
#include "broker/app/cli_throttle.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/first_steps.hpp"
#include "broker/app/text_table.hpp"
#include "broker/base/limits.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;
using auth::Operation;
using auth::StoredDevice;
namespace json = boost::json;

// What the command line of any of these commands says.
struct Arguments {
    auth::NewDevice device{.device_id = {}, .tenant = {}, .profile = "core", .name = {}};
    bool no_key = false;
    std::string operation;
    std::string topic;
};

// The running broker's clients, by the id of who they are. Of a service with several, one.
std::map<std::string, json::object> clients_by_identity(const DeviceRegistry& registry) {
    std::map<std::string, json::object> clients;
    for (const json::value& client : registry.live_clients())
        if (const json::object* fields = client.if_object())
            if (const json::value* identity = fields->if_contains("identity"))
                if (identity->is_string()) clients[std::string(identity->get_string())] = *fields;
    return clients;
}

json::value field(const json::object* client, std::string_view name) {
    const json::value* value = client != nullptr ? client->if_contains(name) : nullptr;
    return value != nullptr ? *value : json::value(nullptr);
}

std::string text_field(const json::object& client, std::string_view name) {
    const json::value value = field(&client, name);
    return value.is_string() ? std::string(value.get_string()) : "?";
}

// client: its live connection; null if it has none.
json::object describe(const StoredDevice& device, const json::object* client) {
    return {
        {"device_id", device.device_id},
        {"tenant", device.tenant},
        {"profile", device.profile},
        {"name", device.name},
        {"enabled", device.enabled},
        {"connected", client != nullptr},
        {"address", field(client, "address")},
        {"protocol", field(client, "protocol")},
        {"connected_at", field(client, "connected_at")},
        {"presence", "unknown"},
        {"created_at", json_time(device.created_at)},
        {"last_seen", json_time(device.last_seen)},
        {"last_refusal_at", json_time(device.last_refusal_at)},
        {"last_refusal",
         device.last_refusal.empty() ? json::value(nullptr) : json::value(device.last_refusal)},
    };
}

void add_device(const GlobalOptions& options, const Arguments& arguments) {
    const auth::NewDevice& device = arguments.device;
    DeviceRegistry registry(options, IfMissing::create);
    const auth::ProfilePtr profile = registry.profiles().get(device.profile);
    const WallTime now = WallClock::now();

    std::optional<MadeKey> key;
    {
        SQLite::Transaction change = registry.store().begin();
        registry.store().add(device, now);
        if (!arguments.no_key) key = registry.make_key(device.device_id, "", {}, now);
        registry.note_change(device.device_id, "device added",
                             fmt::format("profile {}", device.profile), now);
        change.commit();
    }
    registry.tell_broker();

    if (options.json)
        return print_json({{"device_id", device.device_id},
                           {"tenant", device.tenant},
                           {"profile", device.profile},
                           {"key_id", key ? json::value(key->key_id) : json::value(nullptr)},
                           {"api_key", key ? json::value(key->api_key) : json::value(nullptr)}});
    fmt::print("Device {} is added, with profile {}.\n", device.device_id, device.profile);
    if (!key)
        return fmt::print("It has no key yet; make one with: drawbridge key add {}\n",
                          device.device_id);
    fmt::print("\nIts API key, shown only this once:\n  {}\n", key->api_key);
    fmt::print("\nTo try it, one at a time, because both use the device's client id:\n{}",
               first_steps(options.data, device, *profile, key->api_key));
}

void list_devices(const GlobalOptions& options) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const auto clients = clients_by_identity(registry);
    json::array documents;
    TextTable table;
    table.add({"DEVICE", "TENANT", "PROFILE", "ENABLED", "CONNECTED", "LAST SEEN", "NAME"});
    for (const StoredDevice& device : registry.store().list()) {
        const auto client = clients.find(device.device_id);
        const bool connected = client != clients.end();
        if (options.json)
            documents.push_back(describe(device, connected ? &client->second : nullptr));
        else
            table.add({device.device_id, device.tenant, device.profile,
                       device.enabled ? "yes" : "no", connected ? "yes" : "no",
                       text_time(device.last_seen), device.name});
    }
    if (options.json) return print_json(documents);
    fmt::print("{}", table.text());
}

// pressure: as pressure_on() tells it.
void show_for_people(DeviceRegistry& registry, const StoredDevice& device,
                     const json::object* client, const json::object& pressure) {
    TextTable fields;
    fields.add({"device", device.device_id});
    fields.add({"name", device.name});
    fields.add({"tenant", device.tenant});
    fields.add({"profile", device.profile});
    fields.add({"enabled", device.enabled ? "yes" : "no"});
    fields.add({"connected", client == nullptr ? "no"
                                               : fmt::format("since {}, from {}, {}",
                                                             text_field(*client, "connected_at"),
                                                             text_field(*client, "address"),
                                                             text_field(*client, "protocol"))});
    fields.add({"presence", "unknown"});
    fields.add({"created", text_time(device.created_at)});
    fields.add({"last seen", text_time(device.last_seen)});
    fields.add({"last refusal", text_time(device.last_refusal_at) +
                                    (device.last_refusal.empty() ? "" : ": ") +
                                    device.last_refusal});
    if (const json::array* locks = pressure.at("locks").if_array())
        for (const json::value& lock : *locks) fields.add({"locked out", lock_in_words(lock)});
    for (const auth::StoredKey& key : registry.store().keys(device.device_id))
        fields.add({"key", fmt::format("{}, last used {}, expires {}{}", key.key_id,
                                       text_time(key.last_used_at), text_time(key.expires_at),
                                       key.label.empty() ? "" : ", " + key.label)});
    if (const auto psk = auth::PskStore(registry.store().database()).find(device.device_id))
        fields.add(
            {"PSK", fmt::format("{}, last used {}", psk->psk_id, text_time(psk->last_used_at))});
    for (const auth::Rule& rule : registry.store().rules(device.device_id))
        fields.add({"rule", fmt::format("{}: {} {} {}", rule.rule_id, to_text(rule.effect),
                                        to_text(rule.operation), rule.filter)});
    fmt::print("{}", fields.text());
}

void show_device(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const StoredDevice device = registry.store().get(arguments.device.device_id);
    const auto clients = clients_by_identity(registry);
    const auto found = clients.find(device.device_id);
    const json::object* client = found != clients.end() ? &found->second : nullptr;
    const json::object pressure = pressure_on(options, device.device_id);
    if (!options.json) return show_for_people(registry, device, client, pressure);

    json::object document = describe(device, client);
    for (const auto& [name, value] : pressure) document[name] = value;
    json::array& keys = document["keys"].emplace_array();
    for (const auth::StoredKey& key : registry.store().keys(device.device_id))
        keys.push_back({{"key_id", key.key_id},
                        {"label", key.label},
                        {"created_at", json_time(key.created_at)},
                        {"expires_at", json_time(key.expires_at)},
                        {"last_used_at", json_time(key.last_used_at)}});
    document["psk"] = nullptr;
    if (const auto psk = auth::PskStore(registry.store().database()).find(device.device_id))
        document["psk"] = {{"psk_id", psk->psk_id},
                           {"created_at", json_time(psk->created_at)},
                           {"last_used_at", json_time(psk->last_used_at)}};
    json::array& rules = document["rules"].emplace_array();
    for (const auth::Rule& rule : registry.store().rules(device.device_id))
        rules.push_back({{"rule", rule.rule_id},
                         {"effect", std::string(to_text(rule.effect))},
                         {"operation", std::string(to_text(rule.operation))},
                         {"filter", rule.filter}});
    print_json(document);
}

void enable_device(const GlobalOptions& options, const Arguments& arguments, bool enabled) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const std::string& device_id = arguments.device.device_id;
    SQLite::Transaction change = registry.store().begin();
    registry.store().set_enabled(device_id, enabled);
    registry.note_change(device_id, enabled ? "device enabled" : "device disabled", "",
                         WallClock::now());
    change.commit();
    registry.tell_broker();
    if (options.json) return print_json({{"device_id", device_id}, {"enabled", enabled}});
    fmt::print("Device {} is {}.\n", device_id, enabled ? "enabled" : "disabled");
}

void remove_device(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const std::string& device_id = arguments.device.device_id;
    SQLite::Transaction change = registry.store().begin();
    registry.store().remove(device_id);
    registry.note_change(device_id, "device removed", "", WallClock::now());
    change.commit();
    registry.tell_broker();
    if (options.json) return print_json({{"device_id", device_id}, {"removed", true}});
    fmt::print("Device {} is removed, with its keys and rules.\n", device_id);
}

core::Decision decide(DeviceRegistry& registry, const Arguments& arguments) {
    const StoredDevice device = registry.store().get(arguments.device.device_id);
    if (!device.enabled) return {false, "denied: the device is disabled"};
    const auth::DeviceIdentity identity(
        std::make_shared<const auth::Device>(
            auth::Device{device.device_id, device.tenant, registry.profiles().get(device.profile),
                         registry.store().rules(device.device_id)}),
        auth::ProvedBy::nothing);
    const std::size_t levels_max = Limits().max_topic_levels;
    if (arguments.operation == to_text(Operation::publish)) {
        if (!wire::is_topic_name(arguments.topic, levels_max))
            throw CommandFailed(fmt::format(
                "'{}' is no topic to publish to; name one without + and #", arguments.topic));
        return identity.decide(Operation::publish, arguments.topic);
    }
    const auto parsed = wire::parse_filter(arguments.topic, levels_max);
    if (!parsed)
        throw CommandFailed(fmt::format(
            "'{}' is no topic filter; # must stand alone and last, + alone in its level",
            arguments.topic));
    return identity.decide(Operation::subscribe, parsed->filter);
}

void can_device(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const core::Decision decision = decide(registry, arguments);
    if (options.json)
        print_json({{"allowed", decision.allowed}, {"rule", decision.rule}});
    else
        fmt::print("{}\n", decision.rule);
    if (!decision.allowed) throw CLI::RuntimeError(1);
}

}  // namespace

void add_device_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* device =
        app.add_subcommand("device", "devices: who may connect, and what each may do");
    device->require_subcommand(1)->fallthrough();

    CLI::App* add = device->add_subcommand("add", "adds a device and prints its API key, once");
    add->add_option("ID", arguments->device.device_id, "1 to 128 of A-Z a-z 0-9 . _ : -")
        ->required();
    add->add_option("--tenant", arguments->device.tenant, "whose it is");
    add->add_option("--profile", arguments->device.profile, "its rules")->capture_default_str();
    add->add_option("--name", arguments->device.name, "what people call it");
    add->add_flag("--no-key", arguments->no_key, "make no API key");
    add->callback([&options, arguments] { add_device(options, *arguments); });

    device->add_subcommand("list", "all devices")->callback([&options] { list_devices(options); });

    const auto add_command = [&](const char* name, const char* description, auto run) {
        CLI::App* command = device->add_subcommand(name, description);
        command->add_option("ID", arguments->device.device_id, "the device")->required();
        command->callback([&options, arguments, run] { run(options, *arguments); });
        return command;
    };
    add_command("show", "everything about one device, but no secret", show_device);
    add_command("enable", "lets it connect again",
                [](const auto& o, const auto& a) { enable_device(o, a, true); });
    add_command("disable", "ends its session and lets it connect no more",
                [](const auto& o, const auto& a) { enable_device(o, a, false); });
    add_command("remove", "ends its session and forgets it, its keys and its rules", remove_device);
    CLI::App* can =
        add_command("can", "may it? exit status 0 or 1, and the rule that decides", can_device);
    can->add_option("OPERATION", arguments->operation, "publish or subscribe")
        ->required()
        ->check(CLI::IsMember({"publish", "subscribe"}));
    can->add_option("TOPIC", arguments->topic, "a topic, or a filter to subscribe to")->required();
}

}  // namespace drawbridge::app
