#include "broker/app/cli_audit.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <memory>
#include <string>
#include <vector>

#include "auth/audit_store.hpp"
#include "auth/refused_change.hpp"
#include "broker/app/admin_client.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/duration.hpp"
#include "broker/app/text_table.hpp"
#include "broker/base/printable.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;
namespace json = boost::json;

constexpr const char* events[] = {
    "connect_refused", "subscribe_refused", "publish_refused", "will_refused",
    "disconnected",    "locked_out",        "banned",          "changed"};

struct Arguments {
    auth::AuditQuery query;
    std::string since;  // a duration; "": from the beginning
};

std::string check_duration(const std::string& text) {
    if (parse_duration(text)) return {};
    return fmt::format("'{}' is no duration; write a number and a unit, like 1h or 7d", text);
}

// Has the running broker, if any, write what has happened until now.
void ask_for_the_latest(const GlobalOptions& options) {
    try {
        ask_broker(options.data, {{"command", "audit"}});
    } catch (const CommandFailed& failure) {
        fmt::print(stderr, "warning: the last second may be missing, {}\n", failure.what());
    }
}

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

json::array documents_of(const std::vector<auth::AuditRow>& rows) {
    json::array documents;
    for (const auth::AuditRow& row : rows)
        documents.push_back({{"at", json_time(row.at)},
                             {"first_at", json_time(row.first_at)},
                             {"times", row.times},
                             {"event", row.event},
                             {"device_id", text_or_null(row.device_id)},
                             {"client_id", text_or_null(row.client_id)},
                             {"address", text_or_null(row.address)},
                             {"actor", text_or_null(row.actor)},
                             {"subject", text_or_null(row.subject)},
                             {"why", text_or_null(row.why)}});
    return documents;
}

// A client id is only worth a word where it is another one.
std::string who_of(const auth::AuditRow& row) {
    if (row.client_id.empty() || row.client_id == row.device_id) return row.device_id;
    return fmt::format("{} ({})", row.device_id, row.client_id);
}

std::string what_of(const auth::AuditRow& row) {
    std::string what = row.subject;
    if (!what.empty() && !row.why.empty()) what += ": ";
    what += row.why;
    if (row.times > 1)
        what += fmt::format(" ({} times since {})", row.times, text_time(row.first_at));
    return what;
}

void print_table(const std::vector<auth::AuditRow>& rows) {
    TextTable table;
    table.add({"AT", "EVENT", "DEVICE", "FROM", "WHAT"});
    for (const auth::AuditRow& row : rows)
        table.add({text_time(row.at), row.event, printable(who_of(row)),
                   printable(row.actor.empty() ? row.address : row.actor),
                   printable(what_of(row))});
    fmt::print("{}", table.text());
}

auth::AuditQuery completed(const Arguments& arguments) {
    auth::AuditQuery query = arguments.query;
    if (!arguments.since.empty())
        query.since = WallClock::now() - parse_duration(arguments.since).value();
    return query;
}

void list_events(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    ask_for_the_latest(options);
    const auto rows = auth::list_audit(registry.store().database(), completed(arguments));
    if (options.json) return print_json(documents_of(rows));
    print_table(rows);
}

// Also for a device that has been removed, and for a name that no device ever had.
void tell_why(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    ask_for_the_latest(options);
    const std::string& device_id = arguments.query.device_id;
    const auto rows = auth::list_audit(registry.store().database(), completed(arguments));
    try {
        registry.store().get(device_id);
    } catch (const auth::RefusedChange& unknown) {
        if (rows.empty())
            throw CommandFailed(
                fmt::format("{}; nobody has tried to connect under this name", unknown.what()));
        fmt::print(stderr, "{}\n", unknown.what());
    }
    if (options.json) return print_json(documents_of(rows));
    if (rows.empty())
        return fmt::print("Nothing has been refused to {}, and no connection has ended.\n",
                          device_id);
    print_table(rows);
}

}  // namespace

void add_audit_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    const auto add_filters = [arguments](CLI::App* command) {
        command->add_option("--since", arguments->since, "how far to look back, like 1h or 7d")
            ->check(CLI::Validator(check_duration, "DURATION"));
        command->add_option("--event", arguments->query.event, "only these")
            ->check(CLI::IsMember(std::vector<std::string>(std::begin(events), std::end(events))));
        command->add_option("--limit", arguments->query.limit, "at most so many, the newest")
            ->capture_default_str()
            ->check(CLI::Range(1, 1'000'000));
    };

    CLI::App* why = app.get_subcommand("device")->add_subcommand(
        "why", "its last refusals and disconnects: when, from where, why");
    why->add_option("ID", arguments->query.device_id,
                    "the device, or whatever name was shown as the user name")
        ->required();
    add_filters(why);
    why->footer("Example: drawbridge device why sensor-1 --since 1h");
    why->callback([&options, arguments] { tell_why(options, *arguments); });

    CLI::App* audit = app.add_subcommand("audit", "what was refused, ended and changed");
    audit->require_subcommand(1)->fallthrough();
    CLI::App* list = audit->add_subcommand("list", "the newest first");
    list->add_option("--device", arguments->query.device_id, "only of this device or name")
        ->type_name("ID");
    add_filters(list);
    list->footer("Example: drawbridge audit list --since 1h --event connect_refused");
    list->callback([&options, arguments] { list_events(options, *arguments); });
}

}  // namespace drawbridge::app
