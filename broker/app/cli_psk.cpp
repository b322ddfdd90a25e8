#include "broker/app/cli_psk.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "auth/psk.hpp"
#include "auth/psk_store.hpp"
#include "auth/psk_vault.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;

struct Arguments {
    std::string device_id;
    std::string hex;  // "": make one
};

// "" if these are the digits of a PSK, else what is wrong; as CLI11 wants it.
std::string check_hex(const std::string& text) {
    if (auth::is_psk_text(text)) return {};
    return fmt::format("'{}' is no PSK; write {} to {} bytes as hexadecimal digits, two for each",
                       text, auth::psk_bytes_min, auth::psk_bytes_max);
}

void set_psk(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const std::string& device_id = arguments.device_id;
    const std::vector<std::uint8_t> psk =
        arguments.hex.empty() ? auth::make_psk() : auth::psk_of_hex(arguments.hex).value();
    std::string psk_id;
    {
        SQLite::Transaction change = registry.store().begin();
        registry.store().get(device_id);  // or says that there is no such device
        const auth::PskVault vault(registry.open_secret());
        const WallTime now = WallClock::now();
        psk_id = auth::PskStore(registry.store().database())
                     .set(device_id, vault.seal(device_id, psk), now);
        registry.note_change(device_id, "PSK set", psk_id, now);
        change.commit();
    }
    registry.tell_broker();

    const std::string text = auth::to_hex(psk);
    if (options.json)
        return print_json({{"device_id", device_id}, {"psk_id", psk_id}, {"psk", text}});
    fmt::print("The PSK of device {} is now:\n  {}\n", device_id, text);
    fmt::print(
        "It is the password of CONNECT, or the key of TLS-PSK:\n"
        "  mosquitto_pub -p 8883 --psk-identity {0} --psk {1} -i {0} ...\n",
        device_id, text);
}

void show_psk(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const std::string& device_id = arguments.device_id;
    registry.store().get(device_id);
    const auth::StoredPsk stored = auth::PskStore(registry.store().database()).get(device_id);
    const auto psk = auth::PskVault(registry.open_secret()).open(device_id, stored.sealed);
    if (!psk)
        throw CommandFailed(
            fmt::format("the PSK of device {0} was kept under another secret and cannot be read; "
                        "make a new one "
                        "with drawbridge psk set {0}",
                        device_id));
    if (options.json)
        return print_json({{"device_id", device_id},
                           {"psk_id", stored.psk_id},
                           {"psk", auth::to_hex(*psk)},
                           {"created_at", json_time(stored.created_at)},
                           {"last_used_at", json_time(stored.last_used_at)}});
    fmt::print("{}\n", auth::to_hex(*psk));
}

void remove_psk(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    SQLite::Transaction change = registry.store().begin();
    registry.store().get(arguments.device_id);
    auth::PskStore(registry.store().database()).remove(arguments.device_id);
    registry.note_change(arguments.device_id, "PSK removed", "", WallClock::now());
    change.commit();
    registry.tell_broker();
    if (options.json) return print_json({{"device_id", arguments.device_id}, {"removed", true}});
    fmt::print("The PSK of device {} is removed.\n", arguments.device_id);
}

}  // namespace

void add_psk_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* psk = app.add_subcommand(
        "psk", "pre-shared keys: one for each device, for TLS-PSK or as its password");
    psk->require_subcommand(1)->fallthrough();

    const auto add_command = [&](const char* name, const char* description, const char* example,
                                 auto run) {
        CLI::App* command = psk->add_subcommand(name, description);
        command->add_option("ID", arguments->device_id, "the device")->required();
        command->footer(fmt::format("Example: drawbridge psk {}", example));
        command->callback([&options, arguments, run] { run(options, *arguments); });
        return command;
    };
    CLI::App* set = add_command(
        "set", "gives the device a PSK in place of the one it has, and ends sessions with that one",
        "set sensor-1", set_psk);
    set->add_option("--hex", arguments->hex, "this one; else a random one of 32 bytes")
        ->check(CLI::Validator(check_hex, "HEX"));
    add_command("show", "prints the PSK, which is kept encrypted", "show sensor-1", show_psk);
    add_command("remove", "ends the session that used it", "remove sensor-1", remove_psk);
}

}  // namespace drawbridge::app
