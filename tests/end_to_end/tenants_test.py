"""Tenants, and rules that change under live sessions, from outside: whoever is of another tenant sees nothing."""
import sqlite3

import pytest

import broker_process
from mqtt_client import DISCONNECT, V5, V311, Client, Will

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


def add(broker, name, tenant, profile="open"):
    device = f"{name}-{next(broker_process._numbers)}"
    added = broker.ask("device", "add", device, "--profile", profile, "--tenant", tenant)
    return broker_process.Device(device, added["api_key"], added["key_id"])


def change(broker, statement, *values):
    """Changes the database as another program would, and has the broker look at once."""
    database = sqlite3.connect(broker.data / "drawbridge.db")
    with database:
        database.execute(statement, values)
    database.close()
    device = values[0]
    assert broker.run("device", "enable", device).returncode == 0


class Fleet:
    def __init__(self, broker):
        self.acme = add(broker, "acme", "acme")
        self.acme_too = add(broker, "acme", "acme")
        self.birch = add(broker, "birch", "birch")
        self.back_end = add(broker, "back-end", "")


@pytest.fixture
def fleet(sharded_broker):
    return Fleet(sharded_broker)


@VERSIONS
@pytest.mark.parametrize("topic_filter", ["#", "+/+", "plant/x"])
def test_tenants_do_not_see_each_other_by_any_filter(sharded_broker, fleet, version, topic_filter):
    broker = sharded_broker
    clients = [Client(broker, device, version) for device in vars(fleet).values()]
    acme, acme_too, birch, back_end = clients
    for client in clients:
        client.connected()
        assert client.subscribe(topic_filter, qos=1) == [1]
    acme.publish("plant/x", b"of acme", 1)
    assert acme_too.message().payload == b"of acme"
    assert back_end.message().payload == b"of acme"
    birch.publish("plant/x", b"of birch", 1)
    assert birch.message().payload == b"of birch"
    assert back_end.message().payload == b"of birch"
    back_end.publish("plant/x", b"for all", 1)
    assert [acme.message().payload, acme.message().payload] == [b"of acme", b"for all"]
    assert acme_too.message().payload == b"for all"
    assert birch.message().payload == b"for all"
    for client in clients:
        client.disconnect()


@VERSIONS
def test_what_a_tenant_retains_no_other_sees_or_erases(sharded_broker, fleet, version):
    broker = sharded_broker
    topic = f"retained/{fleet.acme.id}"
    with Client(broker, fleet.acme, version) as acme, Client(broker, fleet.birch, version) as birch:
        acme.connected()
        birch.connected()
        acme.publish(topic, b"of acme", 1, retain=True)
        birch.publish(topic, b"", 1, retain=True)
        birch.subscribe(topic, qos=1)
        birch.publish(topic, b"marker", 1)
        assert birch.message().payload == b"marker"
    for device in [fleet.acme_too, fleet.back_end]:
        with Client(broker, device, version) as client:
            client.connected()
            client.subscribe("retained/#")
            assert client.message().payload == b"of acme"


@VERSIONS
def test_a_will_and_a_shared_subscription_stay_in_the_tenant(sharded_broker, fleet, version):
    broker = sharded_broker
    clients = [Client(broker, device, version) for device in (fleet.acme_too, fleet.birch)]
    acme_too, birch = clients
    for client in clients:
        client.connected()
        client.subscribe("$share/group/will", qos=1)
    for _ in range(4):
        with Client(broker, fleet.acme, version) as acme:
            acme.connected(will=Will("will", b"gone", 1, False))
        assert acme_too.message().payload == b"gone"
    birch.subscribe("marker")
    birch.publish("marker", b"nothing came before")
    assert birch.message().payload == b"nothing came before"


@VERSIONS
def test_a_rule_opens_the_wall_at_once_and_closes_it_again(sharded_broker, fleet, version):
    broker = sharded_broker
    with Client(broker, fleet.acme, version) as acme, Client(broker, fleet.birch, version) as birch:
        acme.connected()
        birch.connected()
        birch.subscribe("#", qos=1)
        rule = broker.ask(
            "acl", "allow", fleet.birch.id, "subscribe", "shared/#", "--across-tenants"
        )
        acme.publish("private/x", b"private", 1)
        acme.publish("shared/x", b"shared", 1)
        assert birch.message().payload == b"shared"
        broker.ask("acl", "remove", fleet.birch.id, str(rule["rule"]))
        acme.publish("shared/x", b"closed again", 1)
        birch.publish("marker", b"marker")
        assert birch.message().payload == b"marker"


