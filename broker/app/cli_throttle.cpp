#include "broker/app/cli_throttle.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <optional>

#include "auth/audit_store.hpp"
#include "broker/app/admin_client.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/text_table.hpp"
#include "broker/base/printable.hpp"

namespace drawbridge::app {
namespace {

namespace json = boost::json;

std::string text_field(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? printable(std::string(value->get_string()))
                                                  : std::string();
}

json::array array_field(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_array())
        throw CommandFailed("the running broker's answer names no locks; is it another version?");
    return value->get_array();
}

void list_locks(const GlobalOptions& options) {
    const json::array locks =
        array_field(ask_running_broker(options.data, {{"command", "throttle"}}), "locks");
    if (options.json) return print_json(locks);
    TextTable table;
    table.add({"KIND", "DEVICE", "ADDRESS", "UNTIL"});
    for (const json::value& lock : locks)
        if (const json::object* fields = lock.if_object())
            table.add({text_field(*fields, "kind"), text_field(*fields, "device_id"),
                       text_field(*fields, "address"), text_field(*fields, "until")});
    fmt::print("{}", table.text());
}

struct Whom {
    std::string device_id;
    std::string address;
};

void clear_locks(const GlobalOptions& options, const Whom& whom) {
    json::object request = {{"command", "throttle"}, {"clear", true}};
    if (!whom.device_id.empty()) request["device_id"] = whom.device_id;
    if (!whom.address.empty()) request["address"] = whom.address;
    const json::object reply = ask_running_broker(options.data, request);
    const json::value* cleared = reply.if_contains("cleared");
    const std::int64_t count = cleared != nullptr && cleared->is_int64() ? cleared->get_int64() : 0;
    DeviceRegistry(options, DeviceRegistry::IfMissing::refuse)
        .note_change(whom.device_id, "lockouts cleared", whom.address, WallClock::now());
    if (options.json) return print_json({{"cleared", count}});
    fmt::print("{} lockout{} ended, and what had failed is forgotten.\n", count,
               count == 1 ? " has" : "s have");
}

}  // namespace

json::object pressure_on(const GlobalOptions& options, const std::string& device_id) {
    json::object pressure = {{"failures", nullptr}, {"locked_until", nullptr}, {"locks", nullptr}};
    const auto reply =
        ask_broker(options.data, {{"command", "throttle"}, {"device_id", device_id}});
    if (!reply) return pressure;
    const json::value* failures = reply->if_contains("failures");
    if (failures != nullptr) pressure["failures"] = *failures;
    const json::array locks = array_field(*reply, "locks");
    std::string latest;  // RFC 3339 in UTC sorts as text
    for (const json::value& lock : locks)
        if (const json::object* fields = lock.if_object())
            latest = std::max(latest, text_field(*fields, "until"));
    if (!latest.empty()) pressure["locked_until"] = latest;
    pressure["locks"] = locks;
    return pressure;
}

std::string lock_in_words(const json::value& lock) {
    const json::object* fields = lock.if_object();
    if (fields == nullptr) return json::serialize(lock);
    const std::string device_id = text_field(*fields, "device_id");
    const std::string address = text_field(*fields, "address");
    std::string words = device_id;
    if (!address.empty()) words += (words.empty() ? "" : " at ") + address;
    return fmt::format("{} until {} ({})", words, text_field(*fields, "until"),
                       text_field(*fields, "kind"));
}

void add_throttle_commands(CLI::App& app, const GlobalOptions& options) {
    CLI::App* throttle = app.add_subcommand("throttle", "who is locked out for too many failures");
    throttle->require_subcommand(1)->fallthrough();
    throttle->add_subcommand("list", "who, at which address, and until when")
        ->footer("Example: drawbridge throttle list")
        ->callback([&options] { list_locks(options); });

    const auto whom = std::make_shared<Whom>();
    CLI::App* clear = throttle->add_subcommand(
        "clear", "lets them try again at once; without an option, everybody");
    CLI::Option* device =
        clear->add_option("--device", whom->device_id, "only this one, at all addresses")
            ->type_name("ID");
    clear
        ->add_option("--address", whom->address,
                     "only this one, as drawbridge throttle list shows it")
        ->type_name("ADDRESS")
        ->excludes(device);
    clear->footer("Example: drawbridge throttle clear --device sensor-1");
    clear->callback([&options, whom] { clear_locks(options, *whom); });
}

}  // namespace drawbridge::app
