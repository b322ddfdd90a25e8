"""Fleets as files: import all or nothing, export, and back. CSV and JSON lines."""
import csv
import io
import json
import subprocess

import pytest

import broker_process
from mqtt_client import V5, Client
from commands_test import either_broker, sentence  # noqa: F401 (a fixture)


@pytest.fixture
def other(tmp_path):
    """A data directory without a broker, and with nothing in it."""
    return broker_process.Broker(tmp_path)


def import_text(broker, text, *arguments, name="fleet.txt"):
    """Imports a file with this text; returns the finished process."""
    file = broker.directory / name
    file.write_text(text)
    return broker.run(*arguments, "device", "import", str(file))


def ids(broker, pattern):
    return broker.ask("device", "list", pattern, "--ids")


def remove(broker, pattern):
    for device_id in ids(broker, pattern):
        broker.ask("device", "remove", device_id)


def test_a_fleet_comes_from_csv(either_broker):
    text = (
        "device_id,tenant,profile,name,enabled,channels\r\n"
        'csv-1,acme,open,"Pump ""7"", left",TRUE,a;b\r\n'
        "\r\n"
        "csv-2,,,,no,\r\n"
    )
    done = import_text(either_broker, text, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"added": 2, "changed": 0, "unchanged": 0}
    shown = either_broker.ask("device", "show", "csv-1")
    assert (shown["tenant"], shown["profile"], shown["name"]) == ("acme", "open", 'Pump "7", left')
    assert shown["enabled"] is True and shown["channels"] == ["a", "b"] and shown["keys"] == []
    shown = either_broker.ask("device", "show", "csv-2")
    assert (shown["tenant"], shown["profile"], shown["enabled"]) == ("", "core", False)
    remove(either_broker, "csv-*")


def test_a_fleet_comes_from_json_lines(either_broker):
    lines = [
        {"device_id": "jsonl-1", "name": "Füllstand", "channels": ["a"]},
        {"device_id": "jsonl-2", "rules": [{"effect": "deny", "operation": "publish", "filter": "x"}]},
        {"device_id": "jsonl-3", "kind": "service"},
    ]
    done = import_text(either_broker, "\n".join(map(json.dumps, lines)))
    assert done.returncode == 0 and done.stdout == "3 added.\n", done.stderr
    assert either_broker.ask("device", "show", "jsonl-1")["name"] == "Füllstand"
    assert either_broker.ask("acl", "list", "jsonl-2")[0]["filter"] == "x"
    assert either_broker.ask("service", "show", "jsonl-3")["profile"] == "service"
    either_broker.ask("service", "remove", "jsonl-3")
    remove(either_broker, "jsonl-*")


def test_a_bad_line_is_named_and_nothing_is_changed(either_broker):
    either_broker.ask("device", "add", "bad-0", "--no-key")
    text = (
        "device_id,profile,enabled,api_key\n"  # 1
        "bad-1,core,true,\n"
        "bad/2,core,true,\n"
        "bad-3,nonsense,true,\n"  # 4
        "bad-4,core,perhaps,\n"
        "bad-5,core\n"
        "bad-1,core,true,\n"  # 7
        "bad-0,core,true,\n"
        "bad-8,core,true,sk_live_short\n"
    )
    done = import_text(either_broker, text)
    assert done.returncode == 1 and done.stdout == ""
    first, *lines = done.stderr.splitlines()
    assert "nothing is imported" in first and "7 lines" in first
    expected = [
        (3, "cannot be a device id"),
        (4, "no profile nonsense"),
        (5, "true or false"),
        (6, "2 fields"),
        (7, "in line 2 already"),
        (8, "--update"),
        (9, "no API key"),
    ]
    assert len(lines) == len(expected)
    for line, (number, reason) in zip(lines, expected):
        assert line.strip().startswith(f"line {number}:") and reason in line, line
    assert ids(either_broker, "bad-*") == ["bad-0"]
    remove(either_broker, "bad-*")


def test_of_many_bad_lines_twenty_are_named(either_broker):
    done = import_text(either_broker, "device_id\n" + "a/b\n" * 50)
    assert done.returncode == 1
    assert done.stderr.count("line ") == 20 and "and 30 more" in done.stderr


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("name\nx\n", "no column device_id"),
        ("device_id,colour\na,red\n", "no column 'colour'"),
        ("[{}]", "JSON array"),
        ("{", "no JSON"),
        ("\0\1\2", "no column"),
        ("x" * 3_000_000, "longer than"),
    ],
    ids=["nothing", "blank", "no id", "unknown column", "array", "half", "binary", "endless"],
)
def test_what_is_no_fleet_is_refused(either_broker, text, reason):
    done = import_text(either_broker, text)
    assert done.returncode == 1 and reason in done.stderr, done.stderr[:1000]
    assert len(done.stderr) < 2_000


