// Device lines: one device as a line of an import or an export tells it, in CSV or as JSON.
//
// CSV has a header line with the names of its columns, in any order; an empty field says nothing.
// JSON has an object in each line, with fields of the same names and with `keys`, `rules` and
// `sealed_psk` besides; null says nothing. What a line says is only read here: whether it can be
// done, DeviceImport knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/account_kind.hpp"
#include "auth/acl.hpp"
#include "auth/api_key.hpp"
#include "auth/device_store.hpp"
#include "auth/psk_store.hpp"
#include "broker/app/csv.hpp"
#include "broker/base/clock.hpp"

namespace drawbridge::app {

// A key of which the line has the text.
struct KeyLine {
    std::string api_key;
    std::string label;
    std::optional<WallTime> expires_at;
};

// What is not set was not said.
struct DeviceLine {
    std::string device_id;
    std::optional<auth::AccountKind> kind;
    std::optional<std::string> tenant;
    std::optional<std::string> profile;
    std::optional<std::string> name;
    std::optional<bool> enabled;
    std::optional<std::vector<std::string>> channels;
    std::optional<std::vector<auth::Rule>> rules;
    std::optional<KeyLine> key;
    std::vector<auth::StoredKey> keys;          // of which it has the hash; created_at 0: not said
    std::optional<std::string> psk;             // its digits
    std::optional<auth::StoredPsk> sealed_psk;  // created_at 0: not said
};

// A line of JSON. Throws BadLine.
DeviceLine device_line_of_json(std::string_view line);

// Lines of CSV below one header.
class CsvDevices {
public:
    // Throws BadLine if a column is unknown, is there twice, or there is no device_id.
    explicit CsvDevices(std::string_view header);

    DeviceLine device_line(std::string_view line) const;  // throws BadLine

private:
    std::vector<std::string> columns_;
};

// The names of the columns that an export writes.
std::string csv_header_of_devices();

}  // namespace drawbridge::app
