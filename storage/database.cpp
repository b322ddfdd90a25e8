#include "storage/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

namespace drawbridge::storage {
namespace {

int version_of(SQLite::Database& database) {
    return database.execAndGet("PRAGMA user_version").getInt();
}

// Throws unless the file is empty or one of ours, of a version that this program knows.
void check_ours(SQLite::Database& database, const std::filesystem::path& file,
                const Schema& schema) {
    const int newest = static_cast<int>(schema.migrations.size());
    const int version = version_of(database);
    const int application_id = database.execAndGet("PRAGMA application_id").getInt();
    const bool empty = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0;
    const bool fresh = empty && version == 0 && application_id == 0;
    if (!fresh && application_id != schema.application_id)
        throw DatabaseRefused(fmt::format(
            "{} belongs to another program; move it away or choose another data directory",
            file.string()));
    if (version > newest)
        throw DatabaseRefused(fmt::format(
            "{} was written by a newer Drawbridge (its version is {}, this program knows {}); "
            "install that one again, or restore a backup",
            file.string(), version, newest));
}

void migrate(SQLite::Database& database, const std::filesystem::path& file, const Schema& schema) {
    const auto newest = schema.migrations.size();
    if (static_cast<std::size_t>(version_of(database)) == newest) return;

    SQLite::Transaction change(database, SQLite::TransactionBehavior::IMMEDIATE);
    check_ours(database, file, schema);  // again: another process may have been first
    for (auto version = static_cast<std::size_t>(version_of(database)); version < newest; ++version)
        database.exec(schema.migrations[version]);
    database.exec(fmt::format("PRAGMA application_id = {}", schema.application_id));
    database.exec(fmt::format("PRAGMA user_version = {}", newest));
    change.commit();
}

SQLite::Database open_file(const std::filesystem::path& file, const Schema& schema, int flags) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | flags,
                              limits::database_busy_ms);
    check_ours(database, file, schema);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA foreign_keys = ON");
    // What a statement with triggers would need to be undone is kept in memory: in a temporary file
    // it is written page by page, 11 writes for each row of devices (measured).
    database.exec("PRAGMA temp_store = MEMORY");
    migrate(database, file, schema);
    return database;
}

}  // namespace

SQLite::Database open_database(const std::filesystem::path& file, const Schema& schema, int flags) {
    try {
        return open_file(file, schema, flags);
    } catch (const SQLite::Exception& failure) {
        if (failure.getErrorCode() == SQLITE_NOTADB)
            throw DatabaseRefused(fmt::format(
                "{} is not a database; move it away or restore a backup", file.string()));
        throw DatabaseRefused(
            fmt::format("{} cannot be opened ({}); check that the directory "
                        "exists and that this user may write there",
                        file.string(), failure.what()));
    }
}

bool is_busy(const SQLite::Exception& failure) { return failure.getErrorCode() == SQLITE_BUSY; }

}  // namespace drawbridge::storage
