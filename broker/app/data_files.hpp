// The files of a data directory: what a backup holds, what a restore puts back.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/clock.hpp"
#include "storage/device_schema.hpp"
#include "storage/message_schema.hpp"

namespace drawbridge::app {

struct DataFile {
    const char* name;
    const storage::Schema* schema;
};

// All of one moment in a backup; locked in this order.
inline constexpr std::array databases = {
    DataFile{"drawbridge.db", &storage::device_schema},
    DataFile{"messages.db", &storage::message_schema},
};

// Those besides the databases that are there: the secret, the configuration, the certificates.
std::vector<std::string> other_files(const std::filesystem::path& data);

// Is this the name of a file that a data directory has? Nothing else comes out of a backup.
bool is_data_file(std::string_view name);

// A moment as a part of a file's name: "20270131T120000Z".
std::string time_for_name(WallTime now);

}  // namespace drawbridge::app
