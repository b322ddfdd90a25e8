#include "auth/device_list.hpp"

#include <fmt/format.h>

#include <vector>

#include "auth/device_row.hpp"
#include "auth/limits.hpp"
#include "storage/query.hpp"

namespace drawbridge::auth {
namespace {

bool has_wildcard(std::string_view pattern) {
    return pattern.find_first_of("*?") != std::string_view::npos;
}

// For GLOB, where [ begins a class of characters, too.
std::string glob_of(std::string_view pattern) {
    std::string glob;
    for (const char c : pattern) glob += c == '[' ? std::string("[[]") : std::string(1, c);
    return glob;
}

// The least text above all that begin with prefix, which is not empty and is ASCII.
std::string end_of_prefix(std::string prefix) {
    ++prefix.back();
    return prefix;
}

// Conditions with their values, in order.
class Conditions {
public:
    void add(const char* condition, std::string value) {
        sql_ += sql_.empty() ? "" : " AND ";
        sql_ += condition;
        values_.push_back(std::move(value));
    }
    const std::string& sql() const { return sql_; }
    void bind(SQLite::Statement& statement) const {
        int index = 0;
        for (const std::string& value : values_) statement.bind(++index, value);
    }

private:
    std::string sql_;
    std::vector<std::string> values_;
};

Conditions conditions_of(const DeviceFilter& filter) {
    Conditions conditions;
    conditions.add("device_id > ?1", filter.after);  // ?1: where the next page begins
    if (filter.tenant) conditions.add("tenant = ?", *filter.tenant);
    if (filter.profile) conditions.add("profile = ?", *filter.profile);
    if (filter.kind) conditions.add("kind = ?", std::string(to_text(*filter.kind)));
    if (filter.enabled) conditions.add("enabled = CAST(? AS INTEGER)", *filter.enabled ? "1" : "0");
    if (has_wildcard(filter.pattern)) {
        const std::string prefix = filter.pattern.substr(0, filter.pattern.find_first_of("*?"));
        if (!prefix.empty()) {  // so that only these are looked at
            conditions.add("device_id >= ?", prefix);
            conditions.add("device_id < ?", end_of_prefix(prefix));
        }
        conditions.add("device_id GLOB ?", glob_of(filter.pattern));
    } else if (!filter.pattern.empty()) {
        conditions.add("instr(lower(device_id) || char(10) || lower(name), lower(?)) > 0",
                       filter.pattern);
    }
    return conditions;
}

}  // namespace

void for_each_device(SQLite::Database& database, const DeviceFilter& filter,
                     const std::function<bool(const StoredDevice&)>& visit) {
    const Conditions conditions = conditions_of(filter);
    SQLite::Statement statement(
        database, fmt::format("SELECT {} FROM devices WHERE {} ORDER BY device_id LIMIT {}",
                              device_columns, conditions.sql(), limits::device_page));
    conditions.bind(statement);
    std::vector<StoredDevice> page;
    do {
        page.clear();
        {
            storage::Query query(statement);
            while (query.next()) page.push_back(device_in(statement));
        }
        for (const StoredDevice& device : page)
            if (!visit(device)) return;
        if (!page.empty()) statement.bind(1, page.back().device_id);
    } while (page.size() == limits::device_page);
}

}  // namespace drawbridge::auth
