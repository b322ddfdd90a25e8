#include "storage/message_row.hpp"

#include <fmt/format.h>

#include "broker/wire/read_properties.hpp"
#include "broker/wire/topic.hpp"
#include "broker/wire/utf8.hpp"
#include "storage/unix_time.hpp"

namespace drawbridge::storage {
namespace {

constexpr std::size_t text_bytes_max = 65'535;
constexpr std::size_t packet_bytes_max = (1u << 28) - 1;

}  // namespace

void expect(bool fine, const char* table, const char* what) {
    if (!fine) throw DamagedRow(fmt::format("in {}: {}", table, what));
}

bool is_kept_text(std::string_view text) {
    return text.size() <= text_bytes_max && wire::utf8_fault(text) == wire::Utf8Fault::none;
}

std::string read_text(const Statement& row, int column, const char* table) {
    const std::string_view text = row.text_at(column);
    expect(is_kept_text(text), table, "a text that is too long, or not UTF-8");
    return std::string(text);
}

std::uint64_t read_number(const Statement& row, int column, std::uint64_t max, const char* table) {
    const auto number = static_cast<std::uint64_t>(row.number_at(column));
    expect(number <= max, table, "a number that is out of its range");
    return number;
}

void ClockPair::bind(Statement& statement, TimePoint time) const {
    if (time == TimePoint::max())
        statement.null();
    else
        statement.number(unix_ms(time));
}

TimePoint ClockPair::read(const Statement& row, int column) const {
    return row.is_null(column) ? TimePoint::max() : steady(row.number_at(column));
}

std::int64_t ClockPair::unix_ms(TimePoint time) const {
    return to_unix_ms(wall_ + (time - steady_));
}

TimePoint ClockPair::steady(std::int64_t unix_ms) const {
    const auto left = from_unix_ms(unix_ms) - wall_;
    // Both are far from their ends unless the row is damaged; and then it is never.
    if (left >= TimePoint::max() - steady_) return TimePoint::max();
    return steady_ + left;
}

void bind_time(Statement& statement, WallTime time) {
    if (time == WallTime::max())
        statement.null();
    else
        statement.number(to_unix_ms(time));
}

WallTime read_time(const Statement& row, int column) {
    return row.is_null(column) ? WallTime::max() : from_unix_ms(row.number_at(column));
}

unsigned message_flags(const core::MessageView& message) {
    return message.qos | unsigned{message.retain} << 2;
}

std::string_view TenantNames::of(core::TenantId id) {
    if (id != last_) {
        name_ = core::tenant_name(id);
        last_ = id;
    }
    return name_;
}

void bind_content(Statement& statement, const core::MessageView& message, TenantNames& tenants) {
    statement.text(tenants.of(message.tenant)).text(message.topic);
    statement.bytes(message.properties).bytes(message.payload);
}

core::MessagePtr read_message(const Statement& row, int column, std::uint64_t flags,
                              TimePoint expires_at, const char* table) {
    core::MessageView view;
    view.topic = row.text_at(column + 1);
    view.properties = row.bytes_at(column + 2);
    view.payload = row.bytes_at(column + 3);
    view.qos = flags & 0b11;
    view.retain = (flags & 0b100) != 0;
    view.expires_at = expires_at;
    return check_message(view, row.text_at(column), table);
}

core::MessagePtr check_message(core::MessageView view, std::string_view tenant, const char* table) {
    expect(view.qos <= 2, table, "a QoS of 3");
    expect(is_kept_text(view.topic) && wire::is_topic_name(view.topic, text_bytes_max), table,
           "a topic that is none");
    expect(view.payload.size() + view.properties.size() <= packet_bytes_max, table,
           "a message that is too large");
    expect(wire::check_properties(view.properties, wire::only(wire::PacketType::publish)).reason ==
               Reason::success,
           table, "properties that are damaged");
    view.tenant = core::tenant_id(tenant);
    expect(view.tenant <= core::tenants_max, table, "more tenants than there can be");
    return core::Message::copy_of(view);
}

}  // namespace drawbridge::storage