def test_a_file_that_is_not_there_is_said_in_one_sentence(either_broker):
    assert "No such file" in sentence(either_broker.run("device", "import", "/nowhere/fleet.csv"))
    sentence(either_broker.run("device", "import", "/tmp", "--format", "xml"), status=2)
    sentence(either_broker.run("device", "import"), status=2)


def test_an_import_changes_devices_only_if_it_is_told_to(either_broker):
    ask = either_broker.ask
    ask("device", "add", "update-1", "--tenant", "acme", "--name", "old", "--channel", "a")
    ask("device", "add", "update-2", "--tenant", "acme")
    text = "device_id,tenant,name,channels\nupdate-1,,new,b;c\nupdate-2,acme,,\nupdate-3,,,\n"
    file = either_broker.directory / "update.csv"
    file.write_text(text)
    assert "line 2" in either_broker.run("device", "import", str(file)).stderr
    done = ask("device", "import", str(file), "--update")
    assert done == {"added": 1, "changed": 1, "unchanged": 1}
    shown = ask("device", "show", "update-1")
    assert (shown["tenant"], shown["name"], shown["channels"]) == ("acme", "new", ["b", "c"])
    assert len(shown["keys"]) == 1
    assert ask("device", "import", str(file), "--update") == {
        "added": 0,
        "changed": 0,
        "unchanged": 3,
    }
    remove(either_broker, "update-*")


def test_keys_are_made_and_printed_once(broker):
    ask = broker.ask
    had = ask("device", "add", "make-0")
    file = broker.directory / "make.csv"
    file.write_text("device_id\nmake-0\nmake-1\nmake-2\n")
    done = broker.run("device", "import", str(file), "--update", "--make-keys")
    assert done.returncode == 0, done.stderr
    assert "2 added" in done.stderr and "2 keys made" in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["device_id"] for row in rows] == ["make-1", "make-2"]
    assert had["key_id"] == ask("key", "list", "make-0")[0]["key_id"]
    assert rows[0]["key_id"] == ask("key", "list", "make-1")[0]["key_id"]
    with Client(broker, broker_process.Device("make-1", rows[0]["api_key"], "")) as client:
        client.connected()
    again = ask("device", "import", str(file), "--update", "--make-keys")
    assert again == {"added": 0, "changed": 0, "unchanged": 3, "keys": []}
    remove(broker, "make-*")


def test_an_existing_key_is_taken_over(broker):
    key = "sk_live_" + "Taken0ve" + "r" * 35
    text = json.dumps(
        {"device_id": "taken-1", "api_key": key, "key_label": "old", "key_expires_at": "2100-01-01T00:00:00Z"}
    )
    assert import_text(broker, text).returncode == 0
    (listed,) = broker.ask("key", "list", "taken-1")
    assert (listed["key_id"], listed["label"]) == ("Taken0ve", "old")
    assert listed["expires_at"].startswith("2100-01-01T00:00:00")
    with Client(broker, broker_process.Device("taken-1", key, "")) as client:
        client.connected()
    done = import_text(broker, json.dumps({"device_id": "taken-2", "api_key": key}))
    assert "there is a key Taken0ve already, of taken-1" in done.stderr
    remove(broker, "taken-*")


def test_a_psk_comes_with_its_device(broker):
    """A PSK of a file is the device's, in plain from CSV; one that was sealed for another device is refused."""

    def update(text):
        file = broker.directory / "psks.txt"
        file.write_text(text)
        return broker.run("device", "import", str(file), "--update")

    digits = {f"psk-{n}": f"{n}" * 64 for n in (1, 2)}
    text = "device_id,psk\n" + "".join(f"{id},{psk}\n" for id, psk in digits.items())
    done = import_text(broker, text)
    assert done.returncode == 0, done.stderr
    first = broker.ask("psk", "show", "psk-1")
    assert first["psk"] == digits["psk-1"]
    with Client(broker, broker_process.Device("psk-1", digits["psk-1"], None), V5) as client:
        client.connected()
        done = update(text)
        assert "0 changed, 2 as they were" in done.stdout
        client.ping()
    done = update(text.replace("psk-1,1", "psk-1,3"))
    assert "1 changed, 1 as they were" in done.stdout
    assert broker.ask("psk", "show", "psk-1")["psk_id"] != first["psk_id"]

    exported = [d for d in broker.ask("device", "export", "--with-keys") if d["device_id"] in digits]
    exported[1]["sealed_psk"] = exported[0]["sealed_psk"]
    done = update("".join(json.dumps(d) + "\n" for d in exported))
    assert done.returncode == 1 and "line 2: sealed_psk does not open" in done.stderr
    remove(broker, "psk-*")


