// Reads profile files: includes toml++, which takes seconds to compile, and so is by itself.
#include "auth/profile_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "auth/device_id.hpp"
#include "auth/limits.hpp"
#include "auth/pattern.hpp"
#include "auth/refused_change.hpp"
#include "broker/base/duration.hpp"
#include "broker/base/limits.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::auth {
namespace {

using Patterns = std::vector<std::string>;

constexpr Variables sample{
    .device_id = "device", .tenant = "tenant", .key_id = "key", .channel = "channel"};

// What is wrong with a pattern, after "publish 'a/{b}' "; "" if nothing is.
using Objection = std::string (*)(std::string_view pattern);

std::string object_to_client_id(std::string_view pattern) {
    Variables known = sample;
    known.channel = {};
    if (pattern.empty()) return "is empty";
    if (!fill_in(pattern, known))
        return "names what is not known; use {device_id}, {tenant} and {key_id}";
    if (pattern.find('*') < pattern.size() - 1) return "has a * before its end";
    return {};
}

// Whom a user name names is looked up by it, so there is no room for more.
std::string object_to_username(std::string_view pattern) {
    if (pattern == "{device_id}" || pattern == "{key_id}") return {};
    return "must be \"{device_id}\" or \"{key_id}\"";
}

std::string object_to_filter(std::string_view pattern) {
    Variables known = sample;
    known.key_id = {};
    if (pattern.size() > limits::rule_filter_bytes_max)
        return fmt::format("is longer than {} bytes", limits::rule_filter_bytes_max);
    const auto filled = fill_in(pattern, known);
    if (!filled) return "names what is not known; use {device_id}, {tenant} and {channel}";
    if (!wire::is_topic_filter(*filled, Limits().max_topic_levels))
        return "is no topic filter; # must stand alone and last, + alone in its level";
    return {};
}

std::string object_to_subscription(std::string_view pattern) {
    return pattern == all_dollar_topics ? std::string() : object_to_filter(pattern);
}

// A key that holds patterns, with where they belong.
struct PatternKey {
    std::string_view name;
    Patterns Profile::*patterns;
    Objection objection;
};

constexpr PatternKey pattern_keys[] = {
    {"client_ids", &Profile::client_ids, object_to_client_id},
    {"username", &Profile::usernames, object_to_username},
    {"publish", &Profile::publish, object_to_filter},
    {"subscribe", &Profile::subscribe, object_to_subscription},
    {"deny_publish", &Profile::deny_publish, object_to_filter},
    {"deny_subscribe", &Profile::deny_subscribe, object_to_subscription},
    {"subscribe_across_tenants", &Profile::subscribe_across_tenants, object_to_subscription},
};

class ProfileReader {
public:
    ProfileReader(std::string_view file, std::string_view name) : file_(file) {
        profile_.name = name;
    }

