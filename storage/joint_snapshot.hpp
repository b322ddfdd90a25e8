// JointSnapshot: several databases as they are at one moment, while others go on writing them.
//
// All write locks are held while all snapshots begin, which takes no longer than opening them: so
// nothing is in one of them that happened after what is missing in another. Owner: who reads.
// Bound: it must not live for ever; the logs cannot be emptied meanwhile, and grow.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <span>
#include <vector>

#include "storage/database.hpp"

namespace drawbridge::storage {

struct SnapshotSource {
    std::filesystem::path file;
    const Schema* schema;
};

class JointSnapshot {
public:
    // Always in this order, by whomever, so that two of them do not wait for each other. Throws
    // DatabaseRefused; SQLite::Exception (is_busy) if somebody writes for too long.
    explicit JointSnapshot(std::span<const SnapshotSource> sources);

    // In the order of the sources; what is read from them is of that moment.
    std::vector<SQLite::Database>& databases() { return readers_; }

private:
    std::vector<SQLite::Database> readers_;
};

}  // namespace drawbridge::storage
