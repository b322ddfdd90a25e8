// Keys and Sections, reading: takes the tables of a TOML file into their fields.
//
// Includes toml++, which takes seconds to compile: for the files that read configuration only.
// Owner: who reads one file. Threads: the owner's only.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "broker/app/configuration.hpp"
#include "broker/app/configuration_keys.hpp"
#include "broker/app/configuration_notes.hpp"
#include "broker/net/ws_upgrade.hpp"

namespace drawbridge::app {

inline std::size_t line_of(const toml::node& node) { return node.source().begin.line; }

// A value as the user wrote it, or its kind if it is not a plain one.
inline std::string shown(const toml::node& node) {
    if (const auto* text = node.as_string()) return fmt::format("\"{}\"", text->get());
    if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
    if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
    if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
    if (node.is_table()) return "a table";
    if (node.is_array()) return "an array";
    return "a date or time";
}

inline bool is_address(const std::string& text) {
    in6_addr bytes;
    return inet_pton(AF_INET, text.c_str(), &bytes) == 1 ||
           inet_pton(AF_INET6, text.c_str(), &bytes) == 1;
}

// "127.0.0.1:4222" or "[::1]:4222".
inline bool is_endpoint(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return false;

    const char* end = text.data() + text.size();
    std::uint16_t port = 0;
    const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc() || stopped != end || port == 0) return false;

    std::string host = text.substr(0, colon);
    const bool has_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (has_brackets) host = host.substr(1, host.size() - 2);
    return is_address(host) && has_brackets == (host.find(':') != std::string::npos);
}

// Keys, reading: takes one table's values into their fields. What is wrong goes into mistakes, and
// the field keeps its default.
class TableReader {
public:
    // title: as the table is headed in the file, "[limits]"; empty for the file itself.
    TableReader(const toml::table& table, std::string title, std::filesystem::path directory,
                ConfigurationNotes& mistakes, ConfigurationNotes& warnings)
        : table_(table),
          title_(std::move(title)),
          directory_(std::move(directory)),
          mistakes_(mistakes),
          warnings_(warnings) {}

