#include "auth/audit_writer.hpp"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "auth/host_of.hpp"
#include "auth/limits.hpp"
#include "broker/base/log.hpp"
#include "storage/device_schema.hpp"

namespace drawbridge::auth {
namespace {

SQLite::Database open_for_audit(const std::filesystem::path& file) {
    SQLite::Database database = storage::open_database(file, storage::device_schema);
    database.exec("PRAGMA synchronous = NORMAL");
    database.setBusyTimeout(static_cast<int>(limits::audit_busy.count()));
    return database;
}

// What makes two events the same thing, as far as one batch goes.
std::string key_of(const core::AuditEvent& event) {
    return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", to_text(event.kind), event.identity,
                       event.client_id, host_of(event.address), event.subject, event.why);
}

// To one byte more than the store keeps, so that it sees that something is missing.
void shorten(std::string& text, std::size_t bytes_max) {
    if (text.size() > bytes_max + 1) text = std::string(text, 0, bytes_max + 1);
}

}  // namespace

AuditWriter::AuditWriter(const std::filesystem::path& database, const AuditBounds& bounds, Now now)
    : now_(std::move(now)), database_(open_for_audit(database)), store_(database_, bounds) {
    thread_ = std::thread([this] { work(); });
}

AuditWriter::~AuditWriter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void AuditWriter::note(core::AuditEvent event) {
    shorten(event.identity, limits::id_bytes_max);
    shorten(event.client_id, limits::id_bytes_max);
    shorten(event.subject, limits::audit_text_bytes_max);
    shorten(event.why, limits::audit_text_bytes_max);
    const WallTime at = now_();
    const std::size_t room =
        event.routine ? limits::audit_events_waiting_max / 2 : limits::audit_events_waiting_max;
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= room) {
            left_out_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        waiting_.push_back({std::move(event), at});
        wake = waiting_.size() == limits::audit_events_waiting_max / 4;
    }
    if (wake) wake_.notify_one();
}

void AuditWriter::flush(std::function<void()> written) {
    {
        const std::lock_guard lock(mutex_);
        flushes_.push_back(std::move(written));
    }
    wake_.notify_one();
}

void AuditWriter::work() {
    std::vector<Waiting> events;
    std::vector<std::function<void()>> flushes;
    for (bool stopping = false; !stopping;) {
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, limits::audit_write_interval, [this] {
                return stopping_ || !flushes_.empty() ||
                       waiting_.size() >= limits::audit_events_waiting_max / 4;
            });
            events.swap(waiting_);
            flushes.swap(flushes_);
            stopping = stopping_;
        }
        write(events);
        say_what_is_left_out();
        for (const auto& written : flushes) written();
        events.clear();
        flushes.clear();
    }
}

void AuditWriter::write(std::vector<Waiting>& events) {
    std::unordered_map<std::string, std::size_t> places;  // in batch_, by key
    for (std::size_t i = 0; i < batch_.size(); ++i) places.emplace(key_of(batch_[i].event), i);
    for (Waiting& one : events) {
        const auto [place, is_new] = places.emplace(key_of(one.event), batch_.size());
        if (is_new) {
            batch_.push_back({std::move(one.event), one.at, one.at, 1});
            continue;
        }
        Noted& same = batch_[place->second];
        ++same.times;
        same.at = one.at;
        same.event.address = std::move(one.event.address);
    }
    const WallTime now = now_();
    if (batch_.empty() && now - written_at_ < limits::audit_prune_interval) return;
    try {
        store_.write(batch_, now);
        written_at_ = now;
        batch_.clear();
        failing_ = false;
    } catch (const SQLite::Exception& failure) {
        // Most likely somebody else is writing.
        if (!std::exchange(failing_, true))
            log::warn("the audit cannot be written, and is tried again: {}",
                      storage::explain(failure));
        if (batch_.size() < limits::audit_events_waiting_max) return;
        left_out_.fetch_add(batch_.size(), std::memory_order_relaxed);
        batch_.clear();
    }
}

void AuditWriter::say_what_is_left_out() {
    const std::uint64_t left_out = left_out_.load(std::memory_order_relaxed);
    if (left_out == said_left_out_) return;
    log::warn("{} events are left out of the audit: there are too many at a time",
              left_out - said_left_out_);
    said_left_out_ = left_out;
}

}  // namespace drawbridge::auth
