// Query: a prepared statement in use.
//
// Rewinds it at the end: one that is left open keeps its snapshot of the database, and the
// write-ahead log could not be emptied. Owner: the call that asks. Threads: the statement's.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace drawbridge::storage {

class Query {
public:
    explicit Query(SQLite::Statement& statement) : statement_(statement) {}
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    ~Query() { statement_.tryReset(); }

    Query& bind(int index, std::string_view text) {
        statement_.bind(index, std::string(text));
        return *this;
    }
    Query& bind(int index, std::int64_t number) {
        statement_.bind(index, number);
        return *this;
    }
    bool next() { return statement_.executeStep(); }
    SQLite::Column column(int index) { return statement_.getColumn(index); }

    // Runs a statement that changes rows; how many.
    int change() { return statement_.exec(); }

private:
    SQLite::Statement& statement_;
};

}  // namespace drawbridge::storage
