#include "storage/database_copy.hpp"

#include <sqlite3.h>

#include "storage/database.hpp"
#include "storage/durable.hpp"

namespace drawbridge::storage {
namespace {

void copy(SQLite::Database& source, SQLite::Database& target) {
    sqlite3_backup* copying =
        sqlite3_backup_init(target.getHandle(), "main", source.getHandle(), "main");
    if (copying == nullptr) throw SQLite::Exception(target.getHandle());
    int step = SQLITE_OK;
    do step = sqlite3_backup_step(copying, -1);
    while (step == SQLITE_OK);
    const int done = sqlite3_backup_finish(copying);
    if (done != SQLITE_OK) throw SQLite::Exception(target.getHandle(), done);
    // Busy is no failure to finish().
    if (step != SQLITE_DONE) throw SQLite::Exception("the copy was not completed", step);
}

}  // namespace

std::uint64_t copy_bytes(SQLite::Database& source) {
    return static_cast<std::uint64_t>(source.execAndGet("PRAGMA page_count").getInt64()) *
           static_cast<std::uint64_t>(source.execAndGet("PRAGMA page_size").getInt64());
}

SQLite::Database open_unjournaled(const std::filesystem::path& file) {
    make_private_file(file);
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, limits::database_busy_ms);
    database.exec("PRAGMA journal_mode = MEMORY");
    database.exec("PRAGMA synchronous = OFF");
    return database;
}

void copy_database(SQLite::Database& source, const std::filesystem::path& to) {
    try {
        SQLite::Database target = open_unjournaled(to);
        copy(source, target);
    } catch (...) {
        remove_file(to);
        throw;
    }
    sync_path(to);
    sync_path(directory_of(to));
}

}  // namespace drawbridge::storage
