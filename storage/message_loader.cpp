#include "storage/message_loader.hpp"

#include <algorithm>
#include <utility>

#include "broker/base/log.hpp"
#include "storage/message_schema.hpp"
#include "storage/queue_row.hpp"

namespace drawbridge::storage {
namespace {

std::string select_window(const char* which) {
    return select_queue_rows(
        fmt::format("session = ? AND seq BETWEEN ? AND ? AND state = 0 {}", which));
}

void read(Statement& query, core::Journal::Loaded& loaded) {
    const core::Journal::Load& asked = loaded.asked;
    const ClockPair clocks = ClockPair::now();
    query.number(asked.session).number(asked.first);
    query.number(std::min<std::uint64_t>(asked.last, INT64_MAX));
    const Rewind at_the_end(query);
    std::size_t bytes = 0;
    const auto rows = [&] { return loaded.messages.size() + loaded.damaged.size(); };
    while (rows() < asked.messages_max && bytes < asked.bytes_max && query.next()) {
        try {
            loaded.messages.push_back(read_queue_row(query, clocks));
            bytes += loaded.messages.back().message->bytes();
        } catch (const DamagedRow& damage) {
            const auto seq = static_cast<std::uint64_t>(query.number_at(1));
            if (loaded.damaged.empty())
                log::error("message {} of session {} cannot be read ({}) and is left out", seq,
                           asked.session, damage.what());
            loaded.damaged.push_back(seq);
        }
    }
}

// In the order of seq, as expired ones go.
constexpr const char* select_expiring =
    "SELECT seq, bytes, expires_at, share IS NOT NULL FROM queue "
    "WHERE session = ? AND seq BETWEEN ? AND ? AND state = 0 AND expires_at IS NOT NULL "
    "ORDER BY seq";

void read_expired(Statement& query, core::Journal::Loaded& loaded) {
    const core::Journal::Load& asked = loaded.asked;
    const ClockPair clocks = ClockPair::now();
    query.number(asked.session).number(asked.first);
    query.number(std::min<std::uint64_t>(asked.last, INT64_MAX));
    const Rewind at_the_end(query);
    while (query.next()) {
        const TimePoint expires_at = clocks.read(query, 2);
        if (expires_at <= *asked.expired_by && loaded.expired.size() < asked.messages_max)
            loaded.expired.push_back({static_cast<std::uint64_t>(query.number_at(0)),
                                      static_cast<std::uint64_t>(query.number_at(1)),
                                      query.number_at(3) != 0});
        else
            loaded.none_expires_before = std::min(loaded.none_expires_before, expires_at);
    }
}

}  // namespace

MessageLoader::MessageLoader(const std::filesystem::path& file)
    : database_(open_messages(file)),
      all_(database_, select_window("")),
      shared_(database_, select_window("AND share IS NOT NULL")),
      expiring_(database_, select_expiring) {}

std::optional<core::Journal::Loaded> MessageLoader::load(const core::Journal::Load& asked) {
    core::Journal::Loaded loaded;
    loaded.asked = asked;
    try {
        if (asked.expired_by)
            read_expired(expiring_, loaded);
        else
            read(asked.shared_only ? shared_ : all_, loaded);
        failing_ = false;
    } catch (const SQLite::Exception& failure) {
        if (!std::exchange(failing_, true))
            log::error(
                "{} cannot be read: {}; it is tried again, and meanwhile messages that wait "
                "in it are not delivered",
                database_.getFilename(), failure.what());
        if (loaded.is_empty()) return std::nullopt;
    }
    return loaded;
}

}  // namespace drawbridge::storage
