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

std::string read_text(const Statement& row, int column, const char* table) {
    const std::string_view text = row.text_at(column);
    expect(text.size() <= text_bytes_max, table, "a text that is too long");
    expect(wire::utf8_fault(text) == wire::Utf8Fault::none, table, "a text that is not UTF-8");
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
        statement.number(to_unix_ms(wall_ + (time - steady_)));
}

TimePoint ClockPair::read(const Statement& row, int column) const {
    if (row.is_null(column)) return TimePoint::max();
    const auto left = from_unix_ms(row.number_at(column)) - wall_;
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

    expect(view.qos <= 2, table, "a QoS of 3");
    expect(view.topic.size() <= text_bytes_max &&
               wire::utf8_fault(view.topic) == wire::Utf8Fault::none &&
               wire::is_topic_name(view.topic, text_bytes_max),
           table, "a topic that is none");
    expect(view.payload.size() + view.properties.size() <= packet_bytes_max, table,
           "a message that is too large");
    expect(wire::check_properties(view.properties, wire::only(wire::PacketType::publish)).reason ==
               Reason::success,
           table, "properties that are damaged");
    view.tenant = core::tenant_id(row.text_at(column));
    expect(view.tenant <= core::tenants_max, table, "more tenants than there can be");
    return core::Message::copy_of(view);
}

}  // namespace drawbridge::storage
