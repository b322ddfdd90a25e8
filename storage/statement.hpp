// Statement: a prepared statement for rows by the million, on SQLite's own interface.
//
// SQLiteCpp counts references and checks column numbers at each value, which costs as much again as
// storing a small row. Values are bound in the order of the placeholders; text and bytes are
// borrowed until the statement has run.
// Owner: one connection's thread, and it dies before the connection.
// Fails: with SQLite::Exception.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string_view>

#include "broker/base/bytes.hpp"

struct sqlite3_stmt;

namespace drawbridge::storage {

class Statement {
public:
    Statement(SQLite::Database& database, std::string_view sql);
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    Statement& number(std::int64_t value);
    Statement& number(std::uint64_t value) { return number(static_cast<std::int64_t>(value)); }
    Statement& number(unsigned value) { return number(std::int64_t{value}); }
    Statement& number(int value) { return number(std::int64_t{value}); }
    Statement& text(std::string_view value);
    Statement& bytes(Bytes value);
    Statement& null();

    // Runs it to its end. It is ready to be bound again, also after a failure.
    void run();
    // How many rows the last run() has changed.
    std::int64_t changed() const;

    // Steps to the next row; at the end it is ready to be bound again.
    bool next();
    // Leaves the rows that were not read. One that is left open keeps its snapshot of the database,
    // and the write-ahead log could not be emptied.
    void rewind();

    // Of the row; borrowed until the next step.
    bool is_null(int column) const;
    std::int64_t number_at(int column) const;
    std::string_view text_at(int column) const;
    Bytes bytes_at(int column) const;

private:
    void check(int code);

    sqlite3* connection_;
    sqlite3_stmt* statement_ = nullptr;
    int bound_ = 0;
};

// Rewinds a statement at the end of a block that reads its rows.
class Rewind {
public:
    explicit Rewind(Statement& statement) : statement_(statement) {}
    Rewind(const Rewind&) = delete;
    Rewind& operator=(const Rewind&) = delete;
    ~Rewind() { statement_.rewind(); }

private:
    Statement& statement_;
};

}  // namespace drawbridge::storage
