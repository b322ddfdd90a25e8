#include "broker/app/device_lines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "auth/allowed_text.hpp"
#include "auth/psk.hpp"
#include "auth/psk_vault.hpp"
#include "broker/app/rfc3339.hpp"

namespace drawbridge::app {
namespace {

namespace json = boost::json;

constexpr std::string_view columns[] = {"device_id", "kind",           "tenant",   "profile",
                                        "name",      "enabled",        "channels", "api_key",
                                        "key_label", "key_expires_at", "psk"};

constexpr std::size_t json_depth_max = 4;  // an object, its list, an object in it: 3

auth::AccountKind kind_of(std::string_view text) {
    if (text == to_text(auth::AccountKind::device)) return auth::AccountKind::device;
    if (text == to_text(auth::AccountKind::service)) return auth::AccountKind::service;
    throw BadLine("kind must be device or service");
}

WallTime time_of(std::string_view field, std::string_view text) {
    if (const std::optional<WallTime> time = parse_rfc3339(text)) return *time;
    throw BadLine(fmt::format("{} must be a time like 2027-01-31T00:00:00Z", field));
}

// What spreadsheets make of it, too.
bool bool_of(std::string_view field, std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (text == "true" || text == "yes" || text == "1") return true;
    if (text == "false" || text == "no" || text == "0") return false;
    throw BadLine(fmt::format("{} must be true or false", field));
}

std::vector<std::string> split_channels(std::string_view text) {
    std::vector<std::string> channels;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of("; "), text.size());
        if (end > 0) channels.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return channels;
}

// Of digits in lower case, as an export writes them; bytes_max: what they may say at most.
std::vector<std::uint8_t> bytes_of(std::string_view field, std::string_view hex,
                                   std::size_t bytes_min, std::size_t bytes_max) {
    const auto digit_of = [](char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    std::vector<std::uint8_t> bytes;
    bool good = hex.size() % 2 == 0 && hex.size() >= 2 * bytes_min && hex.size() <= 2 * bytes_max;
    for (std::size_t i = 0; good && i < hex.size(); i += 2) {
        const int high = digit_of(hex[i]);
        const int low = digit_of(hex[i + 1]);
        good = high >= 0 && low >= 0;
        bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
    }
    if (good) return bytes;
    const std::string digits = bytes_min == bytes_max
                                   ? fmt::format("{}", 2 * bytes_min)
                                   : fmt::format("{} to {}", 2 * bytes_min, 2 * bytes_max);
    throw BadLine(fmt::format("{} must be {} hexadecimal digits in lower case", field, digits));
}

auth::KeyHash hash_of(std::string_view hex) {
    auth::KeyHash hash{};
    const std::vector<std::uint8_t> bytes = bytes_of("hash", hex, hash.size(), hash.size());
    std::copy(bytes.begin(), bytes.end(), hash.begin());
    return hash;
}

// Which are never told in a message: they are a secret, wrong ones as well.
std::string psk_digits(std::string text) {
    if (auth::is_psk_text(text)) return text;
    throw BadLine(fmt::format("psk must be {} to {} bytes as hexadecimal digits, two for each",
                              auth::psk_bytes_min, auth::psk_bytes_max));
}

// The key that three fields of a line say one by one.
KeyLine& key_of(DeviceLine& device) {
    if (!device.key) device.key.emplace();
    return *device.key;
}

// One of the fields that are a text in both formats. False: it is none of these.
bool set_text(DeviceLine& device, std::string_view field, std::string text) {
    if (field == "device_id")
        device.device_id = std::move(text);
    else if (field == "kind")
        device.kind = kind_of(text);
    else if (field == "tenant")
        device.tenant = std::move(text);
    else if (field == "profile")
        device.profile = std::move(text);
    else if (field == "name")
        device.name = std::move(text);
    else if (field == "psk")
        device.psk = psk_digits(std::move(text));
    else if (field == "api_key")
        key_of(device).api_key = std::move(text);
    else if (field == "key_label")
        key_of(device).label = std::move(text);
    else if (field == "key_expires_at")
        key_of(device).expires_at = time_of(field, text);
    else
        return false;
    return true;
}

void check_complete(const DeviceLine& device) {
    if (device.device_id.empty()) throw BadLine("there is no device_id");
    if (device.key && device.key->api_key.empty())
        throw BadLine("key_label and key_expires_at need an api_key");
    if (device.psk && device.sealed_psk)
        throw BadLine("psk and sealed_psk both say the PSK; leave out one of them");
}

// Of JSON: fields of an object, each by name, and null is nothing.

std::string text_in(std::string_view field, const json::value& value) {
    if (!value.is_string()) throw BadLine(fmt::format("{} must be a text", field));
    return std::string(value.get_string());
}

const json::object& object_in(std::string_view field, const json::value& value) {
    if (!value.is_object()) throw BadLine(fmt::format("each of {} must be an object", field));
    return value.get_object();
}

const json::array& array_in(std::string_view field, const json::value& value) {
    if (!value.is_array()) throw BadLine(fmt::format("{} must be a list", field));
    return value.get_array();
}

auth::StoredKey key_in(const json::object& fields) {
    auth::StoredKey key;
    bool has_hash = false;
    for (const auto& [name, value] : fields) {
        if (value.is_null()) continue;
        std::string text = text_in(name, value);
        if (name == "key_id")
            key.key_id = std::move(text);
        else if (name == "hash") {
            key.hash = hash_of(text);
            has_hash = true;
        } else if (name == "label")
            key.label = std::move(text);
        else if (name == "created_at")
            key.created_at = time_of(name, text);
        else if (name == "expires_at")
            key.expires_at = time_of(name, text);
        else if (name != "last_used_at")  // exported, and not kept
            throw BadLine(fmt::format("a key has no field {}", auth::in_message(name)));
    }
    if (key.key_id.empty() || !has_hash) throw BadLine("each of keys needs key_id and hash");
    return key;
}

auth::StoredPsk psk_in(const json::object& fields) {
    auth::StoredPsk psk;
    for (const auto& [name, value] : fields) {
        if (value.is_null()) continue;
        std::string text = text_in(name, value);
        if (name == "psk_id")
            psk.psk_id = std::move(text);
        else if (name == "sealed")
            psk.sealed = bytes_of(name, text, auth::psk_seal_bytes + auth::psk_bytes_min,
                                  auth::psk_seal_bytes + auth::psk_bytes_max);
        else if (name == "created_at")
            psk.created_at = time_of(name, text);
        else if (name != "last_used_at")  // as with keys
            throw BadLine(fmt::format("sealed_psk has no field {}", auth::in_message(name)));
    }
    if (!auth::is_psk_id(psk.psk_id) || psk.sealed.empty())
        throw BadLine("sealed_psk needs psk_id (psk- and 4 characters) and sealed");
    return psk;
}

auth::Rule rule_in(const json::object& fields) {
    auth::Rule rule;
    std::string effect;
    std::string operation;
    for (const auto& [name, value] : fields) {
        if (name == "rule") continue;  // exported, and given anew
        if (name == "across_tenants") {
            if (!value.is_bool()) throw BadLine("a rule's across_tenants must be true or false");
            rule.across_tenants = value.get_bool();
            continue;
        }
        std::string text = text_in(name, value);
        if (name == "effect")
            effect = std::move(text);
        else if (name == "operation")
            operation = std::move(text);
        else if (name == "filter")
            rule.filter = std::move(text);
        else
            throw BadLine(fmt::format("a rule has no field {}", auth::in_message(name)));
    }
    if (effect != "allow" && effect != "deny")
        throw BadLine("a rule's effect must be allow or deny");
    if (operation != "publish" && operation != "subscribe")
        throw BadLine("a rule's operation must be publish or subscribe");
    rule.effect = effect == "allow" ? auth::Effect::allow : auth::Effect::deny;
    rule.operation = operation == "publish" ? auth::Operation::publish : auth::Operation::subscribe;
    return rule;
}

// True if the field is one of those that only JSON has, or has as another type.
bool set_json(DeviceLine& device, std::string_view field, const json::value& value) {
    if (field == "enabled") {
        if (!value.is_bool()) throw BadLine("enabled must be true or false");
        device.enabled = value.get_bool();
    } else if (field == "channels") {
        device.channels.emplace();
        for (const json::value& channel : array_in(field, value))
            device.channels->push_back(text_in("each of channels", channel));
    } else if (field == "keys") {
        for (const json::value& key : array_in(field, value))
            device.keys.push_back(key_in(object_in(field, key)));
    } else if (field == "sealed_psk") {
        if (!value.is_object()) throw BadLine("sealed_psk must be an object");
        device.sealed_psk = psk_in(value.get_object());
    } else if (field == "rules") {
        device.rules.emplace();
        for (const json::value& rule : array_in(field, value))
            device.rules->push_back(rule_in(object_in(field, rule)));
    } else {
        return false;
    }
    return true;
}

}  // namespace

DeviceLine device_line_of_json(std::string_view line) {
    json::parse_options options;
    options.max_depth = json_depth_max;
    boost::system::error_code error;
    const json::value document = json::parse({line.data(), line.size()}, error, {}, options);
    if (error) throw BadLine(fmt::format("this is no JSON ({})", error.message()));
    if (!document.is_object()) throw BadLine("this is no JSON object");

    DeviceLine device;
    for (const auto& [name, value] : document.get_object()) {
        const std::string_view field(name);
        if (value.is_null() || set_json(device, field, value)) continue;
        if (std::find(std::begin(columns), std::end(columns), field) == std::end(columns))
            throw BadLine(
                fmt::format("there is no field {}; there are {}, keys, sealed_psk and rules",
                            auth::in_message(field), fmt::join(columns, ", ")));
        set_text(device, field, text_in(field, value));
    }
    check_complete(device);
    return device;
}

CsvDevices::CsvDevices(std::string_view header) : columns_(split_csv(header)) {
    for (auto column = columns_.begin(); column != columns_.end(); ++column) {
        if (std::find(std::begin(columns), std::end(columns), *column) == std::end(columns))
            throw BadLine(fmt::format("there is no column '{}'; there are {}",
                                      auth::in_message(*column), fmt::join(columns, ", ")));
        if (std::find(columns_.begin(), column, *column) != column)
            throw BadLine(fmt::format("column {} is there twice", *column));
    }
    if (std::find(columns_.begin(), columns_.end(), "device_id") == columns_.end())
        throw BadLine("there is no column device_id");
}

DeviceLine CsvDevices::device_line(std::string_view line) const {
    std::vector<std::string> fields = split_csv(line);
    if (fields.size() != columns_.size())
        throw BadLine(fmt::format("there are {} fields, the header has {} columns", fields.size(),
                                  columns_.size()));
    DeviceLine device;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        std::string& field = fields[i];
        if (field.empty()) continue;
        if (columns_[i] == "enabled")
            device.enabled = bool_of("enabled", std::move(field));
        else if (columns_[i] == "channels")
            device.channels = split_channels(field);
        else
            set_text(device, columns_[i], std::move(field));
    }
    check_complete(device);
    return device;
}

std::string csv_header_of_devices() {
    return "device_id,kind,tenant,profile,name,enabled,channels";
}

}  // namespace drawbridge::app
