"""What happens to the files: backup beside a running broker, restore, damage and salvage."""
import random
import shutil
import sqlite3
import stat
import threading

import pytest

from broker_process import Broker, running
from commands_test import sentence
from mqtt_client import Client
from starting_test import refused


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def made(directory):
    directory.mkdir()
    return directory


def ids(broker):
    return set(broker.ask("device", "list", "--ids"))


def overwrite(path, offset, content):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def fill(data, count):
    """Some pages of devices, as a command would add them; the broker is stopped."""
    with sqlite3.connect(data / "drawbridge.db") as database:
        database.executemany(
            "INSERT INTO devices (device_id, profile, created_at) VALUES (?, 'core', 1)",
            [(f"fill-{i:06}",) for i in range(count)],
        )
    database.close()


@pytest.fixture
def stopped(tmp_path):
    """A broker that ran and was stopped, with a device that is known to work."""
    broker = Broker(tmp_path).start()
    broker.device = broker.add_device()
    assert broker.stop() == 0
    return broker


def connects(broker, device):
    with Client(broker, device) as client:
        return client.connect()[1] == 0


def test_a_backup_is_made_while_the_broker_runs_and_makes_the_same_broker(tmp_path):
    file = tmp_path / "backup"
    with running(made(tmp_path / "a")) as broker:
        device = broker.add_device()
        broker.ask("psk", "set", device.id)
        psk = broker.ask("psk", "show", device.id)["psk"]
        told = broker.ask("backup", str(file))
        assert told["bytes"] == file.stat().st_size
        names = {one["name"] for one in told["files"]}
        assert names >= {"drawbridge.db", "messages.db", "secret.key", "tls/ca.crt", "tls/server.key"}
        assert mode(file) == 0o600
        assert list(tmp_path.glob("backup*")) == [file]
        ca = broker.ca_file.read_bytes()

    other = Broker(made(tmp_path / "b"))
    restored = other.ask("restore", str(file))
    assert restored["replaced"] is None
    assert mode(other.data / "secret.key") == 0o600
    assert mode(other.data / "tls" / "server.key") == 0o600
    other.start()
    assert connects(other, device)
    assert other.ask("psk", "show", device.id)["psk"] == psk
    assert other.ca_file.read_bytes() == ca
    (row,) = other.ask("audit", "list", "--event", "changed", "--limit", "1")
    assert row["subject"] == "state restored" and str(file) in row["why"]
    assert other.stop() == 0


def test_retained_messages_are_in_a_backup(tmp_path):
    file = tmp_path / "backup"
    with running(made(tmp_path / "a")) as broker:
        device = broker.add_device("open")
        with Client(broker, device) as client:
            client.connected()
            client.publish("plant/state", b"kept", qos=1, retain=True)
            client.ping()
            broker.ask("backup", str(file))
            client.publish("plant/state", b"later", qos=1, retain=True)
            client.ping()
    with_backup = Broker(made(tmp_path / "b"))
    with_backup.ask("restore", str(file))
    with running_again(with_backup), Client(with_backup, device) as client:
        client.connected()
        client.subscribe("plant/#")
        assert client.message().payload == b"kept"


