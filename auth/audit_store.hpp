// AuditStore: the audit as drawbridge.db keeps it: one row for what happened, or for the same thing
// happening again and again.
//
// Bounded in number and age, and so that nobody pushes out what is kept of others: each device has
// a budget of its own (limits::audit_rows_per_device_max; a part of it for refused CONNECTs, which
// need no key), and all names that no device has share one (a tenth of max_rows). What
// administrators have changed is not in any budget.
// Owner:   the AuditWriter, or a command. Threads: the owner's only. Time is an argument.
// Failure: SQLite::Exception.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/audit_bounds.hpp"
#include "broker/base/clock.hpp"
#include "broker/core/audit.hpp"
#include "storage/database.hpp"

namespace drawbridge::auth {

struct AuditRow {
    std::int64_t seq = 0;
    WallTime first_at;
    WallTime at;  // the last time
    std::uint64_t times = 1;
    std::string event;      // to_text(AuditEvent::Kind), or "changed"
    std::string device_id;  // whose it is, or whose a stranger said it was; "" if nobody's
    std::string client_id;
    std::string address;
    std::string actor;    // of "changed": who did it
    std::string subject;  // a topic or filter; of "changed": what was changed
    std::string why;
};

// Empty fields ask for everything.
struct AuditQuery {
    std::string device_id{};
    std::string event{};
    std::optional<WallTime> since{};
    std::size_t limit = 100;
};

// What happened, and when. times: how often, until at.
struct Noted {
    core::AuditEvent event;
    WallTime first_at;
    WallTime at;
    std::uint64_t times = 1;
};

// An administrative change, kept by the command that makes it, in the same transaction.
struct AdministrativeChange {
    std::string actor;      // "alice (uid 1000)"
    std::string device_id;  // "" if it concerns none
    std::string subject;    // "device disabled"
    std::string details;    // "" if there are none
};
void record_change(SQLite::Database& database, const AdministrativeChange& change, WallTime now);

class AuditStore {
public:
    // database must outlive the store.
    AuditStore(SQLite::Database& database, const AuditBounds& bounds);

    // In one transaction: notes these, oldest first, and lets go of some of what is too much.
    void write(const std::vector<Noted>& batch, WallTime now);

    std::uint64_t rows();

private:
    void write(const Noted& noted);
    bool repeat(const Noted& noted);
    bool is_stranger(const std::string& device_id);
    void keep_to_budget(const std::string& device_id);
    void keep_to_bounds(WallTime now);

    SQLite::Database& database_;
    const AuditBounds bounds_;
    SQLite::Statement newest_;
    SQLite::Statement repeat_;
    SQLite::Statement insert_;
    SQLite::Statement known_;
    std::unordered_map<std::string, unsigned> inserted_;  // by device_id, since its budget was seen
    std::uint64_t rows_ = 0;
    WallTime counted_at_{};
};

// Newest first.
std::vector<AuditRow> list_audit(SQLite::Database& database, const AuditQuery& query);

}  // namespace drawbridge::auth
