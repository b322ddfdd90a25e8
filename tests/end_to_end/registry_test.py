"""The commands that keep a fleet: keys, rules, services, channels, lists. With the broker running
and stopped; and what a live session feels of them."""
import json
import re
import time

import pytest

from mqtt_client import V5, V311, Client
from commands_test import TIME, either_broker, sentence  # noqa: F401 (a fixture)

GONE_WITHIN_S = 1


def test_a_key_is_rotated_and_the_old_one_gets_an_end(either_broker):
    ask = either_broker.ask
    old = ask("device", "add", "rotate-1")
    made = ask("key", "rotate", "rotate-1", "--label", "second", "--expires", "90d")
    assert re.fullmatch(r"sk_live_[A-Za-z0-9_-]{43}", made["api_key"])
    assert made["key_id"] == made["api_key"][8:16]
    assert TIME.fullmatch(made["expires_at"])
    (replaced,) = made["replaced"]
    assert replaced["key_id"] == old["key_id"] and TIME.fullmatch(replaced["expires_at"])
    assert made["forgotten"] == []
    listed = {key["key_id"]: key for key in ask("key", "list", "rotate-1")}
    assert listed[old["key_id"]]["expires_at"] == replaced["expires_at"] < made["expires_at"]
    assert listed[made["key_id"]]["label"] == "second"

    third = ask("key", "rotate", "rotate-1", "--key", made["key_id"], "--overlap", "0s")
    assert third["expires_at"] is None
    assert [key["key_id"] for key in third["replaced"]] == [made["key_id"]]
    fourth = ask("key", "rotate", "rotate-1")
    assert fourth["forgotten"] == [made["key_id"]]
    sentence(either_broker.run("key", "rotate", "rotate-1", "--key", "AbCd1234"))
    sentence(either_broker.run("key", "rotate", "rotate-1", "--overlap", "soon"), status=2)
    ask("device", "remove", "rotate-1")


def test_a_session_by_a_rotated_key_ends_when_the_overlap_is_over(broker):
    device = broker.add_device()
    with Client(broker, device, V5) as client:
        client.connected()
        begin = time.monotonic()
        made = broker.ask("key", "rotate", device.id, "--overlap", "2s")
        client.ping()  # the old key is still good
        client.packets_until_closed(2 + GONE_WITHIN_S)
        assert time.monotonic() - begin > 1.9
    with Client(broker, device) as client:
        assert client.connect() == (False, 4), "the old key is over"
    with Client(broker, device._replace(key=made["api_key"])) as client:
        client.connected()


def test_a_session_ends_at_once_without_an_overlap(broker):
    device = broker.add_device()
    with Client(broker, device) as client:
        client.connected()
        broker.ask("key", "rotate", device.id, "--overlap", "0s")
        client.packets_until_closed(GONE_WITHIN_S)


def test_a_devices_own_rules_are_listed_and_removed(either_broker):
    ask = either_broker.ask
    ask("device", "add", "rules-1", "--no-key")
    assert ask("acl", "list", "rules-1") == []
    allow = ask("acl", "allow", "rules-1", "publish", "plant/{device_id}/#")
    deny = ask("acl", "deny", "rules-1", "subscribe", "plant/secret")
    assert ask("acl", "list", "rules-1") == [
        {
            "rule": allow["rule"],
            "effect": "allow",
            "operation": "publish",
            "filter": "plant/{device_id}/#",
            "across_tenants": False,
        },
        {
            "rule": deny["rule"],
            "effect": "deny",
            "operation": "subscribe",
            "filter": "plant/secret",
            "across_tenants": False,
        },
    ]
    assert ask("device", "can", "rules-1", "publish", "plant/rules-1/x")["allowed"] is True
    assert "plant/secret" in either_broker.run("acl", "list", "rules-1").stdout
    ask("acl", "remove", "rules-1", str(allow["rule"]))
    assert [rule["rule"] for rule in ask("acl", "list", "rules-1")] == [deny["rule"]]
    sentence(either_broker.run("acl", "remove", "rules-1", str(allow["rule"])))
    sentence(either_broker.run("acl", "allow", "rules-1", "publish", "a/#/b"))
    sentence(either_broker.run("acl", "deny", "rules-1", "subscribe", "plant/secret"))
    sentence(either_broker.run("acl", "allow", "rules-1", "eat", "a"), status=2)
    sentence(either_broker.run("acl", "remove", "rules-1", "first"), status=2)
    ask("device", "remove", "rules-1")


