#include "storage/message_schema.hpp"

#include <sqlite3.h>

namespace drawbridge::storage {
namespace {

// Version 1. Times are Unix milliseconds, NULL: never. Tenants go by name, '': none. Numbers of 64
// bits are kept as signed ones.
//
// `chunks` has the messages of all sessions in the order in which they came, many in a row;
// chunk.hpp says how. A row is written once. What becomes of a message is in two tables beside it:
// `gone` has the ranges of numbers between two messages of a session that are still there, the
// first of them from 0 on, and `progress` how far a message has come with its client since it was
// written (state: KeptMessage::State). A message that is in two chunks was moved, and counts where
// it was moved to, the higher one. A row of `chunks` may have messages of sessions that have ended,
// or that are gone.
//
// Everywhere else a message's content is tenant, topic, properties (of MQTT 5.0, as they came) and
// payload, and its `flags` are its QoS (bits 0 and 1) and RETAIN (bit 2).
//
// `published` has messages of QoS 2 that some shards had not heard of when they were committed, and
// `seen` the last turn of `of_shard` that `shard` has heard of, as long as there is one of those.
// `facts`: of the broker that wrote last, the number of its shards and the key by which client ids
// are given to them.
constexpr const char* version_1 = R"sql(
CREATE TABLE facts (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    session INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id TEXT NOT NULL,
    identity TEXT NOT NULL,
    expiry_s INTEGER NOT NULL,
    last_packet_id INTEGER NOT NULL,
    away INTEGER NOT NULL,
    ends_at INTEGER,
    will_due INTEGER,
    will_delay_s INTEGER,
    will_expiry_s INTEGER,
    will_flags INTEGER,
    will_expires_at INTEGER,
    will_tenant TEXT,
    will_topic TEXT,
    will_properties BLOB,
    will_payload BLOB
) STRICT;

CREATE TABLE subscriptions (
    session INTEGER NOT NULL,
    share TEXT NOT NULL,
    filter TEXT NOT NULL,
    qos INTEGER NOT NULL,
    no_local INTEGER NOT NULL,
    retain_as_published INTEGER NOT NULL,
    retain_handling INTEGER NOT NULL,
    id INTEGER NOT NULL,
    replay TEXT,
    PRIMARY KEY (session, share, filter)
) STRICT, WITHOUT ROWID;

CREATE TABLE received (
    session INTEGER NOT NULL,
    packet_id INTEGER NOT NULL,
    PRIMARY KEY (session, packet_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
    chunk INTEGER PRIMARY KEY,
    entries BLOB NOT NULL,
    contents BLOB NOT NULL
) STRICT;

CREATE TABLE gone (
    session INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (session, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE progress (
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state INTEGER NOT NULL,
    packet_id INTEGER NOT NULL,
    PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE retained (
    topic TEXT NOT NULL,
    tenant TEXT NOT NULL,
    publisher INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    expires_at INTEGER,
    properties BLOB NOT NULL,
    payload BLOB NOT NULL,
    UNIQUE (topic, tenant)
) STRICT;

CREATE TABLE seen (
    shard INTEGER NOT NULL,
    of_shard INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    PRIMARY KEY (shard, of_shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE published (
    shard INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    place INTEGER NOT NULL,
    share_group INTEGER NOT NULL,
    receiver_shard INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    expires_at INTEGER,
    tenant TEXT NOT NULL,
    topic TEXT NOT NULL,
    properties BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (shard, turn, place)
) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* migrations[] = {version_1};

}  // namespace

const Schema message_schema{.application_id = 0x44424D31, .migrations = migrations};  // "DBM1"

SQLite::Database open_messages(const std::filesystem::path& file) {
    // One thread has the connection, so SQLite need not lock it for each call.
    SQLite::Database database = open_database(file, message_schema, SQLITE_OPEN_NOMUTEX);
    // Nothing in here is a secret that must be gone from the disk at once; wiping deleted rows
    // would write the pages of each queue that is drained.
    database.exec("PRAGMA secure_delete = OFF");
    return database;
}

}  // namespace drawbridge::storage
