// Backups of a data directory: `drawbridge backup` makes one while the broker runs or is stopped,
// `drawbridge restore` puts one in the place of what is there.
//
// Failure: storage::BackupRefused, DatabaseRefused, FileFailure, SQLite::Exception; then nothing
// has changed.
#pragma once

#include <filesystem>
#include <vector>

#include "broker/base/clock.hpp"
#include "storage/backup_file.hpp"

namespace drawbridge::app {

// What it holds: the databases (data_files.hpp), of one moment, and the others as they are.
std::vector<storage::BackedUpFile> make_backup(const std::filesystem::path& data,
                                               const std::filesystem::path& file,
                                               storage::BackupWriter::IfThere if_there);

struct Restored {
    std::vector<storage::BackedUpFile> files;
    std::filesystem::path replaced;  // where what was there is now; empty: there was nothing
};

// The caller holds the directory's lock. Interrupted at any moment, it leaves what was there, or
// what serve completes (storage/swap.hpp).
Restored restore_backup(const std::filesystem::path& data, const std::filesystem::path& file,
                        WallTime now);

}  // namespace drawbridge::app
