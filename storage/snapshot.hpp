// Snapshot: what is read while it lives is of one moment.
//
// And cheaper: the database is locked once, not by each query. Within another one it does nothing:
// that is of one moment already. Not within a transaction.
// Owner: the call that reads. Threads: the database's. It must not live long: the write-ahead log
// cannot be emptied meanwhile. Failure: SQLite::Exception when it begins.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

namespace drawbridge::storage {

class Snapshot {
public:
    // What it needs, prepared once. ROLLBACK: nothing was changed, and it cannot fail.
    struct Statements {
        explicit Statements(SQLite::Database& database)
            : begin(database, "BEGIN"), end(database, "ROLLBACK") {}
        SQLite::Statement begin;
        SQLite::Statement end;
        bool in_use = false;
    };

    explicit Snapshot(Statements& statements)
        : statements_(statements), is_outermost_(!statements.in_use) {
        if (!is_outermost_) return;
        statements_.begin.tryReset();
        statements_.begin.exec();
        statements_.in_use = true;
    }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot() {
        if (!is_outermost_) return;
        statements_.in_use = false;
        statements_.end.tryReset();
        statements_.end.tryExecuteStep();
        statements_.end.tryReset();
    }

private:
    Statements& statements_;
    const bool is_outermost_;
};

}  // namespace drawbridge::storage
