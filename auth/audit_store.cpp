#include "auth/audit_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/host_of.hpp"
#include "auth/limits.hpp"
#include "storage/unix_time.hpp"

namespace drawbridge::auth {
namespace {

using storage::from_unix_ms;
using storage::to_unix_ms;

// The same thing, so long after the last time or so long after the first, is a row of its own. What
// is routine is counted by the day.
struct Repetition {
    milliseconds pause_max;
    milliseconds span_max;
};
constexpr Repetition unusual{std::chrono::minutes(2), std::chrono::hours(1)};
constexpr Repetition routine{std::chrono::hours(24), std::chrono::hours(24)};

// How many of the device's newest rows are looked at for the same thing.
constexpr int newest_looked_at = 32;

// Rows that go in one transaction because of the whole audit's bounds.
constexpr std::int64_t pruned_at_once = 2'000;

constexpr const char* refused_connect = "connect_refused";

// At most so many bytes, and no half character at the end.
std::string cut(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return std::string(text);
    while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80)
        --bytes_max;
    return std::string(text.substr(0, bytes_max)) + "...";
}

class Rewind {
public:
    explicit Rewind(SQLite::Statement& statement) : statement_(statement) {}
    Rewind(const Rewind&) = delete;
    Rewind& operator=(const Rewind&) = delete;
    ~Rewind() { statement_.tryReset(); }

private:
    SQLite::Statement& statement_;
};

AuditRow row_in(SQLite::Statement& query) {
    AuditRow row;
    row.seq = query.getColumn(0).getInt64();
    row.first_at = from_unix_ms(query.getColumn(1).getInt64());
    row.at = from_unix_ms(query.getColumn(2).getInt64());
    row.times = static_cast<std::uint64_t>(query.getColumn(3).getInt64());
    row.event = query.getColumn(4).getString();
    row.device_id = query.getColumn(5).getString();
    row.client_id = query.getColumn(6).getString();
    row.address = query.getColumn(7).getString();
    row.actor = query.getColumn(8).getString();
    row.subject = query.getColumn(9).getString();
    row.why = query.getColumn(10).getString();
    return row;
}

constexpr const char* all_columns =
    "seq, first_at, at, times, event, device_id, client_id, address, actor, subject, why";

}  // namespace

void record_change(SQLite::Database& database, const AdministrativeChange& change, WallTime now) {
    SQLite::Statement insert(database,
                             "INSERT INTO audit (first_at, at, event, device_id, actor, subject, "
                             "why) VALUES (?1, ?1, 'changed', ?2, ?3, ?4, ?5)");
    insert.bind(1, to_unix_ms(now));
    insert.bind(2, cut(change.device_id, limits::id_bytes_max));
    insert.bind(3, cut(change.actor, limits::text_bytes_max));
    insert.bind(4, cut(change.subject, limits::text_bytes_max));
    insert.bind(5, cut(change.details, limits::audit_text_bytes_max));
    insert.exec();
}

