// salvage: a damaged database is replaced by one with the rows that can still be read, and is kept
// beside it as it was found.
//
// Owner: who holds the directory's lock; nobody has the database open. Rows are read without SQLite
// (raw_rows.hpp) and put into an empty database of the same version, one by one: what breaks a
// constraint there is left out, and so is what refers to a row that is lost.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.hpp"

namespace drawbridge::storage {

struct SalvagedTable {
    std::string name;
    std::uint64_t rows = 0;        // kept
    std::uint64_t rows_lost = 0;   // seen, and left out
    std::uint64_t pages_lost = 0;  // unreadable, with nobody knows how many rows
    bool is_complete = false;      // nothing of it is lost, as far as its pages tell
};

struct SalvageReport {
    std::string damage;
    std::filesystem::path kept;  // the original; its log has the same name with -wal
    std::vector<SalvagedTable> tables;
};

// time: a part of a file name, for that of the original: FILE.damaged-TIME. Nothing, having changed
// nothing, if the database is not damaged or not there. Throws DatabaseRefused if it is not ours,
// of a newer program, or if there is no room.
std::optional<SalvageReport> salvage(const std::filesystem::path& file, const Schema& schema,
                                     std::string_view time);

}  // namespace drawbridge::storage
