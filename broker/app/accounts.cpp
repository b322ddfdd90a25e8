#include "broker/app/accounts.hpp"

#include <fmt/format.h>

#include <optional>

#include "auth/channel_store.hpp"
#include "auth/device_list.hpp"
#include "auth/refused_change.hpp"
#include "auth/similar_ids.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/first_steps.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;
using auth::AccountKind;
using auth::StoredDevice;
namespace json = boost::json;

const char* id_field(AccountKind kind) {
    return kind == AccountKind::device ? "device_id" : "name";
}

// For the beginning of a sentence.
const char* title(AccountKind kind) { return kind == AccountKind::device ? "Device" : "Service"; }

// In the transaction of the change. what: as in "device disabled", its second word.
void note(DeviceRegistry& registry, AccountKind kind, const std::string& id, const char* what,
          const std::string& details) {
    registry.note_change(id, fmt::format("{} {}", auth::to_text(kind), what), details,
                         WallClock::now());
}

// For the audit.
std::string in_words(const auth::DeviceUpdate& update) {
    std::string words;
    const auto add = [&](const char* name, const std::optional<std::string>& value) {
        if (value) words += fmt::format("{}{} '{}'", words.empty() ? "" : ", ", name, *value);
    };
    add("profile", update.profile);
    add("tenant", update.tenant);
    add("name", update.name);
    return words;
}

[[noreturn]] void refuse_unknown_service(DeviceRegistry& registry, const std::string& name) {
    auth::SimilarIds similar(name);
    auth::DeviceFilter services;
    services.kind = AccountKind::service;
    auth::for_each_device(registry.store().database(), services, [&](const StoredDevice& service) {
        similar.consider(service.device_id);
        return true;
    });
    const std::vector<std::string> nearest = similar.nearest();
    if (nearest.empty())
        throw auth::RefusedChange(fmt::format(
            "there is no service {}; drawbridge service list shows those there are", name));
    throw auth::RefusedChange(
        fmt::format("there is no service {}; did you mean {}?", name, fmt::join(nearest, " or ")));
}

json::value text_or_null(const std::optional<MadeKey>& key, std::string MadeKey::*text) {
    if (!key) return nullptr;
    return json::string((*key).*text);
}

}  // namespace

void add_account(const GlobalOptions& options, const AddAccount& arguments) {
    const auth::NewDevice& account = arguments.account;
    DeviceRegistry registry(options, IfMissing::create);
    const auth::ProfilePtr profile = registry.profiles().get(account.profile);
    const WallTime now = WallClock::now();

    std::optional<MadeKey> key;
    {
        SQLite::Transaction change = registry.store().begin();
        registry.store().add(account, now);
        auth::ChannelStore channels(registry.store().database());
        for (const std::string& channel : arguments.channels)
            channels.connect(account.device_id, channel);
        if (!arguments.no_key) key = registry.make_key(account.device_id, "", {}, now);
        note(registry, account.kind, account.device_id, "added",
             fmt::format("profile {}", account.profile));
        change.commit();
    }
    registry.tell_broker();

    if (options.json)
        return print_json({{id_field(account.kind), account.device_id},
                           {"tenant", account.tenant},
                           {"profile", account.profile},
                           {"key_id", text_or_null(key, &MadeKey::key_id)},
                           {"api_key", text_or_null(key, &MadeKey::api_key)}});
    fmt::print("{} {} is added, with profile {}.\n", title(account.kind), account.device_id,
               account.profile);
    if (!key)
        return fmt::print("It has no key yet; make one with: drawbridge key add {}\n",
                          account.device_id);
    fmt::print("\nIts API key, shown only this once:\n  {}\n", key->api_key);
    if (account.kind == AccountKind::service)
        return fmt::print(
            "\nIts clients call themselves {0}, or {0}/ and anything, with user name {0} and the "
            "key as password.\n",
            account.device_id);
    fmt::print("\nTo try it, one at a time, because both use the device's client id:\n{}",
               first_steps(options.data, account, *profile, key->api_key));
}

