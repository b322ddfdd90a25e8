#include "broker/app/completion.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <exception>
#include <filesystem>

#include "auth/channel_store.hpp"
#include "auth/device_list.hpp"
#include "auth/profile_store.hpp"
#include "bridge/service_store.hpp"
#include "broker/app/admin_client.hpp"

namespace drawbridge::app {
namespace {

using Words = std::vector<std::string>;

// Where on the command line the cursor is.
struct Place {
    const CLI::App* command = nullptr;
    Words positionals;                    // before the cursor
    const CLI::Option* option = nullptr;  // whose value is being written; null: of none
};

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// Of the command or, because all of them pass on what they do not know, of one above it.
const CLI::Option* find_option(const CLI::App* command, const std::string& name) {
    for (; command != nullptr; command = command->get_parent())
        if (const CLI::Option* option = command->get_option_no_throw(name)) return option;
    return nullptr;
}

// Null if it has none of this name.
const CLI::App* find_subcommand(const CLI::App& command, const std::string& name) {
    const auto found =
        command.get_subcommands([&](const CLI::App* one) { return one->check_name(name); });
    return found.empty() ? nullptr : found.front();
}

// words: without the program's name and the one at the cursor.
Place place_of(const CLI::App& app, const Words& words, GlobalOptions& options) {
    Place place{.command = &app, .positionals = {}, .option = nullptr};
    for (const std::string& word : words) {
        if (place.option != nullptr) {
            if (place.option->check_name("--data")) options.data = word;
            place.option = nullptr;
        } else if (word.starts_with("--")) {
            const CLI::Option* option = find_option(place.command, word);
            if (option != nullptr && takes_value(*option)) place.option = option;
        } else if (const CLI::App* subcommand = find_subcommand(*place.command, word);
                   subcommand != nullptr && place.positionals.empty()) {
            place.command = subcommand;
        } else {
            place.positionals.push_back(word);
        }
    }
    return place;
}

Words subcommands_of(const CLI::App& command) {
    Words names;
    for (const CLI::App* subcommand : command.get_subcommands([](const CLI::App*) { return true; }))
        if (!subcommand->get_group().empty()) names.push_back(subcommand->get_name());
    return names;
}

Words options_of(const CLI::App* command) {
    Words names;
    for (; command != nullptr; command = command->get_parent())
        for (const CLI::Option* option : command->get_options())
            for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    return names;
}

const CLI::Option* positional_of(const CLI::App& command, std::size_t index) {
    for (const CLI::Option* option : command.get_options())
        if (option->get_positional() && index-- == 0) return option;
    return nullptr;
}

// What the database knows; opened only if it is there.
class Known {
public:
    explicit Known(const GlobalOptions& options) : store_(options.data / "drawbridge.db") {}

