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

}  // namespace

MessageLoader::MessageLoader(const std::filesystem::path& file)
    : database_(open_messages(file)),
      all_(database_, select_window("")),
      shared_(database_, select_window("AND share IS NOT NULL")) {}

std::optional<core::Journal::Loaded> MessageLoader::load(const core::Journal::Load& asked) {
    core::Journal::Loaded loaded;
    loaded.asked = asked;
    try {
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
