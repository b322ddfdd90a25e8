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

// Version 2. A service is an account of a back end: kept as a device is, of another kind. Channels
// are those of Connhex that a device is connected to. A profile is the operator's own, as its file
// was; `profile_changes` is to profiles what `changes` is to devices. A PSK is sealed under the
// secret; psk_id is no secret, and another one each time that the PSK is set.
//
// `facts` holds what the database says of itself: by which secret its keys are hashed and sealed.
//
// `audit` has one row for what happened, or for the same thing happening again and again within a
// short time. It names devices that may be gone, so it refers to none. `stranger`: there was no
// device of that name, so a stranger has made it up, and all strangers together have one budget.
//
// `service_status` has one row for each service that sends heartbeats (bridge/service_store.hpp),
// whether there is an account of its name or not.
constexpr const char* version_2 = R"sql(
ALTER TABLE devices ADD COLUMN kind TEXT NOT NULL DEFAULT 'device'
    CHECK (kind IN ('device', 'service'));
ALTER TABLE rules ADD COLUMN across_tenants INTEGER NOT NULL DEFAULT 0
    CHECK (across_tenants IN (0, 1));

CREATE TABLE psks (
    device_id TEXT NOT NULL PRIMARY KEY REFERENCES devices ON UPDATE CASCADE ON DELETE CASCADE,
    psk_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE channels (
    device_id TEXT NOT NULL REFERENCES devices ON UPDATE CASCADE ON DELETE CASCADE,
    channel TEXT NOT NULL,
    PRIMARY KEY (device_id, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles (
    name TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_profile ON devices (profile);

CREATE TABLE profile_changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    first_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    event TEXT NOT NULL,
    device_id TEXT NOT NULL DEFAULT '',
    client_id TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    actor TEXT NOT NULL DEFAULT '',
    subject TEXT NOT NULL DEFAULT '',
    why TEXT NOT NULL DEFAULT '',
    stranger INTEGER NOT NULL DEFAULT 0 CHECK (stranger IN (0, 1))
) STRICT;
CREATE INDEX audit_by_device ON audit (device_id, seq);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_of_strangers ON audit (seq) WHERE stranger = 1;

CREATE TABLE service_status (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('up', 'down', 'forgotten')),
    since INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    outages INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER psks_inserted AFTER INSERT ON psks BEGIN
    DELETE FROM changes WHERE device_id = NEW.device_id;
    INSERT INTO changes (device_id) VALUES (NEW.device_id);
END;
CREATE TRIGGER psks_updated AFTER UPDATE OF device_id, psk_id, sealed ON psks BEGIN
    DELETE FROM changes WHERE device_id IN (OLD.device_id, NEW.device_id);
    INSERT INTO changes (device_id) SELECT OLD.device_id UNION SELECT NEW.device_id;
END;
CREATE TRIGGER psks_deleted AFTER DELETE ON psks BEGIN
    DELETE FROM changes WHERE device_id = OLD.device_id;
    INSERT INTO changes (device_id) VALUES (OLD.device_id);
END;

CREATE TRIGGER channels_inserted AFTER INSERT ON channels BEGIN
    DELETE FROM changes WHERE device_id = NEW.device_id;
    INSERT INTO changes (device_id) VALUES (NEW.device_id);
END;
CREATE TRIGGER channels_updated AFTER UPDATE ON channels BEGIN
    DELETE FROM changes WHERE device_id IN (OLD.device_id, NEW.device_id);
    INSERT INTO changes (device_id) SELECT OLD.device_id UNION SELECT NEW.device_id;
END;
CREATE TRIGGER channels_deleted AFTER DELETE ON channels BEGIN
    DELETE FROM changes WHERE device_id = OLD.device_id;
    INSERT INTO changes (device_id) VALUES (OLD.device_id);
END;

CREATE TRIGGER devices_kind_updated AFTER UPDATE OF kind ON devices BEGIN
    DELETE FROM changes WHERE device_id = NEW.device_id;
    INSERT INTO changes (device_id) VALUES (NEW.device_id);
END;

CREATE TRIGGER profiles_inserted AFTER INSERT ON profiles BEGIN
    DELETE FROM profile_changes WHERE name = NEW.name;
    INSERT INTO profile_changes (name) VALUES (NEW.name);
END;
CREATE TRIGGER profiles_updated AFTER UPDATE ON profiles BEGIN
    DELETE FROM profile_changes WHERE name IN (OLD.name, NEW.name);
    INSERT INTO profile_changes (name) SELECT OLD.name UNION SELECT NEW.name;
END;
CREATE TRIGGER profiles_deleted AFTER DELETE ON profiles BEGIN
    DELETE FROM profile_changes WHERE name = OLD.name;
    INSERT INTO profile_changes (name) VALUES (OLD.name);
END;
)sql";

constexpr const char* migrations[] = {version_1, version_2};

}  // namespace

const Schema device_schema{.application_id = 0x44425231, .migrations = migrations};  // "DBR1"

}  // namespace drawbridge::storage