def test_a_live_session_feels_a_rule_at_once(broker):
    device = broker.add_device()
    with Client(broker, device, V5) as client:
        client.connected()
        assert client.subscribe("plant/a") == [0x87]
        rule = broker.ask("acl", "allow", device.id, "subscribe", "plant/#")["rule"]
        assert client.subscribe("plant/a") == [0]
        broker.ask("acl", "remove", device.id, str(rule))
        assert client.subscribe("plant/b") == [0x87]


def test_services_are_added_listed_shown_and_removed(either_broker):
    ask = either_broker.ask
    added = ask("service", "add", "ingest", "--tenant", "acme")
    assert (added["name"], added["tenant"], added["profile"]) == ("ingest", "acme", "service")
    assert re.fullmatch(r"sk_live_[A-Za-z0-9_-]{43}", added["api_key"])
    (listed,) = [service for service in ask("service", "list") if service["name"] == "ingest"]
    assert listed["enabled"] is True and listed["sessions"] == 0 and listed["last_seen"] is None
    shown = ask("service", "show", "ingest")
    assert [key["key_id"] for key in shown["keys"]] == [added["key_id"]]
    assert added["api_key"] not in json.dumps(shown)
    assert "ingest" not in [device["device_id"] for device in ask("device", "list")]

    assert ask("key", "list", "ingest")[0]["key_id"] == added["key_id"]
    assert ask("key", "add", "ingest")["api_key"]
    assert ask("acl", "deny", "ingest", "publish", "secret/#")["rule"]
    ask("service", "disable", "ingest")
    assert ask("service", "show", "ingest")["enabled"] is False
    ask("service", "enable", "ingest")
    assert ask("service", "set", "ingest", "--profile", "open")["profile"] == "open"
    assert "ingest" in either_broker.run("service", "list").stdout
    assert "ingest" in either_broker.run("service", "show", "ingest").stdout

    for arguments in (["show"], ["enable"], ["disable"], ["remove"], ["set", "--profile", "core"]):
        done = either_broker.run("device", arguments[0], "ingest", *arguments[1:])
        assert "ingest is a service" in sentence(done)
    assert "service ingest already" in sentence(either_broker.run("device", "add", "ingest"))
    assert "service ingest already" in sentence(either_broker.run("service", "add", "ingest"))
    assert "mean ingest" in sentence(either_broker.run("service", "remove", "ingets"))
    ask("device", "add", "plain-1", "--no-key")
    assert "plain-1 is a device" in sentence(either_broker.run("service", "remove", "plain-1"))
    ask("service", "remove", "ingest")
    assert "ingest" not in [service["name"] for service in ask("service", "list")]
    sentence(either_broker.run("service", "show", "ingest"))
    ask("device", "remove", "plain-1")


def test_a_service_has_several_sessions_and_loses_them_all(broker):
    added = broker.ask("service", "add", "worker")
    keys = {"username": "worker", "password": added["api_key"]}
    with Client(broker, version=V5) as one, Client(broker, version=V311) as two:
        assert one.connect(client_id="worker", **keys) == (False, 0)
        assert two.connect(client_id="worker/2", **keys) == (False, 0)
        (listed,) = [s for s in broker.ask("service", "list") if s["name"] == "worker"]
        assert listed["sessions"] == 2
        shown = broker.ask("service", "show", "worker")
        assert {client["client_id"] for client in shown["clients"]} == {"worker", "worker/2"}
        broker.ask("service", "disable", "worker")
        one.packets_until_closed(GONE_WITHIN_S)
        two.packets_until_closed(GONE_WITHIN_S)


def test_devices_are_connected_to_channels(either_broker):
    ask = either_broker.ask
    ask("device", "add", "channels-1", "--channel", "b", "--channel", "a", "--no-key")
    assert ask("device", "show", "channels-1")["channels"] == ["a", "b"]
    assert ask("device", "connect", "channels-1", "c")["connected"] is True
    assert ask("device", "disconnect", "channels-1", "a")["connected"] is False
    assert ask("device", "show", "channels-1")["channels"] == ["b", "c"]
    assert "b" in either_broker.run("device", "show", "channels-1").stdout
    sentence(either_broker.run("device", "connect", "channels-1", "c"))
    sentence(either_broker.run("device", "disconnect", "channels-1", "a"))
    sentence(either_broker.run("device", "connect", "channels-1", "a/b"))
    sentence(either_broker.run("device", "connect", "nobody", "a"))
    sentence(either_broker.run("device", "add", "channels-2", "--channel", "#"))
    sentence(either_broker.run("device", "show", "channels-2"))  # and was not added
    ask("device", "remove", "channels-1")


