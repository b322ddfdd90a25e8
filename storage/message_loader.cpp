#include "storage/message_loader.hpp"

#include <fmt/format.h>

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

core::Journal::Loaded MessageLoader::load(const core::Journal::Load& asked) {
    core::Journal::Loaded loaded;
    loaded.asked = asked;
    try {
        read(loaded);
        failing_ = false;
    } catch (const std::runtime_error& failure) {  // SQLite::Exception, DamagedRow
        loaded.messages.clear();
        loaded.failed = true;
        if (!std::exchange(failing_, true))
            log::error("{} cannot be read: {}; messages that wait in it are not delivered",
                       database_.getFilename(), failure.what());
    }
    return loaded;
}

void MessageLoader::read(core::Journal::Loaded& loaded) {
    const ClockPair clocks = ClockPair::now();
    std::vector<Place> places;
    begin_.run();
    try {
        {
            // All that the index names is there as long as the lock is held (queue_index.hpp); and
            // then in this snapshot, which begins with the first look.
            const auto lock = index_.lock();
            look_.run();
            places = index_.window(loaded.asked);
        }
        std::size_t bytes = 0;
        loaded.messages.reserve(places.size());
        for (const Place& place : places) {
            core::KeptMessage kept = chunks_.read(loaded.asked.session, place, clocks);
            expect(kept.message != nullptr, "chunks", "a message that waits, without content");
            kept.state = core::KeptMessage::State::waits;
            kept.packet_id = 0;
            bytes += kept.message->bytes();
            loaded.messages.push_back(std::move(kept));
            if (bytes >= loaded.asked.bytes_max) break;
        }
        chunks_.rewind();
    } catch (const std::runtime_error&) {
        chunks_.rewind();
        end_.run();
        throw;
    }
    end_.run();
}

}  // namespace drawbridge::storage
