#include "storage/device_schema.hpp"

namespace drawbridge::storage {
namespace {

// Version 1. Times are Unix milliseconds; STRICT keeps every column to its type.
//
// `changes` tells the running broker whose identity changed. Triggers fill it, so it does not
// matter who changes the database: a command, the HTTP interface, or a person with the sqlite3
// shell. It has at most one row for each device, the newest; the broker deletes what it has acted
// on. What it does not watch is left out on purpose: names, labels, and the times that the broker
// itself writes.
constexpr const char* version_1 = R"sql(
CREATE TABLE devices (
    device_id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL DEFAULT '',
    profile TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    last_seen INTEGER,
    last_refusal_at INTEGER,
    last_refusal TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    key_id TEXT NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices ON UPDATE CASCADE ON DELETE CASCADE,
    hash BLOB NOT NULL,
    label TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_device ON api_keys (device_id);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at, device_id) WHERE expires_at IS NOT NULL;

CREATE TABLE rules (
    rule_id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices ON UPDATE CASCADE ON DELETE CASCADE,
    effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    operation TEXT NOT NULL CHECK (operation IN ('publish', 'subscribe')),
    filter TEXT NOT NULL,
    UNIQUE (device_id, effect, operation, filter)
) STRICT;

CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TRIGGER devices_inserted AFTER INSERT ON devices BEGIN
    DELETE FROM changes WHERE device_id = NEW.device_id;
    INSERT INTO changes (device_id) VALUES (NEW.device_id);
END;
CREATE TRIGGER devices_updated AFTER UPDATE OF device_id, tenant, profile, enabled ON devices BEGIN
    DELETE FROM changes WHERE device_id IN (OLD.device_id, NEW.device_id);
    INSERT INTO changes (device_id) SELECT OLD.device_id UNION SELECT NEW.device_id;
END;
CREATE TRIGGER devices_deleted AFTER DELETE ON devices BEGIN
    DELETE FROM changes WHERE device_id = OLD.device_id;
    INSERT INTO changes (device_id) VALUES (OLD.device_id);
END;

CREATE TRIGGER api_keys_inserted AFTER INSERT ON api_keys BEGIN
    DELETE FROM changes WHERE device_id = NEW.device_id;
    INSERT INTO changes (device_id) VALUES (NEW.device_id);
END;
CREATE TRIGGER api_keys_updated AFTER UPDATE OF key_id, device_id, hash, expires_at ON api_keys BEGIN
    DELETE FROM changes WHERE device_id IN (OLD.device_id, NEW.device_id);
    INSERT INTO changes (device_id) SELECT OLD.device_id UNION SELECT NEW.device_id;
END;
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys BEGIN
    DELETE FROM changes WHERE device_id = OLD.device_id;
    INSERT INTO changes (device_id) VALUES (OLD.device_id);
END;

CREATE TRIGGER rules_inserted AFTER INSERT ON rules BEGIN
    DELETE FROM changes WHERE device_id = NEW.device_id;
    INSERT INTO changes (device_id) VALUES (NEW.device_id);
END;
CREATE TRIGGER rules_updated AFTER UPDATE ON rules BEGIN
    DELETE FROM changes WHERE device_id IN (OLD.device_id, NEW.device_id);
    INSERT INTO changes (device_id) SELECT OLD.device_id UNION SELECT NEW.device_id;
END;
CREATE TRIGGER rules_deleted AFTER DELETE ON rules BEGIN
    DELETE FROM changes WHERE device_id = OLD.device_id;
    INSERT INTO changes (device_id) VALUES (OLD.device_id);
END;
)sql";

constexpr const char* migrations[] = {version_1};

}  // namespace

const Schema device_schema{.application_id = 0x44425231, .migrations = migrations};  // "DBR1"

}  // namespace drawbridge::storage
