#include "storage/joint_snapshot.hpp"

namespace drawbridge::storage {

JointSnapshot::JointSnapshot(std::span<const SnapshotSource> sources) {
    std::vector<SQLite::Database> locks;
    for (const SnapshotSource& source : sources) {
        locks.push_back(open_unmigrated(source.file, *source.schema));
        readers_.push_back(open_unmigrated(source.file, *source.schema));
    }
    for (SQLite::Database& lock : locks) lock.exec("BEGIN IMMEDIATE");
    for (SQLite::Database& reader : readers_) {
        reader.exec("BEGIN");
        reader.execAndGet("SELECT count(*) FROM sqlite_master");  // the snapshot begins here
    }
    for (SQLite::Database& lock : locks) lock.exec("ROLLBACK");
}

}  // namespace drawbridge::storage