def test_a_device_gets_another_profile_tenant_and_name(either_broker):
    ask = either_broker.ask
    ask("device", "add", "set-1", "--no-key")
    done = ask("device", "set", "set-1", "--profile", "open", "--tenant", "acme", "--name", "Pump 1")
    assert done["changed"] is True
    shown = ask("device", "show", "set-1")
    assert (shown["profile"], shown["tenant"], shown["name"]) == ("open", "acme", "Pump 1")
    assert ask("device", "set", "set-1", "--profile", "open")["changed"] is False
    ask("device", "set", "set-1", "--tenant", "")
    shown = ask("device", "show", "set-1")
    assert (shown["tenant"], shown["name"]) == ("", "Pump 1")
    sentence(either_broker.run("device", "set", "set-1"))
    sentence(either_broker.run("device", "set", "set-1", "--profile", "nonsense"))
    sentence(either_broker.run("device", "set", "set-1", "--name", "two\nlines"))
    sentence(either_broker.run("device", "set", "nobody", "--name", "x"))
    ask("device", "remove", "set-1")


def test_a_live_session_feels_its_new_profile_at_once(broker):
    device = broker.add_device()
    with Client(broker, device, V5) as client:
        client.connected()
        assert client.subscribe("anything") == [0x87]
        broker.ask("device", "set", device.id, "--profile", "open")
        assert client.subscribe("anything") == [0]


def test_the_list_shows_what_is_looked_for(either_broker):
    ask = either_broker.ask
    for number in range(1, 6):
        tenant = "odd" if number % 2 else "even"
        ask("device", "add", f"find-{number}", "--no-key", "--tenant", tenant, "--name", f"Hut {number}")
    ask("device", "disable", "find-4")

    def ids(*arguments):
        return ask("device", "list", "--ids", *arguments)

    everything = [f"find-{number}" for number in range(1, 6)]
    assert ids("find-") == ids("find-*") == ids("hut ") == everything
    assert ids("find-*", "--tenant", "even") == ["find-2", "find-4"]
    assert ids("find-*", "--disabled") == ["find-4"]
    assert ids("find-*", "--profile", "open") == []
    assert ids("find-*", "--limit", "2") == everything[:2]
    assert ids("find-*", "--limit", "2", "--after", "find-2") == everything[2:4]
    assert ids("find-*", "--connected") == []
    assert [device["name"] for device in ask("device", "list", "find-3")] == ["Hut 3"]
    done = either_broker.run("device", "list", "find-", "--limit", "2")
    assert "find-2" in done.stdout and "find-3" not in done.stdout and "--after find-2" in done.stderr
    assert either_broker.run("device", "list", "find-?", "--ids").stdout.split() == everything
    for device_id in everything:
        ask("device", "remove", device_id)


def test_the_list_shows_who_is_connected(broker):
    device = broker.add_device()
    with Client(broker, device) as client:
        client.connected()
        assert device.id in broker.ask("device", "list", "--connected", "--ids")
        (listed,) = broker.ask("device", "list", device.id, "--connected")
        assert listed["connected"] is True and listed["address"].startswith("127.0.0.1")


def commands(broker, *words):
    """All commands below these words, by what completes."""
    line = " ".join(["drawbridge", *words, ""])
    found = broker.run("completion", "words", line).stdout.split()
    subcommands = [word for word in found if broker.run(*words, word, "--help").returncode == 0]
    if not subcommands or broker.run(*words, "--help").stdout.count("Subcommands:") == 0:
        return [words]
    return [words] + [c for word in subcommands for c in commands(broker, *words, word)]


def test_the_help_of_each_command_has_an_example(broker):
    found = commands(broker)
    assert len(found) > 30 and ("key", "rotate") in found, found
    for words in found:
        shown = broker.run(*words, "--help").stdout
        assert re.search(r"\nExamples?:(\n .*)*.*drawbridge ", shown), words
