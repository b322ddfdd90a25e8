"""The command line: what scripts rely on. Documents, exit statuses, sentences."""
import json
import re

import pytest

import broker_process
from mqtt_client import V5, Client

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module", params=["running", "stopped"])
def either_broker(request, broker, tmp_path_factory):
    """The commands on devices work with the broker running and stopped."""
    if request.param == "running":
        return broker
    with broker_process.running(tmp_path_factory.mktemp("stopped")) as stopped:
        pass
    return stopped


def sentence(done, status=1):
    """The one sentence of a command that failed."""
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert lines, "a sentence says what is wrong"
    assert not re.search(r"terminate called|what\(\)|0x[0-9a-f]{6}|\.cpp:\d", done.stderr), done.stderr
    if status == 1:
        assert len(lines) == 1, done.stderr
    return done.stderr


def test_a_device_is_added_shown_and_removed(either_broker):
    ask = either_broker.ask
    added = ask("device", "add", "pump-7", "--tenant", "acme", "--name", "the pump")
    assert (added["device_id"], added["tenant"], added["profile"]) == ("pump-7", "acme", "core")
    assert re.fullmatch(r"sk_live_[A-Za-z0-9_-]{43}", added["api_key"])
    assert added["key_id"]

    shown = ask("device", "show", "pump-7")
    assert shown["enabled"] is True and shown["connected"] is False
    assert shown["presence"] in ("online", "offline", "unknown")
    assert added["api_key"] not in json.dumps(shown), "a key is shown once"
    assert "pump-7" in [device["device_id"] for device in ask("device", "list")]

    ask("device", "disable", "pump-7")
    assert ask("device", "show", "pump-7")["enabled"] is False
    ask("device", "enable", "pump-7")
    assert ask("device", "show", "pump-7")["enabled"] is True
    ask("device", "remove", "pump-7")
    assert "pump-7" not in [device["device_id"] for device in ask("device", "list")]
    sentence(either_broker.run("device", "show", "pump-7"))


def test_keys_are_added_listed_and_revoked(either_broker):
    ask = either_broker.ask
    ask("device", "add", "keys-1", "--no-key")
    assert ask("key", "list", "keys-1") == []
    lasting = ask("key", "add", "keys-1", "--label", "factory")
    short = ask("key", "add", "keys-1", "--expires", "90d")
    assert lasting["expires_at"] is None
    assert TIME.fullmatch(short["expires_at"])
    listed = ask("key", "list", "keys-1")
    assert {key["key_id"] for key in listed} == {lasting["key_id"], short["key_id"]}
    assert lasting["api_key"] not in json.dumps(listed)
    ask("key", "revoke", "keys-1", short["key_id"])
    assert [key["key_id"] for key in ask("key", "list", "keys-1")] == [lasting["key_id"]]
    sentence(either_broker.run("key", "revoke", "keys-1", short["key_id"]))
    ask("device", "remove", "keys-1")


def test_the_rule_that_decides_is_named(either_broker):
    either_broker.ask("device", "add", "can-1")
    topic = "devices/can-1/telemetry"
    done = either_broker.run("--json", "device", "can", "can-1", "publish", topic)
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and answer["allowed"] is True and "core" in answer["rule"]
    done = either_broker.run("--json", "device", "can", "can-1", "subscribe", topic)
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and answer["allowed"] is False and answer["rule"]
    either_broker.ask("device", "remove", "can-1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["device", "add", "a/b"],
        ["device", "add", "plus+"],
        ["device", "add", "x" * 129],
        ["device", "add", "ok", "--profile", "nonsense"],
        ["device", "show", "nobody"],
        ["device", "remove", "nobody"],
        ["device", "enable", "nobody"],
        ["key", "add", "nobody"],
        ["key", "list", "nobody"],
        ["device", "can", "nobody", "publish", "a"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_said_in_one_sentence(either_broker, arguments):
    sentence(either_broker.run(*arguments))


def test_a_device_is_added_once(either_broker):
    either_broker.ask("device", "add", "twin")
    assert "twin" in sentence(either_broker.run("device", "add", "twin"))
    either_broker.ask("device", "remove", "twin")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["device"],
        ["device", "add"],
        ["device", "add", "a", "b"],
        ["device", "list", "--nonsense"],
        ["device", "can", "a", "eat", "b"],
        ["key", "add", "a", "--expires", "soon"],
        ["config"],
        ["client", "kick"],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_wrong_usage_is_exit_status_2(broker, arguments):
    sentence(broker.run(*arguments), status=2)


def test_help_and_version_go_to_stdout(broker):
    done = broker.run("--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)
    done = broker.run("--help")
    assert done.returncode == 0
    for command in ("serve", "device", "key", "client", "config", "status"):
        assert command in done.stdout
    assert broker.run("device", "--help").returncode == 0


def test_people_get_text_and_the_first_steps(broker):
    done = broker.run("device", "add", "human-1")
    assert done.returncode == 0
    assert "sk_live_" in done.stdout and "mosquitto_pub" in done.stdout
    assert "human-1" in broker.run("device", "list").stdout
    assert "core" in broker.run("device", "show", "human-1").stdout


def test_live_connections_are_listed(broker):
    device = broker.add_device()
    assert broker.ask("device", "show", device.id)["connected"] is False
    with Client(broker, device, V5) as client:
        client.connected()
        (found,) = [c for c in broker.ask("client", "list") if c["client_id"] == device.id]
        assert found["identity"] == device.id
        assert found["address"].startswith("127.0.0.1")
        assert TIME.fullmatch(found["connected_at"])
        assert found["protocol"]
        assert broker.ask("device", "show", device.id)["connected"] is True
        client.disconnect()
    sentence(broker.run("client", "kick", "nobody"))


def test_status_counts(broker):
    before = broker.ask("status")
    device = broker.add_device("open")
    with Client(broker, device) as client:
        client.connected()
        client.subscribe("counted")
        for _ in range(10):
            client.publish("counted", b"x", 1)
        client.messages(10)
        after = broker.ask("status")
        assert after["connections"] == before["connections"] + 1
        assert after["messages_in"] >= before["messages_in"] + 10
        assert after["messages_out"] >= before["messages_out"] + 10
        assert after["uptime_s"] >= before["uptime_s"]
        assert after["version"] in broker.run("--version").stdout
    assert broker.run("status").stdout.strip()


@pytest.mark.parametrize("arguments", [["status"], ["client", "list"], ["client", "kick", "x"]])
def test_without_a_running_broker_that_is_said(tmp_path, arguments):
    sentence(broker_process.Broker(tmp_path).run(*arguments))


def test_config_check_and_show(tmp_path):
    broker = broker_process.Broker(tmp_path, limits={"max_inflight": 7})
    assert broker.run("config", "check").returncode == 0
    assert broker.ask("config", "check")["ok"] is True
    shown = broker.ask("config", "show")
    assert shown["limits"]["max_inflight"] == 7
    assert shown["limits"]["max_topic_alias"] == 64
    assert [listener["port"] for listener in shown["listener"]] == [broker.port, broker.tls_port]

    broker.config.write_text(broker.run("config", "show").stdout)  # what is shown can be read back
    assert broker.ask("config", "show") == shown

    broker.config.write_text("[limits]\nmax_inflight = 0\nmax_inflght = 1\n")
    done = broker.run("config", "check")
    assert done.returncode == 1
    assert f"{broker.config}:2: [limits] max_inflight" in done.stderr
    assert f"{broker.config}:3: [limits] max_inflght" in done.stderr
    done = broker.run("--json", "config", "check")
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["errors"]) == 2
