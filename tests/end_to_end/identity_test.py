"""Who gets in, who does not, and how soon one who may no longer stay is gone."""
import time

import pytest

import broker_process
from mqtt_client import DISCONNECT, V5, V311, Client, connect_packet, is_closed, publish_packet

GONE_WITHIN_S = 1
VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
PORTS = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


@pytest.fixture(scope="module")
def devices(broker):
    """A good device, another one, one that is disabled, and one whose key has expired."""
    good, other, disabled = (broker.add_device() for _ in range(3))
    broker.ask("device", "disable", disabled.id)
    expired = broker.add_device()
    key = broker.ask("key", "add", expired.id, "--expires", "1ms")["api_key"]
    return {"good": good, "other": other, "disabled": disabled, "expired": expired._replace(key=key)}


@PORTS
@VERSIONS
def test_a_device_with_its_key_is_let_in(broker, devices, version, tls):
    with Client(broker, devices["good"], version, tls) as client:
        assert client.connect() == (False, 0)
        client.ping()
        client.disconnect()


def shown(device, **changes):
    return {"client_id": device.id, "username": device.id, "password": device.key, **changes}


# What CONNECT shows, from the devices above; each is wrong in its own way.
WRONG = {
    "unknown device": lambda d: shown(d["good"], client_id="nobody", username="nobody"),
    "wrong key": lambda d: shown(d["good"], password="sk_live_" + "A" * 43),
    "key cut short": lambda d: shown(d["good"], password=d["good"].key[:-1]),
    "empty key": lambda d: shown(d["good"], password=""),
    "no password": lambda d: shown(d["good"], password=None),
    "other device's key": lambda d: shown(d["good"], password=d["other"].key),
    "other client id": lambda d: shown(d["good"], client_id=d["other"].id),
    "other username": lambda d: shown(d["good"], username=d["other"].id),
    "no username": lambda d: {"client_id": d["good"].id},
    "empty client id": lambda d: shown(d["good"], client_id=""),
    "wildcard client id": lambda d: shown(d["good"], client_id="a/#"),
    "disabled": lambda d: shown(d["disabled"]),
    "expired": lambda d: shown(d["expired"]),
}


@VERSIONS
@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_is_wrong_the_answer_is_the_same(broker, devices, version, wrong):
    with Client(broker, version=version) as client:
        assert client.connect(**WRONG[wrong](devices)) == (False, 4 if version == V311 else 0x86)
        assert client.packets_until_closed() == []


@VERSIONS
def test_the_refusals_tell_a_stranger_nothing(broker, devices, version):
    """Not by one byte: no reason string, no property that the other refusals do not have."""
    answers = set()
    for wrong in WRONG.values():
        with Client(broker, version=version) as client:
            client.connect(**wrong(devices))
            answers.add(client.connack)
    assert len(answers) == 1


def test_two_devices_are_connected_at_once(broker, devices):
    with Client(broker, devices["good"]) as one, Client(broker, devices["other"]) as two:
        one.connected()
        two.connected()
        one.ping()
        two.ping()
        one.disconnect()
        two.disconnect()


@VERSIONS
def test_a_duplicate_client_id_is_refused_and_the_first_does_not_notice(sharded_broker, version):
    device = sharded_broker.add_device("open")
    with Client(sharded_broker, device, version) as first:
        first.connected()
        assert first.subscribe("seen/#") == [0]
        for _ in range(3):
            with Client(sharded_broker, device, version) as second:
                assert second.connect() == (False, 2 if version == V311 else 0x85)
                assert is_closed(second, 1)
        first.publish("seen/by/all", b"still here")
        assert first.message().payload == b"still here"
        first.disconnect()


def test_a_duplicate_that_pipelines_its_messages_gets_none_of_them_through(broker):
    device = broker.add_device("open")
    with Client(broker, device) as first, Client(broker, device) as second:
        first.connected()
        first.subscribe("seen/#")
        second.send(
            connect_packet(device.id, device.id, device.key) + publish_packet("seen/a", b"forged")
        )
        assert second.receive().body == b"\x00\x02"
        first.publish("seen/b", b"mine")
        assert first.message().topic == "seen/b"


