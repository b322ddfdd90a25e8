// MessageLoader: reads what waits for a session, a window at a time.
//
// It has a connection of its own: in WAL mode a reader waits for no writer and no fsync.
// Owner: the journal's reader thread.
#pragma once

#include <optional>

#include "broker/core/journal.hpp"
#include "storage/statement.hpp"

namespace drawbridge::storage {

class MessageLoader {
public:
    // Throws DatabaseRefused.
    explicit MessageLoader(const std::filesystem::path& file);

    // What could be read until the file failed, if it did; nothing if that is nothing: it is to be
    // tried again. Never throws; a failure is logged, once until the file can be read again.
    std::optional<core::Journal::Loaded> load(const core::Journal::Load& asked);

private:
    SQLite::Database database_;
    Statement all_;
    Statement shared_;
    Statement expiring_;
    bool failing_ = false;
};

}  // namespace drawbridge::storage
