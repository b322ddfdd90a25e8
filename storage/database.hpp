// Database: opens one of our SQLite files so that it is safe to use, and brings it to this
// program's version.
//
// Owner:   whoever opened it. Threads: one connection belongs to one thread; several connections,
// of
//          this process or another, may use one file at the same time (WAL).
// Durable: a commit that has returned survives a power cut (synchronous = FULL).
// Limit:   limits::database_busy_ms: a writer waits so long for another writer before it fails.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>

namespace drawbridge::limits {

// The longest that anybody holds the write lock is one import of devices, a second or two.
constexpr int database_busy_ms = 5'000;

}  // namespace drawbridge::limits

namespace drawbridge::storage {

// What a file holds. migrations[n] is the SQL that takes version n to version n + 1; a released one
// is never edited. Kept in PRAGMA user_version; application_id tells our files from those of
// others.
struct Schema {
    std::int32_t application_id;
    std::span<const char* const> migrations;
};

// The file cannot be used; says in one sentence why, and what to do.
class DatabaseRefused : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Opens the file, makes it if there is none, and runs the migrations that it lacks in one
// transaction. Throws DatabaseRefused, having changed nothing, if the file is not ours, or if a
// newer program wrote it. flags: of sqlite3_open_v2, besides those for reading and writing.
SQLite::Database open_database(const std::filesystem::path& file, const Schema& schema,
                               int flags = 0);

// Has another one been writing for too long (limits::database_busy_ms)?
bool is_busy(const SQLite::Exception& failure);

}  // namespace drawbridge::storage
