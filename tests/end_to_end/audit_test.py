"""The answers to "why?": what was refused, what ended, what was changed."""
import getpass
import os
import time

import pytest

import broker_process
from mqtt_client import V5, V311, Client, Will

WRONG = "sk_live_" + "A" * 43


def why(broker, device_id, *options):
    return broker.ask("device", "why", device_id, *options)


def newest(broker, device_id):
    return why(broker, device_id, "--limit", "1")[0]


def connected(broker, device, version=V311, **changes):
    return Client(broker, device, version).connected(**changes)


def refused(broker, device, **changes):
    with Client(broker, device) as client:
        assert client.connect(**changes)[1] != 0


def test_a_wrong_key_is_told_at_once_with_time_and_address(broker):
    device = broker.add_device()
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    refused(broker, device, password=WRONG)
    told = newest(broker, device.id)
    assert told["at"] >= before
    assert told["event"] == "connect_refused"
    assert told["device_id"] == told["client_id"] == device.id
    assert told["address"].startswith("127.0.0.1:")
    assert told["why"] == "the API key is not one of this device's"
    assert told["times"] == 1
    text = broker.run("device", "why", device.id).stdout
    assert "connect_refused" in text and "not one of this device's" in text


def test_the_same_refusal_again_is_counted(broker):
    device = broker.add_device()
    for _ in range(5):
        refused(broker, device, password=WRONG)
    assert newest(broker, device.id)["times"] == 5
    assert "(5 times since" in broker.run("device", "why", device.id).stdout


def test_a_disabled_device_a_duplicate_and_a_wrong_client_id_are_told(broker):
    device, other = broker.add_device(), broker.add_device()
    with connected(broker, device):
        refused(broker, device)
        assert "duplicate client id" in newest(broker, device.id)["why"]
    refused(broker, device, client_id=other.id)
    assert newest(broker, device.id)["why"] == "the client id is not one of profile core"
    broker.ask("device", "disable", device.id)
    refused(broker, device)
    assert newest(broker, device.id)["why"] == "the device is disabled"


def test_denied_topics_are_told_with_the_rule_and_logged_once(broker):
    device = broker.add_device()
    with connected(broker, device, V5) as client:
        for _ in range(100):
            client.publish("devices/other/telemetry", b"x", qos=1)
            client.publish(f"devices/{device.id}/telemetry", b"x", qos=1)
        client.subscribe("devices/#")
        publish, subscribe = [
            next(row for row in why(broker, device.id) if row["event"] == event)
            for event in ("publish_refused", "subscribe_refused")
        ]
        client.disconnect()
    assert publish["subject"] == "devices/other/telemetry"
    assert publish["times"] == 1
    assert subscribe["subject"] == "devices/#"
    for told in (publish, subscribe):
        assert "no rule of profile core or of the device allows it" in told["why"]
    lines = [line for line in broker.log if device.id in line and "may not publish" in line]
    assert len(lines) == 1
    assert "devices/other/telemetry: denied: no rule" in lines[0]


def test_a_denied_will_is_told(broker):
    device = broker.add_device()
    client = connected(broker, device, will=Will("devices/other/telemetry", b"x", 0, False))
    client.close()
    end = time.monotonic() + 5
    while "will_refused" not in [row["event"] for row in why(broker, device.id)]:
        assert time.monotonic() < end


def ended(broker, device, reason):
    """The broker has noticed the end, and told why."""
    end = time.monotonic() + 5
    while True:
        told = [row for row in why(broker, device.id) if row["event"] == "disconnected"]
        if told:
            break
        assert time.monotonic() < end, "no end is told"
    assert reason in told[0]["why"]
    assert len(told) == 1


@pytest.mark.parametrize(
    "end, reason",
    [
        (lambda broker, device, client: client.disconnect(), "by the client"),
        (lambda broker, device, client: client.close(), "lost"),
        (lambda broker, device, client: client.send(b"\x00\x00"), "malformed packet (MQTT"),
        (lambda broker, device, client: broker.ask("client", "kick", device.id), "client kick"),
        (
            lambda broker, device, client: broker.ask("key", "revoke", device.id, device.key_id),
            "disabled or removed, or",
        ),
        (lambda broker, device, client: broker.ask("device", "remove", device.id), "removed"),
    ],
    ids=["disconnect", "lost", "broken rule", "kicked", "revoked", "removed"],
)
def test_each_end_of_a_connection_is_told(broker, end, reason):
    device = broker.add_device()
    with connected(broker, device) as client:
        end(broker, device, client)
        ended(broker, device, reason)


