// Writes the configuration in effect, for `config show`: as TOML that can be read back, and as
// JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>
#include <utility>

#include "broker/app/configuration.hpp"
#include "broker/app/configuration_keys.hpp"

namespace drawbridge::app {
namespace {

// A TOML basic string.
std::string toml_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += fmt::format("\\{}", c);
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    return out + '"';
}

template <class E, std::size_t count>
std::string_view name_of(E value, const Choices<E, count>& choices) {
    for (const auto& [name, choice] : choices)
        if (choice == value) return name;
    return {};  // not reached: the choices name every value
}

// Keys and Sections, writing TOML.
class TomlWriter {
public:
    void flag(std::string_view key, bool value) { line(key, value ? "true" : "false"); }
    void text(std::string_view key, const std::string& value) { line(key, toml_string(value)); }
    void path(std::string_view key, const std::filesystem::path& value) {
        text(key, value.string());
    }
    void address(std::string_view key, const std::string& value) { text(key, value); }
    void endpoint(std::string_view key, const std::string& value) { text(key, value); }
    template <class Number>
    void number(std::string_view key, Number value, std::int64_t, std::int64_t) {
        line(key, fmt::format("{}", value));
    }
    void duration(std::string_view key, milliseconds value, milliseconds, milliseconds) {
        text(key, to_text(value));
    }
    void whole_seconds(std::string_view key, std::uint32_t value) {
        text(key, to_text(seconds(value)));
    }
    template <class E, std::size_t count>
    void choice(std::string_view key, E value, const Choices<E, count>& choices) {
        line(key, toml_string(name_of(value, choices)));
    }
    void url_path(std::string_view key, const std::string& value) { text(key, value); }
    void origins(std::string_view key, const std::vector<std::string>& values) {
        std::vector<std::string> written;
        for (const std::string& value : values) written.push_back(toml_string(value));
        line(key, fmt::format("[{}]", fmt::join(written, ", ")));
    }
    // Follows the key's own line.
    void later(std::string_view, bool on) {
        if (!on) return;
        out_.pop_back();
        out_ += "  # not served by this version\n";
    }

    template <class Section>
    void table(std::string_view key, Section& section) {
        out_ += fmt::format("\n[{}]\n", key);
        visit_keys(*this, section);
    }
    template <class Section>
    void list(std::string_view key, std::vector<Section>& sections) {
        for (Section& section : sections) {
            out_ += fmt::format("\n[[{}]]\n", key);
            visit_keys(*this, section);
        }
    }

    std::string take() { return out_.substr(1); }  // without the empty line above the first section

private:
    void line(std::string_view key, std::string_view value) {
        out_ += fmt::format("{} = {}\n", key, value);
    }

    std::string out_;
};

// Keys and Sections, writing one JSON object.
class JsonWriter {
public:
    void flag(std::string_view key, bool value) { object_[key] = value; }
    void text(std::string_view key, const std::string& value) { object_[key] = value; }
    void path(std::string_view key, const std::filesystem::path& value) {
        object_[key] = value.string();
    }
    void address(std::string_view key, const std::string& value) { object_[key] = value; }
    void endpoint(std::string_view key, const std::string& value) { object_[key] = value; }
    template <class Number>
    void number(std::string_view key, Number value, std::int64_t, std::int64_t) {
        object_[key] = value;
    }
    void duration(std::string_view key, milliseconds value, milliseconds, milliseconds) {
        object_[key] = to_text(value);
    }
    void whole_seconds(std::string_view key, std::uint32_t value) {
        object_[key] = to_text(seconds(value));
    }
    template <class E, std::size_t count>
    void choice(std::string_view key, E value, const Choices<E, count>& choices) {
        object_[key] = name_of(value, choices);
    }
    void url_path(std::string_view key, const std::string& value) { text(key, value); }
    void origins(std::string_view key, const std::vector<std::string>& values) {
        object_[key] = boost::json::array(values.begin(), values.end());
    }
    void later(std::string_view, bool) {}

    template <class Section>
    void table(std::string_view key, Section& section) {
        object_[key] = written(section);
    }
    template <class Section>
    void list(std::string_view key, std::vector<Section>& sections) {
        boost::json::array elements;
        for (Section& section : sections) elements.push_back(written(section));
        object_[key] = std::move(elements);
    }

    boost::json::object take() { return std::move(object_); }

private:
    template <class Section>
    static boost::json::object written(Section& section) {
        JsonWriter writer;
        visit_keys(writer, section);
        return writer.take();
    }

    boost::json::object object_;
};

}  // namespace

// The list of keys is walked over fields that can be written to, so the writers walk a copy.

std::string write_toml(const Configuration& configuration) {
    Configuration copy = configuration;
    TomlWriter writer;
    visit_sections(writer, copy);
    return writer.take();
}

std::string write_json(const Configuration& configuration) {
    Configuration copy = configuration;
    JsonWriter writer;
    visit_sections(writer, copy);
    return boost::json::serialize(writer.take());
}

}  // namespace drawbridge::app