AuditStore::AuditStore(SQLite::Database& database, const AuditBounds& bounds)
    : database_(database),
      bounds_(bounds),
      newest_(database, fmt::format("SELECT {} FROM audit WHERE device_id = ? "
                                    "ORDER BY seq DESC LIMIT {}",
                                    all_columns, newest_looked_at)),
      repeat_(database, "UPDATE audit SET at = ?, times = times + ?, address = ? WHERE seq = ?"),
      insert_(database,
              "INSERT INTO audit (first_at, at, times, event, device_id, client_id, address, "
              "subject, why, stranger) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      known_(database, "SELECT 1 FROM devices WHERE device_id = ?") {}

void AuditStore::write(const std::vector<Noted>& batch, WallTime now) {
    try {
        SQLite::Transaction all(database_, SQLite::TransactionBehavior::IMMEDIATE);
        if (bounds_.max_rows > 0)
            for (const Noted& noted : batch) write(noted);
        keep_to_bounds(now);
        all.commit();
    } catch (const SQLite::Exception&) {
        counted_at_ = WallTime();  // rows_ counts what is not there: next time anew
        throw;
    }
}

void AuditStore::write(const Noted& noted) {
    const core::AuditEvent& event = noted.event;
    if (repeat(noted)) return;
    const std::string device_id = cut(event.identity, limits::id_bytes_max);
    const bool stranger = is_stranger(device_id);
    const Rewind rewind(insert_);
    insert_.bind(1, to_unix_ms(noted.first_at));
    insert_.bind(2, to_unix_ms(noted.at));
    insert_.bind(3, static_cast<std::int64_t>(noted.times));
    insert_.bind(4, std::string(to_text(event.kind)));
    insert_.bind(5, device_id);
    insert_.bind(6, cut(event.client_id, limits::id_bytes_max));
    insert_.bind(7, event.address);
    insert_.bind(8, cut(event.subject, limits::audit_text_bytes_max));
    insert_.bind(9, cut(event.why, limits::audit_text_bytes_max));
    insert_.bind(10, stranger ? 1 : 0);
    insert_.exec();
    ++rows_;
    if (stranger) return;
    // Looked at now and then, so that it costs little: a device may be over its budget by so much.
    if (++inserted_[device_id] >= limits::audit_rows_per_device_max / 16) keep_to_budget(device_id);
}

// If the same thing has happened lately, counts it there.
bool AuditStore::repeat(const Noted& noted) {
    const core::AuditEvent& event = noted.event;
    const Repetition& repetition = event.routine ? routine : unusual;
    const std::string_view kind = to_text(event.kind);
    const std::string client_id = cut(event.client_id, limits::id_bytes_max);
    const std::string subject = cut(event.subject, limits::audit_text_bytes_max);
    const std::string why = cut(event.why, limits::audit_text_bytes_max);
    std::int64_t found = 0;
    {
        const Rewind rewind(newest_);
        newest_.bind(1, cut(event.identity, limits::id_bytes_max));
        while (found == 0 && newest_.executeStep()) {
            const AuditRow row = row_in(newest_);
            if (row.event == kind && row.client_id == client_id && row.subject == subject &&
                row.why == why && host_of(row.address) == host_of(event.address) &&
                noted.at - row.at <= repetition.pause_max &&
                noted.at - row.first_at <= repetition.span_max)
                found = row.seq;
        }
    }
    if (found == 0) return false;
    const Rewind rewind(repeat_);
    repeat_.bind(1, to_unix_ms(noted.at));
    repeat_.bind(2, static_cast<std::int64_t>(noted.times));
    repeat_.bind(3, event.address);
    repeat_.bind(4, found);
    repeat_.exec();
    return true;
}

bool AuditStore::is_stranger(const std::string& device_id) {
    const Rewind rewind(known_);
    known_.bind(1, device_id);
    return !known_.executeStep();
}

void AuditStore::keep_to_budget(const std::string& device_id) {
    inserted_.erase(device_id);
    constexpr std::pair<const char*, std::size_t> budgets[] = {
        {"event = ?2 AND event <> 'changed'", limits::audit_rows_per_device_max / 4},
        {"event <> ?2 AND event <> 'changed'", limits::audit_rows_per_device_max * 3 / 4},
    };
    for (const auto& [which, most] : budgets) {
        SQLite::Statement prune(
            database_,
            fmt::format("DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE device_id = "
                        "?1 AND {} ORDER BY seq DESC LIMIT -1 OFFSET {})",
                        which, most));
        prune.bind(1, device_id);
        prune.bind(2, refused_connect);
        rows_ -= static_cast<std::uint64_t>(prune.exec());
    }
}

void AuditStore::keep_to_bounds(WallTime now) {
    if (inserted_.size() > limits::device_records_max) inserted_.clear();
    if (counted_at_ == WallTime() || now - counted_at_ > std::chrono::minutes(10)) {
        rows_ = rows();  // commands write rows, too
        counted_at_ = now;
    }
    SQLite::Statement strangers(
        database_,
        fmt::format("DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE stranger = 1 "
                    "ORDER BY seq DESC LIMIT {} OFFSET {})",
                    pruned_at_once, bounds_.max_rows / 10));
    rows_ -= static_cast<std::uint64_t>(strangers.exec());

    SQLite::Statement old(database_,
                          fmt::format("DELETE FROM audit WHERE seq IN (SELECT seq FROM audit "
                                      "WHERE at < ? ORDER BY at LIMIT {})",
                                      pruned_at_once));
    old.bind(1, to_unix_ms(now - bounds_.max_age));
    rows_ -= static_cast<std::uint64_t>(old.exec());

    if (rows_ <= bounds_.max_rows) return;
    SQLite::Statement oldest(database_,
                             "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit ORDER BY at "
                             "LIMIT ?)");
    const auto too_many = static_cast<std::int64_t>(rows_ - bounds_.max_rows);
    oldest.bind(1, std::min(too_many, pruned_at_once));
    rows_ -= static_cast<std::uint64_t>(oldest.exec());
}

std::uint64_t AuditStore::rows() {
    return static_cast<std::uint64_t>(
        database_.execAndGet("SELECT count(*) FROM audit").getInt64());
}

std::vector<AuditRow> list_audit(SQLite::Database& database, const AuditQuery& query) {
    std::string where = "at >= ?1";
    if (!query.device_id.empty()) where += " AND device_id = ?2";
    if (!query.event.empty()) where += " AND event = ?3";
    SQLite::Statement select(
        database, fmt::format("SELECT {} FROM audit WHERE {} ORDER BY at DESC, seq DESC LIMIT ?4",
                              all_columns, where));
    select.bind(1, query.since ? to_unix_ms(*query.since) : std::int64_t{0});
    if (!query.device_id.empty()) select.bind(2, query.device_id);
    if (!query.event.empty()) select.bind(3, query.event);
    select.bind(4, static_cast<std::int64_t>(query.limit));
    std::vector<AuditRow> rows;
    while (select.executeStep()) rows.push_back(row_in(select));
    return rows;
}

}  // namespace drawbridge::auth
