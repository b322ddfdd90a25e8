"""The disk that forgets (volatile_disk.so, power_cut): what SQLite calls safe survives a power failure
on it, and what SQLite does not call safe does not. So a broker that passes on it has synchronised
what it acknowledged.
"""
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).resolve().parents[2] / "build-test" / "tests" / "crash"
SEED = int(os.environ.get("DRAWBRIDGE_CRASH_SEED", random.randrange(10**6)))
POWER_CUTS = 15

# Commits one row after the other, and tells each number once it is committed.
WRITER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode=" + sys.argv[2])
database.execute("PRAGMA synchronous=" + sys.argv[3])
database.execute("PRAGMA wal_autocheckpoint=50")
database.execute("CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, text TEXT)")
first = database.execute("SELECT coalesce(max(number), 0) FROM rows").fetchone()[0] + 1
for number in range(first, first + 100_000):
    database.execute("INSERT INTO rows VALUES (?, ?)", (number, "x" * (number % 700)))
    print(number, flush=True)
"""


def power_cut(*words):
    subprocess.run([PROGRAMS / "power_cut", *map(str, words)], check=True)


def acknowledged_before_the_cut(file, journal, sync, shadow, chance):
    """Runs the writer until the power fails; returns the rows that it had told to be safe."""
    environment = {
        **os.environ,
        "LD_PRELOAD": str(PROGRAMS / "volatile_disk.so"),
        "VOLATILE_DISK": str(file.parent),
        "VOLATILE_DISK_SHADOW": str(shadow),
        "VOLATILE_DISK_SEED": str(chance.randrange(10**9)),
    }
    command = [sys.executable, "-c", WRITER, str(file), journal, sync]
    writer = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    first = writer.stdout.readline()
    time.sleep(chance.uniform(0, 0.08))
    writer.kill()
    rest = writer.stdout.read().splitlines()
    writer.wait()
    return [int(line) for line in [first, *rest] if line.strip()]


def losses(directory, journal, sync):
    """How many power failures lost an acknowledged row, and how many left a broken database."""
    print("seed", SEED)
    chance = random.Random(SEED)
    data, shadow = directory / "data", directory / "shadow"
    data.mkdir()
    file = data / "rows.db"
    lost = broken = 0
    safe = set()
    for _ in range(POWER_CUTS):
        power_cut("begin", data, shadow)
        safe.update(acknowledged_before_the_cut(file, journal, sync, shadow, chance))
        power_cut("cut", data, shadow, chance.randrange(10**9))
        try:
            database = sqlite3.connect(file)
            assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            there = {row[0] for row in database.execute("SELECT number FROM rows")}
            database.close()
        except (sqlite3.Error, AssertionError):
            broken += 1
            there = set()
            for part in data.iterdir():
                part.unlink()
        if safe - there:
            lost += 1
        safe = there
    return lost, broken


@pytest.mark.parametrize("journal, sync", [("WAL", "FULL"), ("DELETE", "EXTRA")])
def test_synchronised_rows_stay(tmp_path, journal, sync):
    """what SQLite has synchronised is there after each power failure. (With a rollback journal that
    takes EXTRA: FULL does not synchronise the directory once the journal is removed.)"""
    assert losses(tmp_path, journal, sync) == (0, 0)


def test_rows_in_a_log_that_is_not_synchronised_go(tmp_path):
    """commits that are not synchronised are lost, but a write-ahead log leaves no broken database."""
    lost, broken = losses(tmp_path, "WAL", "NORMAL")
    assert lost > 0
    assert broken == 0


def test_a_database_that_is_never_synchronised_breaks(tmp_path):
    """without synchronisation rows are lost, and the database may be broken."""
    lost, _ = losses(tmp_path, "DELETE", "OFF")
    assert lost > 0
