#include "storage/statement.hpp"

#include <sqlite3.h>

namespace drawbridge::storage {

Statement::Statement(SQLite::Database& database, std::string_view sql)
    : connection_(database.getHandle()) {
    check(sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                             SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::number(std::int64_t value) {
    check(sqlite3_bind_int64(statement_, ++bound_, value));
    return *this;
}

Statement& Statement::text(std::string_view value) {
    const char* at = value.data() == nullptr ? "" : value.data();  // a null pointer would be NULL
    check(
        sqlite3_bind_text(statement_, ++bound_, at, static_cast<int>(value.size()), SQLITE_STATIC));
    return *this;
}

Statement& Statement::bytes(Bytes value) {
    const void* at = value.data() == nullptr ? static_cast<const void*>("") : value.data();
    check(
        sqlite3_bind_blob(statement_, ++bound_, at, static_cast<int>(value.size()), SQLITE_STATIC));
    return *this;
}

Statement& Statement::null() {
    check(sqlite3_bind_null(statement_, ++bound_));
    return *this;
}

void Statement::run() {
    const Rewind at_the_end(*this);
    while (next()) continue;
}

std::int64_t Statement::changed() const { return sqlite3_changes64(connection_); }

bool Statement::next() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        rewind();
        return false;
    }
    const SQLite::Exception failure(connection_, code);
    rewind();
    throw failure;
}

void Statement::rewind() {
    sqlite3_reset(statement_);
    bound_ = 0;
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Statement::number_at(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::text_at(int column) const { return as_text(bytes_at(column)); }

Bytes Statement::bytes_at(int column) const {
    const void* at = sqlite3_column_blob(statement_, column);
    if (at == nullptr) return {};
    return {static_cast<const std::uint8_t*>(at),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::check(int code) {
    if (code == SQLITE_OK) return;
    const SQLite::Exception failure(connection_, code);
    rewind();
    throw failure;
}

}  // namespace drawbridge::storage