    Profile read(const toml::table& root) {
        for (const auto& [key, node] : root) read_key(key, node);
        if (profile_.client_ids.empty() && (mistakes_.empty() || !root.contains("client_ids")))
            refuse(1, "has no client_ids; say for example client_ids = [\"{device_id}\"]");
        if (profile_.usernames.empty()) profile_.usernames = {"{device_id}"};
        if (mistakes_.empty()) return std::move(profile_);
        std::stable_sort(mistakes_.begin(), mistakes_.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        Patterns lines;
        for (auto& [line, text] : mistakes_) lines.push_back(std::move(text));
        throw RefusedChange(fmt::format("{}", fmt::join(lines, "\n")));
    }

private:
    void read_key(const toml::key& key, const toml::node& node) {
        if (key.str() == "name") return read_name(node);
        if (key.str() == "limits") return read_limits(node);
        for (const PatternKey& known : pattern_keys)
            if (key.str() == known.name) return read_patterns(known, node);
        Patterns names{"name"};
        for (const PatternKey& known : pattern_keys) names.emplace_back(known.name);
        names.emplace_back("[limits]");
        refuse(key.source().begin.line,
               fmt::format("{} is not a key; known here: {}", key.str(), fmt::join(names, ", ")));
    }

    void read_name(const toml::node& node) {
        const auto* name = node.as_string();
        if (name == nullptr || name->get() != profile_.name)
            refuse(line_of(node),
                   fmt::format("name must be \"{}\", as the command says, or left out",
                               profile_.name));
    }

    void read_patterns(const PatternKey& key, const toml::node& node) {
        if (const auto* one = node.as_string()) return add(key, *one);
        const toml::array* list = node.as_array();
        if (list == nullptr)
            return refuse(line_of(node), fmt::format("{} must be a list of texts", key.name));
        if (list->size() > limits::rules_per_device_max)
            return refuse(line_of(node), fmt::format("{} has more than {} entries", key.name,
                                                     limits::rules_per_device_max));
        for (const toml::node& element : *list) {
            if (const auto* text = element.as_string())
                add(key, *text);
            else
                refuse(line_of(element), fmt::format("{} must hold texts only", key.name));
        }
    }

    void add(const PatternKey& key, const toml::value<std::string>& text) {
        const std::string objection = key.objection(text.get());
        if (!objection.empty())
            return refuse(line_of(text),
                          fmt::format("{} \"{}\" {}", key.name, text.get(), objection));
        (profile_.*key.patterns).push_back(text.get());
    }

    void read_limits(const toml::node& node) {
        const toml::table* table = node.as_table();
        if (table == nullptr)
            return refuse(line_of(node), "limits must be a table headed [limits]");
        for (const auto& [key, value] : *table) read_limit(key, value);
    }

    void read_limit(const toml::key& key, const toml::node& node) {
        Patterns names;
        for (const ProfileLimit& limit : profile_limits()) {
            if (key.str() == limit.name) return read_value(limit, node);
            names.emplace_back(limit.name);
        }
        refuse(key.source().begin.line,
               fmt::format("[limits] {} is not a limit of a profile; known here: {}", key.str(),
                           fmt::join(names, ", ")));
    }

    static constexpr std::int64_t not_one = -1;

    static std::int64_t seconds_in(const toml::node& node) {
        const auto duration = parse_duration(node.value_or(std::string_view()));
        if (!duration || *duration % seconds(1) != milliseconds(0)) return not_one;
        return *duration / seconds(1);
    }

    void read_value(const ProfileLimit& limit, const toml::node& node) {
        const std::int64_t least = limit.may_be_zero ? 0 : 1;
        const std::int64_t value = limit.is_duration
                                       ? seconds_in(node)
                                       : node.value_exact<std::int64_t>().value_or(not_one);
        if (least <= value && static_cast<std::uint64_t>(value) <= limit.most)
            profile_.own_limits.push_back({&limit, static_cast<std::uint64_t>(value)});
        else if (limit.is_duration)
            refuse(line_of(node),
                   fmt::format("[limits] {} must be a duration such as \"30d\", in whole seconds "
                               "(units: s m h d)",
                               limit.name));
        else
            refuse(line_of(node), fmt::format("[limits] {} must be a whole number from {} to {}",
                                              limit.name, least, limit.most));
    }

    static std::size_t line_of(const toml::node& node) { return node.source().begin.line; }

    void refuse(std::size_t line, std::string_view sentence) {
        mistakes_.emplace_back(line, fmt::format("{}:{}: {}", file_, line, sentence));
    }

    std::string_view file_;
    Profile profile_;
    std::vector<std::pair<std::size_t, std::string>> mistakes_;  // with its line
};

toml::table parse(std::string_view text, std::string_view file) {
    if (text.size() > limits::profile_file_bytes_max)
        throw RefusedChange(
            fmt::format("{} is longer than {} bytes", file, limits::profile_file_bytes_max));
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& error) {
        throw RefusedChange(fmt::format("{}:{}: is not TOML: {}", file, error.source().begin.line,
                                        error.description()));
    }
}

}  // namespace

Profile parse_profile(std::string_view text, std::string_view file, std::string_view name) {
    if (!is_device_id(name))
        throw RefusedChange(fmt::format(
            "'{}' cannot be a profile's name; use 1 to 128 characters of A-Z a-z 0-9 . _ : -",
            name));
    const toml::table root = parse(text, file);
    return ProfileReader(file, name).read(root);
}

std::string write_profile(const Profile& profile) {
    std::ostringstream text;
    text << "name = " << toml::value<std::string>(profile.name) << "\n";
    for (const PatternKey& key : pattern_keys) {
        const Patterns& patterns = profile.*key.patterns;
        if (patterns.empty()) continue;
        toml::array list;
        for (const std::string& pattern : patterns) list.push_back(pattern);
        text << key.name << " = " << list << "\n";
    }
    if (!profile.own_limits.empty()) text << "\n[limits]\n";
    for (const auto& [limit, value] : profile.own_limits) {
        text << limit->name << " = ";
        if (limit->is_duration)
            text << '"' << to_text(seconds(value)) << "\"\n";
        else
            text << value << "\n";
    }
    return text.str();
}

}  // namespace drawbridge::auth
