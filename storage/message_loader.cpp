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
    while (loaded.messages.size() < asked.messages_max && query.next()) {
        loaded.messages.push_back(read_queue_row(query, clocks));
        bytes += loaded.messages.back().message->bytes();
        if (bytes >= asked.bytes_max) return;
    }
}

}  // namespace

MessageLoader::MessageLoader(const std::filesystem::path& file)
    : database_(open_messages(file)),
      all_(database_, select_window("")),
      shared_(database_, select_window("AND share IS NOT NULL")) {}

core::Journal::Loaded MessageLoader::load(const core::Journal::Load& asked) {
    core::Journal::Loaded loaded;
    loaded.asked = asked;
    try {
        read(asked.shared_only ? shared_ : all_, loaded);
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

}  // namespace drawbridge::storage
