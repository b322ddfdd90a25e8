// How a message stands in the rows of messages.db: flags, an expiry, and the four columns of its
// content.
//
// Rows are not trusted. The file has no checksums, and what is in it goes to clients unchecked.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "broker/core/message.hpp"
#include "storage/statement.hpp"

namespace drawbridge::storage {

// A row says what this program never wrote. what() names the table and the value.
class DamagedRow : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Throws DamagedRow("in TABLE: WHAT").
void expect(bool fine, const char* table, const char* what);

// Is it text as MQTT wants it, of at most 65,535 bytes?
bool is_kept_text(std::string_view text);
std::string read_text(const Statement& row, int column, const char* table);

// A number from 0 to `max`.
std::uint64_t read_number(const Statement& row, int column, std::uint64_t max, const char* table);

// Deadlines of the steady clock as Unix milliseconds and back, both clocks read at one moment.
class ClockPair {
public:
    ClockPair(TimePoint steady, WallTime wall) : steady_(steady), wall_(wall) {}
    static ClockPair now() { return {Clock::now(), WallClock::now()}; }

    // TimePoint::max() is never: NULL.
    void bind(Statement& statement, TimePoint time) const;
    TimePoint read(const Statement& row, int column) const;
    // Unix milliseconds.
    std::int64_t unix_ms(TimePoint time) const;
    TimePoint steady(std::int64_t unix_ms) const;

private:
    TimePoint steady_;
    WallTime wall_;
};

// WallTime::max() is never: NULL.
void bind_time(Statement& statement, WallTime time);
WallTime read_time(const Statement& row, int column);

constexpr unsigned message_flags_bits = 3;
unsigned message_flags(const core::MessageView& message);

// The name of the tenant whose message was the last one, so that a run of messages of one tenant
// asks for it once.
class TenantNames {
public:
    std::string_view of(core::TenantId id);

private:
    core::TenantId last_ = 0;
    std::string name_;
};

// Binds tenant, topic, properties and payload, in this order.
void bind_content(Statement& statement, const core::MessageView& message, TenantNames& tenants);

// Reads the same from four columns, the first of which is `column`. flags: of message_flags().
core::MessagePtr read_message(const Statement& row, int column, std::uint64_t flags,
                              TimePoint expires_at, const char* table);
// A message as it was read, with the name of its tenant. Throws DamagedRow if it cannot have been
// published.
core::MessagePtr check_message(core::MessageView view, std::string_view tenant, const char* table);

}  // namespace drawbridge::storage