@VERSIONS
def test_the_id_is_free_again_when_the_first_has_gone(sharded_broker, version):
    device = sharded_broker.add_device()
    for _ in range(5):
        with Client(sharded_broker, device, version) as client:
            client.connected()
            client.disconnect()
    with Client(sharded_broker, device, version) as crashed:
        crashed.connected()
    with Client(sharded_broker, device, version) as client:
        client.connected()


def test_takeover_is_what_the_configuration_can_choose(tmp_path):
    settings = {"auth": {"duplicate_client_id": "takeover"}}
    with broker_process.running(tmp_path, **settings) as broker:
        device = broker.add_device()
        with Client(broker, device, V5) as first, Client(broker, device, V5) as second:
            first.connected()
            second.connected()
            assert [(p.kind, p.body[0]) for p in first.packets_until_closed()] == [(DISCONNECT, 0x8E)]
            second.ping()


def end_by(broker, device, command):
    """Runs a command and returns how long after it the client was connected."""
    with Client(broker, device, V5) as client:
        client.connected()
        done = broker.run(*command)
        assert done.returncode == 0, done.stderr
        begin = time.monotonic()
        packets = client.packets_until_closed(GONE_WITHIN_S)
        assert time.monotonic() - begin < GONE_WITHIN_S
        assert [packet.kind for packet in packets] == [DISCONNECT]
        return packets[0].body[0]


def test_a_revoked_key_ends_its_session_within_a_second(broker):
    device = broker.add_device()
    end_by(broker, device, ["key", "revoke", device.id, device.key_id])
    with Client(broker, device) as client:
        assert client.connect() == (False, 4)


def test_another_key_of_the_device_ends_nothing(broker):
    device = broker.add_device()
    second = broker.ask("key", "add", device.id, "--label", "spare")
    with Client(broker, device) as client:
        client.connected()
        broker.ask("key", "revoke", device.id, second["key_id"])
        client.ping()
    with Client(broker, device._replace(key=second["api_key"])) as client:
        assert client.connect() == (False, 4)


def test_both_of_two_valid_keys_open_the_door(broker):
    device = broker.add_device()
    second = broker.ask("key", "add", device.id)
    assert second["key_id"] != device.key_id
    for key in (device.key, second["api_key"]):
        with Client(broker, device._replace(key=key)) as client:
            client.connected()
            client.disconnect()


def test_a_disabled_device_is_gone_within_a_second_and_back_when_enabled(broker):
    device = broker.add_device()
    end_by(broker, device, ["device", "disable", device.id])
    with Client(broker, device) as client:
        assert client.connect() == (False, 4)
    broker.ask("device", "enable", device.id)
    with Client(broker, device) as client:
        assert client.connect() == (False, 0)


def test_a_removed_device_is_gone_within_a_second(broker):
    device = broker.add_device()
    end_by(broker, device, ["device", "remove", device.id])
    with Client(broker, device) as client:
        assert client.connect() == (False, 4)


def test_a_kicked_client_is_gone_within_a_second_and_may_come_back(broker):
    device = broker.add_device()
    assert end_by(broker, device, ["client", "kick", device.id]) == 0x98
    with Client(broker, device) as client:
        assert client.connect() == (False, 0)


def test_a_session_ends_when_its_key_expires(broker):
    device = broker.add_device()
    short = broker.ask("key", "add", device.id, "--expires", "1s")
    with Client(broker, device._replace(key=short["api_key"])) as client:
        client.connected()
        assert is_closed(client, 3)


def test_without_credentials_anybody_may_come_where_that_is_configured(tmp_path):
    settings = {"auth": {"allow_anonymous": True, "anonymous_profile": "open"}}
    with broker_process.running(tmp_path, **settings) as broker:
        device = broker.add_device()
        with Client(broker) as stranger:
            stranger.connected(client_id="anything")
            assert stranger.subscribe("a/#") == [0]
            assert stranger.publish("a/b", b"hello", qos=1) == 0
            assert stranger.message().payload == b"hello"
        with Client(broker) as nameless:
            nameless.connected(client_id="")
        with Client(broker) as liar:
            assert liar.connect(client_id=device.id, username=device.id, password="x") == (False, 4)