def test_keep_alive_and_shutdown_are_told_and_read_with_the_broker_stopped(tmp_path):
    with broker_process.running(tmp_path) as broker:
        silent, last = broker.add_device(), broker.add_device()
        with connected(broker, silent, keep_alive=1):
            ended(broker, silent, "keep-alive")
        client = connected(broker, last)
    with client:
        assert newest(broker, last.id)["why"] == "the broker stops"


def test_what_was_refused_to_a_name_that_no_device_has(broker):
    device = broker.add_device(name="gateway")
    typo = device.id.replace("gateway", "gatevay")
    refused(broker, device, client_id=typo, username=typo)
    done = broker.run("device", "why", typo)
    assert done.returncode == 0
    assert f"there is no device {typo}" in done.stdout
    assert f"did you mean {device.id}?" in done.stderr
    unheard = broker.run("device", "why", "gatevay-none")
    assert unheard.returncode == 1
    assert "nobody has tried to connect under this name" in unheard.stderr


def test_a_removed_device_is_still_told_of(broker):
    device = broker.add_device()
    refused(broker, device, password=WRONG)
    broker.ask("device", "remove", device.id)
    assert [row["event"] for row in why(broker, device.id)] == [
        "changed",
        "connect_refused",
        "changed",
    ]


def test_administrative_changes_say_who_did_what(broker):
    device = broker.add_device()
    key = broker.ask("key", "add", device.id)["key_id"]
    broker.ask("key", "revoke", device.id, key)
    broker.ask("device", "disable", device.id)
    broker.ask("device", "enable", device.id)
    rows = broker.ask("audit", "list", "--device", device.id, "--event", "changed")
    assert [(row["subject"], row["why"]) for row in reversed(rows)] == [
        ("device added", "profile core"),
        ("key added", key),
        ("key revoked", key),
        ("device disabled", None),
        ("device enabled", None),
    ]
    assert rows[0]["actor"].startswith(f"{getpass.getuser()} (uid {os.getuid()})")


def test_a_change_that_was_refused_is_not_in_the_audit(broker):
    assert broker.run("device", "disable", "nobody-1").returncode == 1
    assert broker.ask("audit", "list", "--device", "nobody-1") == []


def test_the_audit_is_asked_by_time_device_and_event(broker):
    device = broker.add_device()
    refused(broker, device, password=WRONG)
    everything = broker.ask("audit", "list", "--limit", "100000")
    mine = broker.ask("audit", "list", "--device", device.id)
    assert [row["event"] for row in mine] == ["connect_refused", "changed"]
    assert all(row in everything for row in mine)
    assert broker.ask("audit", "list", "--device", device.id, "--since", "1h") == mine
    assert broker.ask("audit", "list", "--since", "0s") == []
    only = broker.ask("audit", "list", "--event", "connect_refused", "--limit", "1")
    assert only == mine[:1]
    assert broker.run("audit", "list", "--since", "yesterday").returncode == 2
    assert broker.run("audit", "list", "--event", "birthday").returncode == 2


def test_what_a_stranger_says_does_not_command_the_terminal(broker):
    with Client(broker) as client:
        client.connect(client_id="a\x1b[2J\nb", username="a\x1b[2J\nb", password=WRONG)
    text = broker.run("audit", "list", "--event", "connect_refused", "--limit", "1").stdout
    assert "\x1b" not in text
    assert "a?[2J?b" in text


def test_who_does_not_speak_mqtt_is_told_of_by_its_address(broker):
    with Client(broker) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        client.packets_until_closed()
    told = broker.ask("audit", "list", "--event", "connect_refused", "--limit", "1")[0]
    assert told["device_id"] is None
    assert told["address"].startswith("127.0.0.1:")
    assert "HTTP" in told["why"]
