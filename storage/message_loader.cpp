#include "storage/message_loader.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "broker/base/log.hpp"
#include "storage/message_schema.hpp"

namespace drawbridge::storage {

MessageLoader::MessageLoader(const std::filesystem::path& file, const QueueIndex& index)
    : database_(open_messages(file)),
      index_(index),
      begin_(database_, "BEGIN"),
      look_(database_, "SELECT 1 FROM facts LIMIT 1"),
      end_(database_, "COMMIT"),
      chunks_(database_) {
    database_.exec(fmt::format("PRAGMA cache_size = -{}", limits::loader_cache_kib));
}

std::optional<core::Journal::Loaded> MessageLoader::load(const core::Journal::Load& asked) {
    core::Journal::Loaded loaded;
    loaded.asked = asked;
    try {
        const std::vector<Place> places = begin(asked);
        if (asked.expired_by)
            read_expired(loaded, places);
        else
            read(loaded, places);
        end();
        failing_ = false;
    } catch (const SQLite::Exception& failure) {
        if (!std::exchange(failing_, true))
            log::error(
                "{} cannot be read: {}; it is tried again, and meanwhile messages that wait "
                "in it are not delivered",
                database_.getFilename(), failure.what());
        end();
        if (loaded.is_empty()) return std::nullopt;
    }
    return loaded;
}

// All that the index names is there as long as its lock is held (queue_index.hpp); and then in this
// snapshot, which begins with the first look.
std::vector<Place> MessageLoader::begin(const core::Journal::Load& asked) {
    begin_.run();
    const auto lock = index_.lock();
    look_.run();
    return index_.window(asked);
}

void MessageLoader::end() {
    chunks_.rewind();
    if (sqlite3_get_autocommit(database_.getHandle()) == 0) end_.run();
}

void MessageLoader::read(core::Journal::Loaded& loaded, const std::vector<Place>& places) {
    const core::Journal::Load& asked = loaded.asked;
    const ClockPair clocks = ClockPair::now();
    std::size_t bytes = 0;
    for (const Place& place : places) {
        if (bytes >= asked.bytes_max) return;
        try {
            core::KeptMessage kept = chunks_.read(asked.session, place, clocks);
            expect(kept.message != nullptr, "chunks", "a message that waits, without content");
            kept.state = core::KeptMessage::State::waits;
            kept.packet_id = 0;
            bytes += kept.message->bytes();
            loaded.messages.push_back(std::move(kept));
        } catch (const DamagedRow& damage) {
            if (loaded.damaged.empty())
                log::error("message {} of session {} cannot be read ({}) and is left out",
                           place.seq, asked.session, damage.what());
            loaded.damaged.push_back(place.seq);
        }
    }
}

void MessageLoader::read_expired(core::Journal::Loaded& loaded, const std::vector<Place>& places) {
    const core::Journal::Load& asked = loaded.asked;
    const ClockPair clocks = ClockPair::now();
    for (const Place& place : places) {
        try {
            const Entry entry = chunks_.find(asked.session, place);
            const TimePoint expires_at = clocks.steady(entry.expires_at);
            if (expires_at <= *asked.expired_by && loaded.expired.size() < asked.messages_max)
                loaded.expired.push_back({place.seq, entry.bytes, place.shared});
            else
                loaded.none_expires_before = std::min(loaded.none_expires_before, expires_at);
        } catch (const DamagedRow&) {
            // It is named when it is to be delivered.
        }
    }
}

}  // namespace drawbridge::storage
