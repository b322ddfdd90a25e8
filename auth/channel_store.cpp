#include "auth/channel_store.hpp"

#include <fmt/format.h>

#include "auth/device_id.hpp"
#include "auth/limits.hpp"
#include "auth/refused_change.hpp"
#include "storage/query.hpp"

namespace drawbridge::auth {

using storage::Query;

ChannelStore::ChannelStore(SQLite::Database& database)
    : channels_(database, "SELECT channel FROM channels WHERE device_id = ? ORDER BY channel"),
      insert_(database,
              "INSERT INTO channels (device_id, channel) VALUES (?, ?) ON CONFLICT DO NOTHING"),
      remove_(database, "DELETE FROM channels WHERE device_id = ? AND channel = ?") {}

void ChannelStore::connect(std::string_view device_id, std::string_view channel) {
    if (!is_device_id(channel))
        throw RefusedChange(fmt::format(
            "'{}' cannot be a channel; use 1 to 128 characters of A-Z a-z 0-9 . _ : -", channel));
    if (channels(device_id).size() >= limits::channels_per_device_max)
        throw RefusedChange(
            fmt::format("device {} is connected to {} channels already; disconnect one that "
                        "drawbridge device show {} names",
                        device_id, limits::channels_per_device_max, device_id));
    if (Query(insert_).bind(1, device_id).bind(2, channel).change() == 0)
        throw RefusedChange(
            fmt::format("device {} is connected to channel {} already", device_id, channel));
}

void ChannelStore::disconnect(std::string_view device_id, std::string_view channel) {
    if (Query(remove_).bind(1, device_id).bind(2, channel).change() == 0)
        throw RefusedChange(fmt::format(
            "device {0} is not connected to channel {1}; drawbridge device show {0} names those it "
            "is connected to",
            device_id, channel));
}

std::vector<std::string> ChannelStore::channels(std::string_view device_id) {
    Query query(channels_);
    query.bind(1, device_id);
    std::vector<std::string> channels;
    while (query.next()) channels.push_back(query.column(0).getString());
    return channels;
}

}  // namespace drawbridge::auth