def test_backups_under_load_are_whole_and_of_one_moment(tmp_path):
    """While devices are added, each backup has all of those that were there when it began, and each
    with its key."""
    with running(tmp_path) as broker:
        stop = threading.Event()
        added = []

        def add(thread):
            while not stop.is_set():
                added.append(broker.add_device(name=f"load{thread}").id)

        threads = [threading.Thread(target=add, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        backups = []
        try:
            for i in range(5):
                before = set(added)
                file = tmp_path / f"backup-{i}"
                broker.ask("backup", str(file))
                backups.append((file, before))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert len(added) > 5
    for i, (file, before) in enumerate(backups):
        other = Broker(made(tmp_path / f"other-{i}"))
        other.ask("restore", str(file))
        assert ids(other) >= before
        with sqlite3.connect(other.data / "drawbridge.db") as database:
            without = "SELECT count(*) FROM devices WHERE device_id NOT IN (SELECT device_id FROM api_keys)"
            assert database.execute(without).fetchone() == (0,)
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()


def test_a_backup_does_not_replace_a_file_unless_told_to(stopped, tmp_path):
    file = tmp_path / "backup"
    file.write_text("precious")
    assert "is there already" in sentence(stopped.run("backup", str(file)))
    assert file.read_text() == "precious"
    assert stopped.run("backup", str(file), "--force").returncode == 0
    assert file.stat().st_size > 10000 and mode(file) == 0o600
    assert "is a directory" in sentence(stopped.run("backup", str(tmp_path), "--force"))
    assert "cannot be made" in sentence(stopped.run("backup", str(tmp_path / "none" / "file")))


def test_there_is_nothing_to_back_up_without_a_database(tmp_path):
    broker = Broker(tmp_path)
    assert "--data" in sentence(broker.run("backup", str(tmp_path / "backup")))
    assert not broker.data.exists() and not (tmp_path / "backup").exists()


def test_a_restore_puts_the_old_state_back_and_keeps_what_was_there(stopped, tmp_path):
    file = tmp_path / "backup"
    stopped.ask("backup", str(file))
    stopped.ask("device", "add", "later")
    stopped.ask("device", "disable", stopped.device.id)
    restored = stopped.ask("restore", str(file))
    assert ids(stopped) == {stopped.device.id}
    replaced = stopped.data / restored["replaced"]
    assert mode(replaced) == 0o700
    with sqlite3.connect(replaced / "drawbridge.db") as database:
        found = database.execute("SELECT device_id FROM devices ORDER BY 1").fetchall()
    database.close()
    assert ("later",) in found
    assert (replaced / "secret.key").exists() and (replaced / "tls" / "ca.crt").exists()
    with running_again(stopped):
        assert connects(stopped, stopped.device)
    said = stopped.run("restore", str(file)).stdout
    assert "replaced-" in said and "serve" in said


class running_again:
    def __init__(self, broker):
        self.broker = broker

    def __enter__(self):
        return self.broker.start()

    def __exit__(self, *_):
        assert self.broker.stop() == 0


def test_a_restore_under_a_running_broker_is_refused(broker, tmp_path):
    file = tmp_path / "backup"
    device = broker.add_device()
    broker.ask("backup", str(file))
    text = sentence(broker.run("restore", str(file)))
    assert "stop it" in text and "start it" in text
    assert connects(broker, device)


def test_what_is_no_good_backup_is_refused_and_nothing_changes(stopped, tmp_path):
    file = tmp_path / "backup"
    stopped.ask("backup", str(file))
    before = {path: path.read_bytes() for path in stopped.data.rglob("*") if path.is_file()}
    assert "there is no file" in sentence(stopped.run("restore", str(tmp_path / "none")))
    stopped.config.write_text(stopped.config.read_text())
    assert "is not a backup" in sentence(stopped.run("restore", str(stopped.config)))

    whole = file.read_bytes()
    for change, words in [
        ("UPDATE piece SET data = zeroblob(10) WHERE file = 'drawbridge.db'", "piece 0 of drawbridge.db"),
        ("UPDATE file SET name = '../x' WHERE name = 'secret.key'", "does not know"),
        ("DELETE FROM file WHERE name = 'drawbridge.db'", "holds no drawbridge.db"),
        ("PRAGMA user_version = 2", "newer Drawbridge"),
    ]:
        file.write_bytes(whole)
        database = sqlite3.connect(file)
        database.execute(change)
        database.commit()
        database.close()
        assert words in sentence(stopped.run("restore", str(file)))
    file.write_bytes(whole[: len(whole) // 2])
    sentence(stopped.run("restore", str(file)))
    after = {path: path.read_bytes() for path in stopped.data.rglob("*") if path.is_file()}
    assert {p: c for p, c in after.items() if p.name != "drawbridge.lock"} == {
        p: c for p, c in before.items() if p.name != "drawbridge.lock"
    }


def test_a_restore_that_was_interrupted_is_completed_by_the_next_start(stopped, tmp_path):
    """And nobody makes an empty database meanwhile."""
    (stopped.data / "replaced-x").mkdir()
    (stopped.data / "restoring").mkdir()
    shutil.copy(stopped.data / "drawbridge.db", stopped.data / "restoring")
    (stopped.data / "drawbridge.db").rename(stopped.data / "replaced-x" / "drawbridge.db")
    (stopped.data / "swap.pending").write_text(
        "drawbridge.db\trestoring/drawbridge.db\treplaced-x/drawbridge.db\n"
    )
    assert "drawbridge serve completes it" in sentence(stopped.run("device", "list"))
    assert not (stopped.data / "drawbridge.db").exists()
    with running_again(stopped):
        stopped.wait_for_log("it is done now")
        assert connects(stopped, stopped.device)
    assert not (stopped.data / "swap.pending").exists()


def test_a_damaged_database_is_refused_and_not_touched(stopped):
    """By the broker, by commands, and by a backup."""
    database = stopped.data / "drawbridge.db"
    whole = database.read_bytes()
    overwrite(database, 0, bytes(4096))
    damaged = database.read_bytes()
    stopped.log.clear()
    said = refused(stopped)
    assert "drawbridge.db is damaged" in said and "serve --salvage" in said and "restore" in said
    assert "serve --salvage" in sentence(stopped.run("device", "list"))
    assert "serve --salvage" in sentence(stopped.run("backup", str(stopped.directory / "backup")))
    assert not (stopped.directory / "backup").exists()
    assert database.read_bytes() == damaged
    database.write_bytes(whole)
    with running_again(stopped):
        assert connects(stopped, stopped.device)


def test_damage_is_found_at_the_start_after_an_end_that_was_not_clean(stopped):
    fill(stopped.data, 3000)
    database = stopped.data / "drawbridge.db"
    stopped.start()
    stopped.add_device()
    stopped.kill()
    assert (stopped.data / "drawbridge.db-wal").stat().st_size > 0
    log = (stopped.data / "drawbridge.db-wal").read_bytes()
    overwrite(database, database.stat().st_size // 4096 // 2 * 4096, bytes(4096))
    damaged = database.read_bytes()
    stopped.log.clear()
    assert "serve --salvage" in refused(stopped)
    assert database.read_bytes() == damaged
    assert (stopped.data / "drawbridge.db-wal").read_bytes() == log


def serve_with_salvage(broker):
    plain = broker.command_line
    broker.command_line = lambda *a: plain(*a, *(["--salvage"] if a == ("serve",) else []))
    broker.log.clear()
    return broker


def test_salvage_keeps_what_is_readable_and_the_original(stopped):
    fill(stopped.data, 3000)
    database = stopped.data / "drawbridge.db"
    root = sqlite3.connect(database)
    pages = [
        row[0]
        for row in root.execute(
            "SELECT pageno FROM dbstat WHERE name = 'devices' AND pagetype = 'leaf' ORDER BY path"
        )
    ] if has_dbstat(root) else [database.stat().st_size // 4096 - 3]
    root.close()
    lost = pages[len(pages) // 2]
    overwrite(database, (lost - 1) * 4096, random.randbytes(4096))
    damaged = database.read_bytes()
    with running_again(serve_with_salvage(stopped)):
        stopped.wait_for_log("drawbridge.db was damaged")
        (kept,) = stopped.data.glob("drawbridge.db.damaged-*Z")
        assert kept.read_bytes() == damaged
        found = ids(stopped)
        assert 2000 < len(found) <= 3001
        if stopped.device.id in found:
            assert connects(stopped, stopped.device)


def has_dbstat(database):
    try:
        database.execute("SELECT 1 FROM dbstat LIMIT 1").fetchone()
        return True
    except sqlite3.OperationalError:
        return False


def test_salvage_of_what_is_whole_says_so_and_serves(stopped):
    with running_again(serve_with_salvage(stopped)):
        stopped.wait_for_log("drawbridge.db is not damaged")
        assert connects(stopped, stopped.device)
    assert not list(stopped.data.glob("*damaged*"))


def test_damage_that_shows_while_the_broker_runs_says_what_to_do(stopped):
    """Its devices are refused with a reason for the operator, and the broker goes on."""
    fill(stopped.data, 3000)
    database = stopped.data / "drawbridge.db"
    with running_again(stopped):
        size = database.stat().st_size
        connection = sqlite3.connect(database)
        root = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'devices'"
        ).fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        assert root * 4096 <= size
        overwrite(database, (root - 1) * 4096, bytes(4096))
        stopped.run("device", "add", "shake")  # whoever writes makes the others look again
        with Client(stopped, stopped.device) as client:
            client.connect()
        stopped.wait_for_log("serve --salvage")
