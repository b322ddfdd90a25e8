#include "broker/app/cli_broker.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <string>

#include "broker/app/admin_client.hpp"
#include "broker/app/cli_throttle.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/text_table.hpp"

namespace drawbridge::app {
namespace {

namespace json = boost::json;

// Strings as they are, everything else as in JSON.
std::string text_of(const json::value& value) {
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

std::string text_field(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr ? text_of(*value) : "";
}

void list_clients(const GlobalOptions& options) {
    const json::object reply = ask_running_broker(options.data, {{"command", "clients"}});
    const json::value* clients = reply.if_contains("clients");
    if (clients == nullptr || !clients->is_array())
        throw CommandFailed("the running broker's answer names no clients; is it another version?");
    if (options.json) return print_json(*clients);

    TextTable table;
    table.add({"CLIENT", "IDENTITY", "ADDRESS", "PROTOCOL", "CONNECTED AT"});
    for (const json::value& client : clients->get_array())
        if (const json::object* fields = client.if_object())
            table.add({text_field(*fields, "client_id"), text_field(*fields, "identity"),
                       text_field(*fields, "address"), text_field(*fields, "protocol"),
                       text_field(*fields, "connected_at")});
    fmt::print("{}", table.text());
}

void kick_client(const GlobalOptions& options, const std::string& client_id) {
    const json::object reply =
        ask_running_broker(options.data, {{"command", "kick"}, {"client_id", client_id}});
    const json::value* kicked = reply.if_contains("kicked");
    if (kicked == nullptr || !kicked->is_bool() || !kicked->get_bool())
        throw CommandFailed(fmt::format(
            "no client {} is connected; drawbridge client list shows those that are", client_id));
    DeviceRegistry(options, DeviceRegistry::IfMissing::refuse)
        .note_change(client_id, "client kicked", "", WallClock::now());
    if (options.json) return print_json({{"client_id", client_id}, {"kicked", true}});
    fmt::print("Client {} is disconnected.\n", client_id);
}

void show_status(const GlobalOptions& options) {
    json::object reply = ask_running_broker(options.data, {{"command", "status"}});
    reply.stable_erase("ok");
    if (options.json) return print_json(reply);

    TextTable table;
    for (const auto& [name, value] : reply) {
        if (!value.is_array()) {
            table.add({std::string(name), text_of(value)});
            continue;
        }
        for (const json::value& lock : value.get_array())
            table.add({std::string(name), lock_in_words(lock)});
    }
    fmt::print("{}", table.text());
}

}  // namespace

void add_broker_commands(CLI::App& app, const GlobalOptions& options) {
    CLI::App* client = app.add_subcommand("client", "the live connections");
    client->require_subcommand(1)->fallthrough();
    client->add_subcommand("list", "all of them")->callback([&options] { list_clients(options); });
    CLI::App* kick = client->add_subcommand("kick", "ends one; the client may connect again");
    const auto client_id = std::make_shared<std::string>();
    kick->add_option("CLIENT_ID", *client_id, "as shown by drawbridge client list")->required();
    kick->callback([&options, client_id] { kick_client(options, *client_id); });

    app.add_subcommand("status", "the running broker on one screen")
        ->fallthrough()
        ->callback([&options] { show_status(options); });
}

}  // namespace drawbridge::app