def test_what_is_exported_is_imported_elsewhere_as_it_was(broker, other):
    broker.ask("service", "add", "moved-0")
    moved = broker.ask("device", "add", "moved-1", "--tenant", "t", "--name", 'a,"b"', "--channel", "c")
    broker.ask("device", "disable", "moved-1")
    broker.ask("acl", "allow", "moved-1", "publish", "x/#")
    broker.ask("key", "add", "moved-1", "--label", "second", "--expires", "90d")
    psk = broker.ask("psk", "set", "moved-1")["psk"]
    exported = broker.run("device", "export", "--with-keys").stdout
    assert moved["api_key"] not in exported and moved["key_id"] in exported
    assert psk not in exported

    done = import_text(other, exported)
    assert done.returncode == 1 and "secret.key" in done.stderr
    (other.data / "secret.key").write_bytes((broker.data / "secret.key").read_bytes())
    (other.data / "secret.key").chmod(0o600)
    done = import_text(other, exported)
    assert done.returncode == 0, done.stderr
    assert other.run("device", "export", "--with-keys").stdout == exported
    assert other.ask("psk", "show", "moved-1") == broker.ask("psk", "show", "moved-1")
    for format in ("csv", "jsonl"):
        arguments = ("device", "export", "--format", format)
        assert other.run(*arguments).stdout == broker.run(*arguments).stdout
    assert "rules of their own" in broker.run("device", "export").stderr

    other.ask("device", "enable", "moved-1")
    with broker_process.started(other):
        device = broker_process.Device("moved-1", moved["api_key"], moved["key_id"])
        with Client(other, device, V5) as client:
            client.connected()
    broker.ask("service", "remove", "moved-0")
    remove(broker, "moved-*")


def test_an_export_has_no_secret_and_is_one_document_if_asked(either_broker):
    ask = either_broker.ask
    added = ask("device", "add", "export-1")
    for arguments in ([], ["--format", "jsonl"]):
        text = either_broker.run("device", "export", *arguments).stdout
        assert "export-1" in text and added["key_id"] not in text
    (found,) = [d for d in ask("device", "export") if d["device_id"] == "export-1"]
    assert found["kind"] == "device" and "keys" not in found
    sentence(either_broker.run("device", "export", "--with-keys", "--format", "csv"))
    remove(either_broker, "export-1")


def test_a_fleet_comes_from_stdin(other):
    done = subprocess.run(
        other.command_line("device", "import", "-", "--make-keys"),
        input='{"device_id":"stdin-1"}\n{"device_id":"stdin-2"}\n',
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    keys = [json.loads(line) for line in done.stdout.splitlines()]
    assert [key["device_id"] for key in keys] == ["stdin-1", "stdin-2"]
    assert all(key["api_key"].startswith("sk_live_") for key in keys)


def test_keys_that_cannot_be_printed_are_not_made(other):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            other.command_line("device", "import", "-", "--make-keys"),
            input="device_id\nfull-1\n",
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
        )
    assert done.returncode == 1 and "cannot be written" in done.stderr
    assert ids(other, "full-*") == []


def test_devices_get_in_while_a_fleet_is_imported(broker):
    """And a device that the import disables is gone soon after."""
    device = broker.add_device()
    last = broker.add_device(name="zz")
    rows = [f"import-{number},true" for number in range(20_000)] + [f"{last.id},false"]
    file = broker.directory / "many.csv"
    file.write_text("device_id,enabled\n" + "\n".join(rows) + "\n")
    with Client(broker, last) as disabled:
        disabled.connected()
        importing = subprocess.Popen(
            broker.command_line("device", "import", str(file), "--update"),
            stdout=subprocess.PIPE,
            text=True,
        )
        connected = 0
        while importing.poll() is None:
            with Client(broker, device) as client:
                client.connected()
                client.disconnect()
            connected += 1
        assert importing.returncode == 0
        assert connected > 3
        disabled.packets_until_closed(5)
