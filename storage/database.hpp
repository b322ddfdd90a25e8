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
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

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

// The same, because what it holds is not what was written.
class DatabaseDamaged : public DatabaseRefused {
public:
    using DatabaseRefused::DatabaseRefused;
};

// Opens the file, makes it if there is none, and runs the migrations that it lacks in one
// transaction; before that a copy of the older version is kept (kept_version.hpp). Throws
// DatabaseRefused, having changed nothing, if the file is not ours, if a newer program wrote it, or
// if it is damaged where this looks: the first page, the tables' list and the log.
// flags: of sqlite3_open_v2, besides those for reading and writing.
SQLite::Database open_database(const std::filesystem::path& file, const Schema& schema,
                               int flags = 0);

// Opens one that is there, of any version that this program knows, and leaves it as it is: for
// those who copy it. Throws DatabaseRefused, as above.
SQLite::Database open_unmigrated(const std::filesystem::path& file, const Schema& schema);

// Reads everything in it; what is wrong first, nothing if it is whole. Changes nothing. thorough:
// the indexes are compared with their tables as well, which takes several times as long.
enum class Thoroughness { quick, thorough };
std::optional<std::string> find_damage(SQLite::Database& database, Thoroughness thoroughness);
// The same of a file, also of one that cannot be opened. Throws DatabaseRefused if it is not ours,
// or of a newer program.
std::optional<std::string> find_damage(const std::filesystem::path& file, const Schema& schema,
                                       Thoroughness thoroughness);

// Has another one been writing for too long (limits::database_busy_ms)?
bool is_busy(const SQLite::Exception& failure);
// Is what the file holds not what was written?
bool is_damage(const SQLite::Exception& failure);

// What has failed and, if a person can do something about it, what: for the log.
std::string explain(const SQLite::Exception& failure);

// Throws DatabaseDamaged, with what is wrong and what to do.
[[noreturn]] void refuse_damaged(const std::filesystem::path& file, const std::string& what);

// What to do about a damaged database, as the end of a sentence.
extern const char* const damage_advice;

}  // namespace drawbridge::storage