    void flag(std::string_view key, bool& value) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        if (const auto* found = node->as_boolean())
            value = found->get();
        else
            refuse(*node, key, "must be true or false");
    }

    void text(std::string_view key, std::string& value) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        if (const auto* found = node->as_string())
            value = found->get();
        else
            refuse(*node, key, "must be a string");
    }

    void path(std::string_view key, std::filesystem::path& value) {
        std::string name;
        text(key, name);
        if (!name.empty()) value = (directory_ / name).lexically_normal();
    }

    void address(std::string_view key, std::string& value) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        const auto* found = node->as_string();
        if (found != nullptr && is_address(found->get()))
            value = found->get();
        else
            refuse(*node, key, "must be an IP address such as \"0.0.0.0\" or \"::\"");
    }

    void endpoint(std::string_view key, std::string& value) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        const auto* found = node->as_string();
        if (found != nullptr && (found->get().empty() || is_endpoint(found->get())))
            value = found->get();
        else
            refuse(*node, key,
                   "must be an IP address and a port such as \"127.0.0.1:8080\", or \"\" for off");
    }

    template <class Number>
    void number(std::string_view key, Number& value, std::int64_t min, std::int64_t max) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        const auto* found = node->as_integer();
        if (found != nullptr && min <= found->get() && found->get() <= max)
            value = static_cast<Number>(found->get());
        else
            refuse(*node, key, fmt::format("must be a whole number from {} to {}", min, max));
    }

    void duration(std::string_view key, milliseconds& value, milliseconds min, milliseconds max) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        const auto found = parse_duration(node->value_or(std::string_view()));
        if (found && min <= *found && *found <= max)
            value = *found;
        else
            refuse(*node, key,
                   fmt::format("must be a duration from \"{}\" to \"{}\" (units: ms s m h d)",
                               to_text(min), to_text(max)));
    }

    void whole_seconds(std::string_view key, std::uint32_t& value) {
        constexpr seconds max = std::chrono::hours(24) * 49'710;  // the last day that 32 bits hold
        milliseconds found = seconds(value);
        duration(key, found, seconds(0), max);
        if (found % seconds(1) != milliseconds(0))
            refuse(*find(key), key, "must be a whole number of seconds");
        else
            value = static_cast<std::uint32_t>(found / seconds(1));
    }

    template <class E, std::size_t count>
    void choice(std::string_view key, E& value, const Choices<E, count>& choices) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        std::vector<std::string> names;
        for (const auto& [name, choice] : choices) {
            if (node->value_or(std::string_view()) == name) {
                value = choice;
                return;
            }
            names.push_back(fmt::format("\"{}\"", name));
        }
        refuse(*node, key, fmt::format("must be {}", fmt::join(names, " or ")));
    }

    void url_path(std::string_view key, std::string& value) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        const auto* found = node->as_string();
        const bool fits =
            found != nullptr && found->get().find_first_of("?# ") == std::string::npos;
        if (fits && (found->get().empty() || found->get().front() == '/'))
            value = found->get();
        else
            refuse(*node, key, "must be a path such as \"/mqtt\", or \"\" for any");
    }

    void origins(std::string_view key, std::vector<std::string>& value) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        if (!node->is_array())
            return refuse(*node, key, "must be a list such as [\"https://panel.example.com\"]");
        for (const toml::node& element : *node->as_array()) {
            std::string origin = net::normal_origin(element.value_or(std::string_view()));
            if (origin.empty())
                refuse(element, key,
                       "must hold origins such as \"https://panel.example.com:8443\" (no path)");
            else
                value.push_back(std::move(origin));
        }
    }

    // The key is known and kept, but this version does nothing with it: worth a word if it is on.
    void later(std::string_view key, bool on) {
        const toml::node* node = table_.get(key);
        if (node != nullptr && on)
            warnings_.add(line_of(*node), named(key) + " is not served by this version");
    }

    // Sections, reading: a table or a list of tables inside this one.
    template <class Section>
    void table(std::string_view key, Section& section) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        if (const toml::table* found = node->as_table())
            read(*found, fmt::format("[{}]", key), section);
        else
            refuse(*node, key, fmt::format("must be a table headed [{}]", key));
    }

    template <class Section>
    void list(std::string_view key, std::vector<Section>& sections) {
        const toml::node* node = find(key);
        if (node == nullptr) return;
        const toml::array* found = node->as_array();
        if (found == nullptr || !found->is_homogeneous(toml::node_type::table)) {
            refuse(*node, key, fmt::format("must be one or more tables, each headed [[{}]]", key));
            return;
        }
        for (const toml::node& element : *found)
            read(*element.as_table(), fmt::format("[[{}]]", key), sections.emplace_back());
    }

    // A mistake in the table as a whole.
    void refuse(std::string_view sentence) {
        mistakes_.add(line_of(table_), fmt::format("{} {}", title_, sentence));
    }

    std::size_t line() const { return line_of(table_); }
    // Of a key; of the table if it has none.
    std::size_t line(std::string_view key) const {
        const toml::node* node = table_.get(key);
        return node != nullptr ? line_of(*node) : line();
    }

    // Keys of the table that nobody asked for.
    std::vector<std::string> unknown() const {
        std::vector<std::string> names;
        for (const auto& [key, node] : table_)
            if (std::find(known_.begin(), known_.end(), key.str()) == known_.end())
                names.push_back(named(key.str()));
        return names;
    }

    // Whatever nobody asked for is a mistake: a misspelt key must not pass for a default.
    void finish() {
        for (const auto& [key, node] : table_) {
            if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
            mistakes_.add(
                key.source().begin.line,
                fmt::format("{} is not a key; known {}: {}", named(key.str()),
                            title_.empty() ? "here" : "in " + title_, fmt::join(known_, ", ")));
        }
    }

private:
    const toml::node* find(std::string_view key) {
        if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
        return table_.get(key);
    }

    std::string named(std::string_view key) const {
        return title_.empty() ? std::string(key) : fmt::format("{} {}", title_, key);
    }

    void refuse(const toml::node& node, std::string_view key, std::string_view sentence) {
        mistakes_.add(line_of(node),
                      fmt::format("{} {}, not {}", named(key), sentence, shown(node)));
    }

    template <class Section>
    void read(const toml::table& table, std::string title, Section& section);

    const toml::table& table_;
    std::string title_;
    std::filesystem::path directory_;  // where relative paths start
    ConfigurationNotes& mistakes_;
    ConfigurationNotes& warnings_;
    std::vector<std::string_view> known_;  // literals from configuration_keys.hpp
};

// What follows from other keys of the same table.
template <class Section>
void complete(TableReader&, Section&) {}
void complete(TableReader& reader, ListenerConfiguration& listener);
void complete(TableReader& reader, ThrottleConfiguration& throttle);
void complete(TableReader& reader, RouteConfiguration& route);

template <class Section>
void TableReader::read(const toml::table& table, std::string title, Section& section) {
    TableReader reader(table, std::move(title), directory_, mistakes_, warnings_);
    visit_keys(reader, section);
    reader.finish();
    complete(reader, section);
}

// The whole of a file. Throws ConfigurationError.
std::string read_text(const std::filesystem::path& file);

// Throws ConfigurationError.
toml::table parse_toml(std::string_view text, const std::filesystem::path& file);

}  // namespace drawbridge::app
