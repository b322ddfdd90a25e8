#include "broker/app/cli_keys.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "auth/key_rotation.hpp"
#include "broker/app/accounts.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/duration.hpp"
#include "broker/app/example.hpp"
#include "broker/app/text_table.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;
namespace json = boost::json;

struct Arguments {
    std::string device_id;
    std::string label;
    std::string expires;  // a duration; "": never
    std::string overlap = "24h";
    std::string key_id;
};

// "" if it is a duration that a key can last, else what is wrong; as CLI11 wants it.
std::string check_lasting(const std::string& text) {
    const std::optional<milliseconds> duration = parse_duration(text);
    if (duration && *duration > milliseconds(0)) return {};
    return fmt::format("'{}' is no duration; write a number and a unit, like 24h or 90d", text);
}

// "" if it is a duration for which old keys can go on, 0s too.
std::string check_overlap(const std::string& text) {
    if (parse_duration(text)) return {};
    return fmt::format("'{}' is no duration; write a number and a unit, like 24h, or 0s", text);
}

std::optional<WallTime> expiry_of(const Arguments& arguments, WallTime now) {
    if (arguments.expires.empty()) return std::nullopt;
    return now + parse_duration(arguments.expires).value();
}

void say_made(const Arguments& arguments, const MadeKey& key) {
    fmt::print("A new API key of {}, shown only this once:\n  {}\n", arguments.device_id,
               key.api_key);
    fmt::print("Its id is {}; it expires {}.\n", key.key_id,
               key.expires_at ? "at " + text_time(key.expires_at) : "never");
}

void add_key(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const WallTime now = WallClock::now();
    SQLite::Transaction change = registry.store().begin();
    const MadeKey key =
        registry.make_key(arguments.device_id, arguments.label, expiry_of(arguments, now), now);
    registry.note_change(arguments.device_id, "key added", key.key_id, now);
    change.commit();
    registry.tell_broker();

    if (options.json)
        return print_json({{"key_id", key.key_id},
                           {"api_key", key.api_key},
                           {"expires_at", json_time(key.expires_at)}});
    say_made(arguments, key);
}

void list_keys(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    registry.store().get(arguments.device_id);  // or says that there is no such device
    if (options.json) return print_json(keys_as_json(registry, arguments.device_id));
    TextTable table;
    table.add({"KEY", "CREATED", "EXPIRES", "LAST USED", "LABEL"});
    for (const auth::StoredKey& key : registry.store().keys(arguments.device_id))
        table.add({key.key_id, text_time(key.created_at), text_time(key.expires_at),
                   text_time(key.last_used_at), key.label});
    fmt::print("{}", table.text());
}

json::object describe(const MadeKey& key, const auth::Rotation& rotation) {
    json::object document{{"key_id", key.key_id},
                          {"api_key", key.api_key},
                          {"expires_at", json_time(key.expires_at)}};
    json::array& replaced = document["replaced"].emplace_array();
    for (const auth::StoredKey& old : rotation.replaced)
        replaced.push_back({{"key_id", old.key_id}, {"expires_at", json_time(old.expires_at)}});
    json::array& forgotten = document["forgotten"].emplace_array();
    for (const std::string& key_id : rotation.forgotten) forgotten.emplace_back(key_id);
    return document;
}

void rotate_key(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const WallTime now = WallClock::now();
    const WallTime old_ones_expire_at = now + parse_duration(arguments.overlap).value();
    std::optional<std::string> only;
    if (!arguments.key_id.empty()) only = arguments.key_id;
    auth::Rotation rotation;
    MadeKey key;
    {
        SQLite::Transaction change = registry.store().begin();
        rotation =
            auth::expire_keys(registry.store(), arguments.device_id, only, old_ones_expire_at, now);
        key =
            registry.make_key(arguments.device_id, arguments.label, expiry_of(arguments, now), now);
        registry.note_change(arguments.device_id, "key rotated", key.key_id, now);
        change.commit();
    }
    registry.tell_broker();

    if (options.json) return print_json(describe(key, rotation));
    say_made(arguments, key);
    for (const auth::StoredKey& old : rotation.replaced)
        fmt::print("Key {} expires at {}.\n", old.key_id, text_time(old.expires_at));
    for (const std::string& key_id : rotation.forgotten)
        fmt::print("Key {} had expired and is forgotten.\n", key_id);
}

void revoke_key(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    SQLite::Transaction change = registry.store().begin();
    registry.store().revoke_key(arguments.device_id, arguments.key_id);
    registry.note_change(arguments.device_id, "key revoked", arguments.key_id, WallClock::now());
    change.commit();
    registry.tell_broker();
    if (options.json) return print_json({{"key_id", arguments.key_id}, {"revoked", true}});
    fmt::print("Key {} of {} is revoked.\n", arguments.key_id, arguments.device_id);
}

}  // namespace

void add_key_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* key = app.add_subcommand("key", "API keys; several of a device may be valid at once");
    key->require_subcommand(1)->fallthrough();
    add_examples(key, {"key add pump-7 --expires 90d", "key rotate pump-7"});

    const auto add_command = [&](const char* name, const char* description, auto run) {
        CLI::App* command = key->add_subcommand(name, description);
        command->add_option("ID", arguments->device_id, "the device or service")->required();
        command->callback([&options, arguments, run] { run(options, *arguments); });
        return command;
    };
    const auto add_options_of_new_key = [&](CLI::App* command) {
        command->add_option("--label", arguments->label, "what it is for");
        command
            ->add_option("--expires", arguments->expires, "how long it is valid, like 24h or 90d")
            ->check(CLI::Validator(check_lasting, "DURATION"));
    };
    CLI::App* add = add_command("add", "makes an API key and prints it, once", add_key);
    add_options_of_new_key(add);
    add_examples(add, {"key add pump-7", "key add pump-7 --label service-laptop --expires 24h"});
    add_examples(add_command("list", "its keys, but not their texts", list_keys),
                 {"key list pump-7"});
    CLI::App* rotate =
        add_command("rotate", "makes a new key, and lets the others expire", rotate_key);
    add_options_of_new_key(rotate);
    rotate
        ->add_option("--overlap", arguments->overlap,
                     "how long the others stay valid; 0s: not at all")
        ->capture_default_str()
        ->check(CLI::Validator(check_overlap, "DURATION"));
    rotate->add_option("--key", arguments->key_id, "only this one of the others expires");
    add_examples(rotate, {"key rotate pump-7", "key rotate pump-7 --overlap 0s --expires 90d"});
    CLI::App* revoke = add_command("revoke", "ends the sessions that used it", revoke_key);
    revoke->add_option("KEY_ID", arguments->key_id, "as shown by drawbridge key list")->required();
    add_examples(revoke, {"key revoke pump-7 AbCd1234"});
}

}  // namespace drawbridge::app
