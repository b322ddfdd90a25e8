// Copies of a whole database, of one moment, while others read and write it.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>

namespace drawbridge::storage {

// How large a copy becomes.
std::uint64_t copy_bytes(SQLite::Database& source);

// Copies what source reads now into a new file of mode 0600, and has it on disk before it returns.
// If source has a transaction open, that is the moment that it reads. Throws SQLite::Exception or
// FileFailure, and leaves no file.
void copy_database(SQLite::Database& source, const std::filesystem::path& to);

// A database that waits for nobody's commit, for a file that counts only when it is whole: its
// journal is in memory, and nothing waits for the disk. Opens the file, or makes it with mode 0600.
SQLite::Database open_unjournaled(const std::filesystem::path& file);

}  // namespace drawbridge::storage