    Words ids(const std::string& prefix, std::optional<auth::AccountKind> kind) {
        Words ids;
        if (prefix.find_first_of("*?[") != std::string::npos) return ids;
        auth::DeviceFilter filter;
        filter.pattern = prefix + "*";
        filter.kind = kind;
        auth::for_each_device(store_.database(), filter, [&](const auth::StoredDevice& device) {
            ids.push_back(device.device_id);
            return ids.size() < ids_completed_max;
        });
        return ids;
    }
    Words keys(const std::string& id) {
        Words ids;
        for (const auth::StoredKey& key : store_.keys(id)) ids.push_back(key.key_id);
        return ids;
    }
    Words rules(const std::string& id) {
        Words numbers;
        for (const auth::Rule& rule : store_.rules(id))
            numbers.push_back(std::to_string(rule.rule_id));
        return numbers;
    }
    Words profiles() {
        auth::Profiles profiles = auth::Profiles::built_in();
        auth::ProfileStore own(store_.database());
        auth::add_own_profiles(own, profiles);
        Words names;
        for (const auth::ProfilePtr& profile : profiles.list()) names.push_back(profile->name);
        return names;
    }
    // Of those that send heartbeats.
    Words services() {
        Words names;
        for (bridge::Service& service : bridge::ServiceStore(store_.database()).list())
            if (names.empty() || names.back() != service.name)
                names.push_back(std::move(service.name));
        return names;
    }
    Words channels(const std::string& id) {
        return auth::ChannelStore(store_.database()).channels(id);
    }

private:
    auth::DeviceStore store_;
};

// Of those that are connected now.
Words client_ids(const GlobalOptions& options, const std::string& prefix) {
    const auto reply =
        ask_broker(options.data, {{"command", "clients"}, {"client_id_prefix", prefix}});
    Words ids;
    if (!reply) return ids;
    for (const boost::json::value& client : reply->at("clients").as_array()) {
        if (ids.size() >= ids_completed_max) break;
        ids.emplace_back(client.at("client_id").as_string());
    }
    return ids;
}

// The values that an option or a positional may have.
Words values_of(const CLI::Option& option, const Place& place, const GlobalOptions& options,
                const std::string& prefix) {
    const std::string name = option.get_single_name();
    if (name == "OPERATION") return {"publish", "subscribe"};
    if (name == "format") return {"csv", "jsonl"};
    if (name == "from") return {"nats", "mqtt"};
    std::error_code ignored;
    if (!std::filesystem::exists(options.data / "drawbridge.db", ignored)) return {};

    const std::string& command = place.command->get_name();
    const CLI::App* parent = place.command->get_parent();
    const std::string group = parent != nullptr ? parent->get_name() : "";
    const std::string subject = place.positionals.empty() ? "" : place.positionals.front();
    Known known(options);
    if (name == "ID" && group == "device") {
        if (command == "add") return {};
        return known.ids(prefix, auth::AccountKind::device);
    }
    if (name == "ID") return known.ids(prefix, std::nullopt);
    if (name == "profile" || (name == "PROFILE" && command != "add")) return known.profiles();
    if (name == "CLIENT_ID") return client_ids(options, prefix);
    if (name == "NAME" && group == "service" && command != "add")
        return known.ids(prefix, auth::AccountKind::service);
    if (name == "NAME" && (group == "services" || command == "services")) return known.services();
    if (name == "KEY_ID" || name == "key") return known.keys(subject);
    if (name == "RULE") return known.rules(subject);
    if (name == "CHANNEL" && command == "disconnect") return known.channels(subject);
    return {};
}

Words candidates(const Place& place, const GlobalOptions& options, const std::string& word) {
    if (place.option != nullptr) return values_of(*place.option, place, options, word);
    if (word.starts_with('-')) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) return options_of(place.command);
        const std::string name = word.substr(0, equals);
        const CLI::Option* option = find_option(place.command, name);
        if (option == nullptr) return {};
        Words values = values_of(*option, place, options, word.substr(equals + 1));
        for (std::string& value : values) value.insert(0, name + "=");
        return values;
    }
    Words words;
    if (place.positionals.empty()) words = subcommands_of(*place.command);
    const CLI::Option* positional = positional_of(*place.command, place.positionals.size());
    if (positional == nullptr) return words;
    for (std::string& value : values_of(*positional, place, options, word))
        words.push_back(std::move(value));
    return words;
}

}  // namespace

Words complete_words(CLI::App& app, GlobalOptions options, std::string_view line) {
    Words words = split_command_line(line);
    if (words.size() < 2) return {};  // still at the program's name
    const std::string word = words.back();
    words.erase(words.begin());
    words.pop_back();
    try {
        const Place place = place_of(app, words, options);
        Words found = candidates(place, options, word);
        std::erase_if(found,
                      [&](const std::string& candidate) { return !candidate.starts_with(word); });
        return found;
    } catch (const std::exception&) {
        return {};
    }
}

Words split_command_line(std::string_view line) {
    Words words(1);
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        const bool blank = c == ' ' || c == '\t';
        if (quote != 0 && c == quote)
            quote = 0;
        else if (quote == 0 && (c == '\'' || c == '"'))
            quote = c;
        else if (c == '\\' && quote != '\'' && i + 1 < line.size())
            words.back() += line[++i];
        else if (quote == 0 && blank && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t'))
            continue;  // one more blank between two words
        else if (quote == 0 && blank)
            words.emplace_back();
        else
            words.back() += c;
    }
    return words;
}

}  // namespace drawbridge::app
