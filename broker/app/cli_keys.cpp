#include "broker/app/cli_keys.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <memory>
#include <string>

#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/duration.hpp"
#include "broker/app/text_table.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;

struct Arguments {
    std::string device_id;
    std::string label;
    std::string expires;  // a duration; "": never
    std::string key_id;
};

// "" if it is a duration that a key can last, else what is wrong; as CLI11 wants it.
std::string check_lasting(const std::string& text) {
    const std::optional<milliseconds> duration = parse_duration(text);
    if (duration && *duration > milliseconds(0)) return {};
    return fmt::format("'{}' is no duration; write a number and a unit, like 24h or 90d", text);
}

void add_key(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const WallTime now = WallClock::now();
    std::optional<WallTime> expires_at;
    if (!arguments.expires.empty()) expires_at = now + parse_duration(arguments.expires).value();
    SQLite::Transaction change = registry.store().begin();
    const MadeKey key = registry.make_key(arguments.device_id, arguments.label, expires_at, now);
    registry.note_change(arguments.device_id, "key added", key.key_id, now);
    change.commit();
    registry.tell_broker();

    if (options.json)
        return print_json({{"key_id", key.key_id},
                           {"api_key", key.api_key},
                           {"expires_at", json_time(key.expires_at)}});
    fmt::print("A new API key of device {}, shown only this once:\n  {}\n", arguments.device_id,
               key.api_key);
    fmt::print("Its id is {}; it expires {}.\n", key.key_id,
               expires_at ? "at " + text_time(expires_at) : text_time(expires_at));
}

void list_keys(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    registry.store().get(arguments.device_id);  // or says that there is no such device
    boost::json::array documents;
    TextTable table;
    table.add({"KEY", "CREATED", "EXPIRES", "LAST USED", "LABEL"});
    for (const auth::StoredKey& key : registry.store().keys(arguments.device_id)) {
        if (options.json)
            documents.push_back({{"key_id", key.key_id},
                                 {"label", key.label},
                                 {"created_at", json_time(key.created_at)},
                                 {"expires_at", json_time(key.expires_at)},
                                 {"last_used_at", json_time(key.last_used_at)}});
        else
            table.add({key.key_id, text_time(key.created_at), text_time(key.expires_at),
                       text_time(key.last_used_at), key.label});
    }
    if (options.json) return print_json(documents);
    fmt::print("{}", table.text());
}

void revoke_key(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    SQLite::Transaction change = registry.store().begin();
    registry.store().revoke_key(arguments.device_id, arguments.key_id);
    registry.note_change(arguments.device_id, "key revoked", arguments.key_id, WallClock::now());
    change.commit();
    registry.tell_broker();
    if (options.json) return print_json({{"key_id", arguments.key_id}, {"revoked", true}});
    fmt::print("Key {} of device {} is revoked.\n", arguments.key_id, arguments.device_id);
}

}  // namespace

void add_key_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* key = app.add_subcommand("key", "API keys; several of a device may be valid at once");
    key->require_subcommand(1)->fallthrough();

    const auto add_command = [&](const char* name, const char* description, auto run) {
        CLI::App* command = key->add_subcommand(name, description);
        command->add_option("ID", arguments->device_id, "the device")->required();
        command->callback([&options, arguments, run] { run(options, *arguments); });
        return command;
    };
    CLI::App* add = add_command("add", "makes an API key and prints it, once", add_key);
    add->add_option("--label", arguments->label, "what it is for");
    add->add_option("--expires", arguments->expires, "how long it is valid, like 24h or 90d")
        ->check(CLI::Validator(check_lasting, "DURATION"));
    add_command("list", "a device's keys, but not their texts", list_keys);
    CLI::App* revoke = add_command("revoke", "ends the sessions that used it", revoke_key);
    revoke->add_option("KEY_ID", arguments->key_id, "as shown by drawbridge key list")->required();
}

}  // namespace drawbridge::app
