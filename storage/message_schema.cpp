#include "storage/message_schema.hpp"

#include <sqlite3.h>

namespace drawbridge::storage {
namespace {

// Version 1. Times are Unix milliseconds, NULL: never. Tenants go by name, '': none. Numbers of 64
// bits are kept as signed ones.
//
// A message's content is tenant, topic, properties (of MQTT 5.0, as they came) and payload, and its
// `flags` are its QoS (bits 0 and 1) and RETAIN (bit 2).
//
// `queue` has the messages of a session in their order. Usually the content is in the row itself
// and `body` is NULL; content that several rows share, or a large one, is a row of `bodies`. The
// writer deletes it with the last row that needs it, and no trigger does: with one, each row that
// is deleted costs twice as much (measured), and most have no body. state: KeptMessage::State.
// flags: those of the message; then, as it is delivered to this session, its QoS (bits 3 and 4),
// RETAIN (bit 5) and whether it was sent before (bit 6). bytes: as Message::bytes() counts them.
// share: "name/filter" of a shared subscription. subscription_ids: four bytes each, little-endian.
// What a start must know of all rows comes first, so that it need not read the content.
//
// `ended_sessions` have rows in `queue` that are still to be deleted: a long queue goes piece by
// piece.
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

CREATE TABLE ended_sessions (
    session INTEGER PRIMARY KEY
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

CREATE TABLE queue (
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    state INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    expires_at INTEGER,
    share TEXT,
    packet_id INTEGER NOT NULL,
    subscription_ids BLOB,
    body INTEGER REFERENCES bodies,
    tenant TEXT,
    topic TEXT,
    properties BLOB,
    payload BLOB,
    PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_by_body ON queue (body) WHERE body IS NOT NULL;

CREATE TABLE bodies (
    body INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    topic TEXT NOT NULL,
    properties BLOB NOT NULL,
    payload BLOB NOT NULL
) STRICT;

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
    // The journal keeps queues and bodies together by itself. Salvage goes by the reference.
    database.exec("PRAGMA foreign_keys = OFF");
    return database;
}

}  // namespace drawbridge::storage
