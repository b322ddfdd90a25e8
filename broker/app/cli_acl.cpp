#include "broker/app/cli_acl.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>

#include "auth/acl.hpp"
#include "broker/app/accounts.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/example.hpp"
#include "broker/app/text_table.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;
using auth::Effect;
using auth::Operation;

struct Arguments {
    std::string id;
    std::string operation;
    std::string filter;
    std::int64_t rule = 0;
};

std::string in_words(const auth::Rule& rule) {
    return fmt::format("{} {} {}", to_text(rule.effect), to_text(rule.operation), rule.filter);
}

void list_rules(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const auth::StoredDevice account = registry.store().get(arguments.id);
    if (options.json) return print_json(rules_as_json(registry, arguments.id));
    TextTable table;
    table.add({"RULE", "EFFECT", "OPERATION", "FILTER"});
    for (const auth::Rule& rule : registry.store().rules(arguments.id))
        table.add({fmt::format("{}", rule.rule_id), std::string(to_text(rule.effect)),
                   std::string(to_text(rule.operation)), rule.filter});
    fmt::print("{}These are on top of the rules of profile {}.\n", table.text(), account.profile);
}

void add_rule(const GlobalOptions& options, const Arguments& arguments, Effect effect) {
    const auth::Rule rule{.rule_id = 0,
                          .effect = effect,
                          .operation = arguments.operation == to_text(Operation::publish)
                                           ? Operation::publish
                                           : Operation::subscribe,
                          .filter = arguments.filter};
    DeviceRegistry registry(options, IfMissing::refuse);
    SQLite::Transaction change = registry.store().begin();
    const std::int64_t rule_id = registry.store().add_rule(arguments.id, rule);
    registry.note_change(arguments.id, "rule added", in_words(rule), WallClock::now());
    change.commit();
    registry.tell_broker();
    if (options.json)
        return print_json({{"device_id", arguments.id},
                           {"rule", rule_id},
                           {"effect", std::string(to_text(rule.effect))},
                           {"operation", std::string(to_text(rule.operation))},
                           {"filter", rule.filter}});
    fmt::print("Rule {} of {}: {}\n", rule_id, arguments.id, in_words(rule));
}

void remove_rule(const GlobalOptions& options, const Arguments& arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    SQLite::Transaction change = registry.store().begin();
    registry.store().remove_rule(arguments.id, arguments.rule);
    registry.note_change(arguments.id, "rule removed", fmt::format("rule {}", arguments.rule),
                         WallClock::now());
    change.commit();
    registry.tell_broker();
    if (options.json)
        return print_json(
            {{"device_id", arguments.id}, {"rule", arguments.rule}, {"removed", true}});
    fmt::print("Rule {} of {} is removed.\n", arguments.rule, arguments.id);
}

}  // namespace

void add_acl_commands(CLI::App& app, const GlobalOptions& options) {
    const auto arguments = std::make_shared<Arguments>();
    CLI::App* acl = app.add_subcommand("acl", "a device's own rules, on top of its profile's");
    acl->require_subcommand(1)->fallthrough();
    add_examples(acl, {"acl allow pump-7 publish 'plant/{device_id}/#'", "acl list pump-7"});

    const auto add_command = [&](const char* name, const char* description, auto run) {
        CLI::App* command = acl->add_subcommand(name, description);
        command->add_option("ID", arguments->id, "the device or service")->required();
        command->callback([&options, arguments, run] { run(options, *arguments); });
        return command;
    };
    const auto add_rule_options = [&](CLI::App* command) {
        command->add_option("OPERATION", arguments->operation, "publish or subscribe")
            ->required()
            ->check(CLI::IsMember({"publish", "subscribe"}));
        command
            ->add_option("FILTER", arguments->filter,
                         "a topic filter; {device_id} and {tenant} stand for its own")
            ->required();
    };
    add_examples(add_command("list", "its own rules, with their numbers", list_rules),
                 {"acl list pump-7"});
    CLI::App* allow =
        add_command("allow", "allows it what the filter covers",
                    [](const auto& o, const auto& a) { add_rule(o, a, Effect::allow); });
    add_rule_options(allow);
    add_examples(allow, {"acl allow pump-7 publish 'plant/{device_id}/#'"});
    CLI::App* deny =
        add_command("deny", "denies it, whatever else allows it",
                    [](const auto& o, const auto& a) { add_rule(o, a, Effect::deny); });
    add_rule_options(deny);
    add_examples(deny, {"acl deny pump-7 subscribe plant/secret"});
    CLI::App* remove = add_command("remove", "removes one of its own rules", remove_rule);
    remove->add_option("RULE", arguments->rule, "its number, as shown by drawbridge acl list")
        ->required();
    add_examples(remove, {"acl remove pump-7 12"});
}

}  // namespace drawbridge::app
