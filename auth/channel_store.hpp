// ChannelStore: the channels that each device is connected to, as Connhex has them: who is
// connected to a channel may publish to it, if its profile says so.
//
// A channel is one level of a topic, and obeys the rule of device ids (device_id.hpp).
// Owner:   whoever has the database. Threads: the owner's only.
// Failure: RefusedChange for what a person asked and cannot have; SQLite::Exception when the disk
// fails, or when a channel is to be kept of a device that does not exist.
// Limit:   limits::channels_per_device_max.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/database.hpp"

namespace drawbridge::auth {

class ChannelStore {
public:
    // database must outlive the store, and be of storage::device_schema.
    explicit ChannelStore(SQLite::Database& database);

    void connect(std::string_view device_id, std::string_view channel);
    void disconnect(std::string_view device_id, std::string_view channel);
    std::vector<std::string> channels(std::string_view device_id);  // by name

private:
    SQLite::Statement channels_;
    SQLite::Statement insert_;
    SQLite::Statement remove_;
};

}  // namespace drawbridge::auth
