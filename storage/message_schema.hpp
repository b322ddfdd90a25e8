// The schema of messages.db: what sessions have, what waits for them, and what is retained.
#pragma once

#include "storage/database.hpp"

namespace drawbridge::storage {

extern const Schema message_schema;

// Opens the file for one thread, and makes it if there is none. Throws DatabaseRefused.
SQLite::Database open_messages(const std::filesystem::path& file);

}  // namespace drawbridge::storage