@VERSIONS
def test_a_device_that_changes_its_tenant_changes_sides_while_it_is_connected(
    sharded_broker, fleet, version
):
    broker = sharded_broker
    with Client(broker, fleet.acme, version) as acme, Client(broker, fleet.birch, version) as birch:
        acme.connected()
        birch.connected()
        birch.subscribe("#", qos=1)
        acme.publish("a", b"of acme", 1)
        change(broker, "UPDATE devices SET tenant = 'acme' WHERE device_id = ?", fleet.birch.id)
        acme.publish("a", b"of the same tenant", 1)
        assert birch.message().payload == b"of the same tenant"


def test_the_tenant_in_a_profiles_topics(broker, tmp_path):
    file = tmp_path / "t.toml"
    file.write_text(
        'client_ids = ["{device_id}"]\npublish = ["t/{tenant}/#"]\nsubscribe = ["t/{tenant}/#"]\n'
        'subscribe_across_tenants = ["news/+"]\n'
    )
    broker.ask("profile", "add", "by-tenant", "--file", str(file))
    device, homeless = add(broker, "d", "acme", "by-tenant"), add(broker, "d", "", "by-tenant")
    with Client(broker, device) as client:
        client.connected()
        assert client.subscribe("t/acme/#", "t/birch/#", "t/+/x", "news/today", "news/#") == [
            0, 0x80, 0x80, 0, 0x80,
        ]
        with Client(broker, add(broker, "paper", "birch")) as paper:
            paper.connected()
            paper.publish("t/acme/x", b"from another tenant")
            paper.publish("news/today", b"news", 1)
            assert client.message().payload == b"news"
    with Client(broker, homeless) as client:
        client.connected()
        assert client.subscribe("t//#", "t/acme/#") == [0x80, 0x80]


# --- subscriptions that are revoked


def deny(broker, device, topic_filter):
    change(
        broker,
        "INSERT INTO rules (device_id, effect, operation, filter) VALUES (?, 'deny', 'subscribe', ?)",
        device.id,
        topic_filter,
    )


@VERSIONS
def test_what_waits_is_not_delivered_once_its_topic_is_denied(broker, version):
    device, console = broker.add_device("open", "away"), broker.add_device("open", "console")
    properties = b"\x11\x00\x00\x0e\x10" if version == V5 else b""
    keep = {"clean": False, "properties": properties}
    with Client(broker, device, version) as client:
        client.connected(**keep)
        client.subscribe("open", "secret", qos=1)
        client.disconnect()
    with Client(broker, console, version) as sender:
        sender.connected()
        for topic in ["secret", "open"]:
            sender.publish(topic, topic.encode(), 1)
    deny(broker, device, "secret")
    with Client(broker, device, version) as client:
        present, code = client.connect(**keep)
        assert (present, code) == (True, 0)
        assert client.message().payload == b"open"


@VERSIONS
@pytest.mark.parametrize("told", ["end", "disconnect"])
def test_a_subscription_that_is_revoked(tmp_path, version, told):
    """It ends; and the connection as well, where that is configured."""
    with broker_process.running(tmp_path, acl={"revoked_subscription": told}) as broker:
        device = broker.add_device("open")
        with Client(broker, device, version) as client:
            client.connected()
            client.subscribe("secret", "open")
            deny(broker, device, "unrelated")
            client.ping()
            deny(broker, device, "secret")
            if told == "end":
                client.publish("secret", b"must not arrive")
                client.publish("open", b"marker")
                assert client.message().payload == b"marker"
                return
            packets = client.packets_until_closed()
            if version == V311:
                assert packets == []
            else:
                assert [(packets[0].kind, packets[0].body[0])] == [(DISCONNECT, 0x87)]
                assert b"its rules do not allow the subscription to secret" in packets[0].body


# --- limits of a profile


def test_the_limits_of_a_profile_hold_for_its_clients(broker, tmp_path):
    file = tmp_path / "small.toml"
    rules = 'client_ids = ["{device_id}"]\nsubscribe = ["#"]\npublish = ["#"]\n[limits]\n'
    file.write_text(rules + "max_subscriptions_per_client = 2\nmax_session_expiry = \"1h\"\n")
    broker.ask("profile", "add", "small", "--file", str(file))
    device = broker.add_device("small")
    with Client(broker, device, V5) as client, Client(broker, broker.add_device("open")) as other:
        client.connected(properties=b"\x11\xff\xff\xff\xff")
        assert b"\x11\x00\x00\x0e\x10" in client.connack, "an hour is granted"
        assert client.subscribe("a", "b", "c") == [0, 0, 0x97]
        other.connected()
        assert other.subscribe("a", "b", "c") == [0, 0, 0]
        file.write_text(rules + "max_subscriptions_per_client = 3\n")
        broker.ask("profile", "add", "small", "--file", str(file))
        assert client.subscribe("c", "d") == [0, 0x97]