void enable_account(const GlobalOptions& options, AccountKind kind, const std::string& id,
                    bool enabled) {
    DeviceRegistry registry(options, IfMissing::refuse);
    {
        SQLite::Transaction change = registry.store().begin();
        get_account(registry, kind, id);
        registry.store().set_enabled(id, enabled);
        note(registry, kind, id, enabled ? "enabled" : "disabled", "");
        change.commit();
    }
    registry.tell_broker();
    if (options.json) return print_json({{id_field(kind), id}, {"enabled", enabled}});
    fmt::print("{} {} is {}.\n", title(kind), id, enabled ? "enabled" : "disabled");
}

void set_account(const GlobalOptions& options, AccountKind kind, const std::string& id,
                 const auth::DeviceUpdate& update) {
    if (!update.profile && !update.tenant && !update.name)
        throw CommandFailed(fmt::format(
            "nothing is to be set; name what, as in: drawbridge {} set {} --profile core",
            auth::to_text(kind), id));
    DeviceRegistry registry(options, IfMissing::refuse);
    if (update.profile) registry.profiles().get(*update.profile);  // or says that there is none
    bool changed = false;
    {
        SQLite::Transaction change = registry.store().begin();
        changed = auth::update_device(registry.store().database(), get_account(registry, kind, id),
                                      update);
        if (changed) note(registry, kind, id, "changed", in_words(update));
        change.commit();
    }
    if (changed) registry.tell_broker();

    const StoredDevice account = registry.store().get(id);
    if (options.json) {
        json::object document{{id_field(kind), id},
                              {"tenant", account.tenant},
                              {"profile", account.profile},
                              {"changed", changed}};
        if (kind == AccountKind::device) document["name"] = account.name;
        return print_json(document);
    }
    fmt::print("{} {} {}: profile {}{}{}.\n", title(kind), id,
               changed ? "is changed" : "was so already", account.profile,
               account.tenant.empty() ? "" : ", tenant " + account.tenant,
               account.name.empty() ? "" : ", name " + account.name);
}

void remove_account(const GlobalOptions& options, AccountKind kind, const std::string& id) {
    DeviceRegistry registry(options, IfMissing::refuse);
    {
        SQLite::Transaction change = registry.store().begin();
        get_account(registry, kind, id);
        registry.store().remove(id);
        note(registry, kind, id, "removed", "");
        change.commit();
    }
    registry.tell_broker();
    if (options.json) return print_json({{id_field(kind), id}, {"removed", true}});
    fmt::print("{} {} is removed, with its keys and rules.\n", title(kind), id);
}

void add_update_options(CLI::App* set, auth::DeviceUpdate& update) {
    // By functions, because an empty text is a value, too.
    set->add_option_function<std::string>(
        "--profile", [&update](const std::string& profile) { update.profile = profile; },
        "its rules");
    set->add_option_function<std::string>(
        "--tenant", [&update](const std::string& tenant) { update.tenant = tenant; },
        "whose it is; \"\" for nobody's");
}

StoredDevice get_account(DeviceRegistry& registry, AccountKind kind, const std::string& id) {
    std::optional<StoredDevice> account = registry.store().find(id);
    if (!account && kind == AccountKind::service) refuse_unknown_service(registry, id);
    if (!account) return registry.store().get(id);  // says so, with similar ids
    if (account->kind != kind)
        throw auth::RefusedChange(
            fmt::format("{0} is a {1}, not a {2}; drawbridge {1} --help shows the commands for it",
                        id, auth::to_text(account->kind), auth::to_text(kind)));
    return *std::move(account);
}

json::array keys_as_json(DeviceRegistry& registry, const std::string& id) {
    json::array keys;
    for (const auth::StoredKey& key : registry.store().keys(id))
        keys.push_back({{"key_id", key.key_id},
                        {"label", key.label},
                        {"created_at", json_time(key.created_at)},
                        {"expires_at", json_time(key.expires_at)},
                        {"last_used_at", json_time(key.last_used_at)}});
    return keys;
}

json::array rules_as_json(DeviceRegistry& registry, const std::string& id) {
    json::array rules;
    for (const auth::Rule& rule : registry.store().rules(id))
        rules.push_back({{"rule", rule.rule_id},
                         {"effect", std::string(to_text(rule.effect))},
                         {"operation", std::string(to_text(rule.operation))},
                         {"filter", rule.filter}});
    return rules;
}

}  // namespace drawbridge::app
