"""CONNECT and CONNACK on the wire, as sections 3.1 and 3.2 of the standards number them."""
import itertools
import struct

import pytest

import broker_process
from mqtt_client import (
    CONNACK,
    V5,
    V311,
    Client,
    Will,
    connect_packet,
    length,
    packet,
    publish_packet,
    subscribe_packet,
    text,
)

V31 = 3
VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
ALL_VERSIONS = pytest.mark.parametrize("version", [V31, V311, V5], ids=["3.1", "3.1.1", "5.0"])
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def device(broker):
    return broker.add_device("open", "device")


@pytest.fixture(scope="module")
def open_broker(tmp_path_factory):
    """One that lets anybody in."""
    auth = {"allow_anonymous": True}
    with broker_process.running(tmp_path_factory.mktemp("open"), auth=auth) as broker:
        yield broker


@pytest.fixture
def topic():
    return f"test/{next(_numbers)}"


@pytest.fixture
def enter(broker, device):
    """Connects the device, or another one; the clients are gone after the test."""
    clients = []

    def connect(version=V311, who=device, **arguments):
        clients.append(Client(broker, who, version))
        return clients[-1].connected(**arguments)

    yield connect
    for client in clients:
        client.disconnect()


def connect_bytes(name, level, flags=2, rest=text("x"), first_byte=0x10):
    """A CONNECT in which everything may be wrong. rest: what follows the keep alive."""
    properties = b"\x00" if level == 5 and name == "MQTT" else b""
    return packet(first_byte, text(name) + struct.pack(">BBH", level, flags, 60) + properties + rest)


def connect_of(device, version, clean=True):
    """A good one, of any version."""
    name = "MQIsdp" if version == V31 else "MQTT"
    rest = text(device.id) + text(device.id) + text(device.key)
    return connect_bytes(name, version, 0xC2 if clean else 0xC0, rest)


def answers(broker, data):
    """All packets that the broker sends in answer, until it has closed."""
    with Client(broker) as stranger:
        stranger.send(data)
        return [(answer.kind, answer.body) for answer in stranger.packets_until_closed()]


# --- who is no client at all -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        packet(0xC0, b""),
        publish_packet("a", b"b"),
        publish_packet("a", b"b", version=V5),
        subscribe_packet(1, [("a", 0)]),
        packet(0xE0, b""),
        packet(0xF0, b"\x18\x00"),
        packet(0x20, b"\x00\x00"),
        packet(0x00, b""),
    ],
    ids=["ping", "publish", "publish 5.0", "subscribe", "disconnect", "auth", "connack", "type 0"],
)
def test_the_first_packet_is_connect(broker, device, first):
    """MQTT5-3.1.0-1, MQTT311-3.1.0-1: what begins with another packet is closed without an answer."""
    good = connect_packet(device.id, device.id, device.key)
    assert answers(broker, first) == []
    assert answers(broker, first + good) == []


def test_another_protocol_is_closed(broker):
    """MQTT5-3.1.2-1, MQTT311-3.1.2-1: a CONNECT with another protocol name is not served."""
    for name, level in itertools.product(["HTTP", "mqtt", "MQT", "MQTTS", ""], [3, 4, 5]):
        assert answers(broker, connect_bytes(name, level)) == []


def test_an_unknown_version_is_told_so(broker):
    """MQTT5-3.1.2-2, MQTT311-3.1.2-2: CONNACK 0x01, or 0x84 if it is a later one than 5.0."""
    for level in (0, 1, 2, 3):
        assert answers(broker, connect_bytes("MQTT", level)) == [(CONNACK, b"\x00\x01")]
    for level in (6, 7, 0x84, 0xFF):
        assert answers(broker, connect_bytes("MQTT", level)) == [(CONNACK, b"\x00\x84\x00")]


def test_an_unknown_version_under_the_old_name_is_told_so(broker):
    """MQTT31: MQIsdp has level 3 only."""
    for level in (2, 4, 5, 0x83):
        assert answers(broker, connect_bytes("MQIsdp", level)) == [(CONNACK, b"\x00\x01")]


# Each breaks the form of a CONNECT: what follows the name, and the code of 5.0.
MALFORMED = {
    "reserved flags": ({"first_byte": 0x11}, 0x81),
    "reserved connect flag": ({"flags": 3}, 0x81),
    "will qos without a will": ({"flags": 0x0A}, 0x81),
    "will retain without a will": ({"flags": 0x22}, 0x81),
    "no client id": ({"rest": b""}, 0x81),
    "client id that is not UTF-8": ({"rest": text(b"\xc3\x28")}, 0x81),
    "client id with a null": ({"rest": text("a\0b")}, 0x81),
    "client id with a surrogate": ({"rest": text(b"\xed\xa0\x80")}, 0x81),
    "user name that is missing": ({"flags": 0x82}, 0x81),
    "user name without its flag": ({"rest": text("x") + text("user")}, 0x81),
    "user name that is not UTF-8": ({"flags": 0x82, "rest": text("x") + text(b"\xff")}, 0x81),
    "password that is missing": ({"flags": 0xC2, "rest": text("x") + text("user")}, 0x81),
    "something behind the end": ({"rest": text("x") + b"\x00"}, 0x81),
}


@pytest.mark.parametrize("wrong", MALFORMED)
def test_a_malformed_connect_is_not_answered_before_5_0(broker, wrong):
    """MQTT311-3.1.4-1, MQTT311-4.8.0-1: it is closed without a CONNACK."""
    changes, _ = MALFORMED[wrong]
    assert answers(broker, connect_bytes("MQTT", 4, **changes)) == []
    assert answers(broker, connect_bytes("MQIsdp", 3, **changes)) == []


@pytest.mark.parametrize("wrong", MALFORMED)
def test_a_malformed_connect_is_refused(broker, wrong):
    """MQTT5-3.1.4-1, MQTT5-3.2.2-7, MQTT5-4.13.2-1: CONNACK with the reason, and closed."""
    changes, reason = MALFORMED[wrong]
    assert answers(broker, connect_bytes("MQTT", 5, **changes)) == [(CONNACK, bytes([0, reason, 0]))]


def test_connect_properties_with_impossible_values_are_refused(broker, device):
    """MQTT5-3.1.2.11, MQTT5-2.2.2.2: protocol error, or malformed where the property is unknown."""
    for properties, reason in (
        (b"\x21\x00\x00", 0x82),  # Receive Maximum 0
        (b"\x27\x00\x00\x00\x00", 0x82),  # Maximum Packet Size 0
        (b"\x19\x02", 0x82),  # Request Response Information 2
        (b"\x17\x02", 0x82),  # Request Problem Information 2
        (b"\x16\x00\x01d", 0x82),  # authentication data without a method
        (b"\x21\x00\x09\x21\x00\x09", 0x82),  # twice
        (b"\x23\x00\x01", 0x81),  # a topic alias in CONNECT
        (b"\x7f", 0x81),  # unknown
    ):
        with Client(broker, device, V5) as client:
            assert client.connect(properties=properties) == (False, reason)
            assert client.packets_until_closed() == []


# --- who is not let in -------------------------------------------------------------------------------


@VERSIONS
def test_a_refusal_ends_the_connection(broker, device, version):
    """MQTT5-3.1.4-2, MQTT5-3.2.2-6, MQTT5-3.2.2-7, MQTT5-4.13.2-1, MQTT311-3.2.2-4, MQTT311-3.2.2-5: which
    has no session present and is the last that the client hears."""
    with Client(broker, device, version) as client:
        assert client.connect(password="wrong") == (False, 4 if version == V311 else 0x86)
        assert client.packets_until_closed() == []
    with Client(broker, device, version) as client:
        client.connected()
        client.ping()
        client.disconnect()


@VERSIONS
def test_nothing_after_a_refused_connect_counts(broker, device, enter, topic, version):
    """MQTT5-3.1.4-6, MQTT311-3.1.4-5: a PUBLISH behind it is not looked at, nor anything else."""
    watcher = enter()
    watcher.subscribe(topic, qos=1)
    ahead = publish_packet(topic, b"stowaway", 1, 1, version, retain=True)
    ahead += subscribe_packet(2, [(topic, 1)], version) + packet(0xC0, b"")
    with Client(broker, version=version) as refused:
        will = Will(topic, b"the will of who was never there", 0, False)
        wrong = connect_packet(device.id, device.id, "wrong", version, will=will)
        refused.send(wrong + ahead)
        assert refused.connect_answer()[1] != 0
        assert refused.packets_until_closed() == []
    watcher.publish(topic, b"end", 1)
    assert watcher.message().payload == b"end"


def test_an_authentication_method_is_refused_at_once(broker, device, enter, topic):
    """MQTT5-3.1.2-30, MQTT5-4.12.0-1: what comes behind, AUTH or not, is not looked at."""
    watcher = enter()
    watcher.subscribe(topic)
    for behind in (b"", packet(0xF0, b"\x18\x00"), publish_packet(topic, b"early", version=V5)):
        method = b"\x15" + text("SCRAM-SHA-256")
        whole = connect_packet(device.id, device.id, device.key, V5, properties=method)
        assert answers(broker, whole + behind) == [(CONNACK, b"\x00\x8c\x00")]
    watcher.publish(topic, b"end", 1)
    assert watcher.message().payload == b"end"


# --- client ids --------------------------------------------------------------------------------------


@VERSIONS
def test_client_ids_of_1_to_23_letters_and_digits_are_accepted(open_broker, version):
    """MQTT5-3.1.3-5, MQTT311-3.1.3-5: each letter and digit, and the longest."""
    every = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for client_id in [*every, every[:23], every[20:43], every[39:]]:
        with Client(open_broker, version=version) as client:
            assert client.connect(client_id=client_id) == (False, 0)
            client.disconnect()


def test_an_empty_client_id_with_a_clean_session_is_accepted(open_broker):
    """MQTT311-3.1.3-6: two at a time, so each has one of its own."""
    with Client(open_broker) as one, Client(open_broker) as two:
        for client in (one, two):
            assert client.connect(client_id="", clean=True) == (False, 0)
        one.ping()
        two.ping()


def test_an_empty_client_id_needs_a_clean_session(open_broker):
    """MQTT311-3.1.3-8, MQTT311-3.1.3-9, MQTT311-3.2.2-5: CONNACK 0x02, closed."""
    assert answers(open_broker, connect_packet("", clean=False)) == [(CONNACK, b"\x00\x02")]


def test_an_empty_client_id_is_refused_in_3_1(open_broker):
    """MQTT31: it has 1 to 23 characters there, and is refused with 0x02."""
    for flags in (0, 2):
        refused = connect_bytes("MQIsdp", 3, flags, text(""))
        assert answers(open_broker, refused) == [(CONNACK, b"\x00\x02")]


@pytest.mark.parametrize("clean", [True, False], ids=["clean", "kept"])
def test_an_empty_client_id_is_assigned_one(open_broker, clean):
    """MQTT5-3.1.3-6, MQTT5-3.1.3-7, MQTT5-3.2.2-16: a unique one, told in CONNACK, good to come back."""
    hour = b"\x11\x00\x00\x0e\x10"

    def assigned(client):
        assert client.connect(client_id="", clean=clean, properties=hour) == (False, 0)
        at = client.connack.index(b"\x12")  # the limits before it have no such byte
        size = struct.unpack(">H", client.connack[at + 1 : at + 3])[0]
        return client.connack[at + 3 : at + 3 + size].decode()

    with Client(open_broker, version=V5) as one, Client(open_broker, version=V5) as two:
        client_id = assigned(one)
        assert client_id and client_id != assigned(two)
        one.disconnect()
    with Client(open_broker, version=V5) as back:
        assert back.connect(client_id=client_id, clean=False) == (True, 0)
        back.disconnect()


# --- who is let in -----------------------------------------------------------------------------------


@VERSIONS
def test_connack_says_whether_there_is_a_session(broker, version):
    """MQTT5-3.2.2-1, MQTT5-3.2.2-2, MQTT5-3.2.2-3, MQTT311-3.2.2-1, MQTT311-3.2.2-2, MQTT311-3.2.2-3: by
    one bit; the other seven are 0."""
    device = broker.add_device("open", "kept")
    hour = b"\x11\x00\x00\x0e\x10" if version == V5 else b""
    for clean, present in ((True, 0), (False, version == V5), (False, 1), (True, 0)):
        with Client(broker, device, version) as client:
            client.connected(clean=clean, properties=hour)
            assert client.connack[0] == present
            client.disconnect()


def test_connack_of_3_1_does_not_say_whether_there_is_a_session(broker, topic):
    """MQTT31: the byte for it is reserved there; but the session goes on."""
    device = broker.add_device("open", "kept")
    for number in range(2):
        with Client(broker, version=V31) as client:
            client.send(connect_of(device, V31, clean=False))
            client.connect_answer()
            assert client.connack == b"\x00\x00"
            if number == 0:
                client.subscribe(topic, qos=1)
            client.publish(topic, b"x", 1)
            assert client.message().payload == b"x"
            client.disconnect()


@ALL_VERSIONS
def test_connack_is_the_first_packet_and_comes_once(broker, device, topic, version):
    """MQTT5-3.2.0-1, MQTT5-3.2.0-2, MQTT311-3.2.0-1: whatever is asked before it comes."""
    connect = connect_of(device, version)
    behind = subscribe_packet(1, [(topic, 0)], version) + packet(0xC0, b"")
    behind += publish_packet(topic, b"x", 1, 2, version)
    with Client(broker, version=version) as client:
        client.send(connect + behind)
        kinds = [client.receive().kind for _ in range(5)]  # and SUBACK, PINGRESP, PUBLISH, PUBACK
        client.send(packet(0xE0, b""))
        kinds += [answer.kind for answer in client.packets_until_closed()]
    assert kinds[0] == CONNACK
    assert kinds.count(CONNACK) == 1
    assert len(kinds) == 5


@ALL_VERSIONS
def test_a_second_connect_ends_the_connection(broker, device, version):
    """MQTT5-3.1.0-2, MQTT311-3.1.0-2: in 5.0 with DISCONNECT 0x82."""
    connect = connect_of(device, version)
    with Client(broker, version=version) as client:
        client.send(connect + connect)
        assert client.connect_answer() == (False, 0)
        rest = [(answer.kind, answer.body[:1]) for answer in client.packets_until_closed()]
    assert rest == ([(14, b"\x82")] if version == V5 else [])


def test_a_client_of_3_1_is_served(broker, device, topic):
    """MQTT31: as one of 3.1.1 under another name."""
    with Client(broker, version=V31) as client:
        client.send(connect_of(device, V31))
        assert client.connect_answer() == (False, 0)
        assert client.subscribe(topic, qos=2) == [2]
        client.publish(topic, b"x", 2)
        assert client.message().payload == b"x"
        client.disconnect()


@ALL_VERSIONS
def test_nothing_is_sent_that_was_not_asked_for(broker, device, version):
    """MQTT5-3.1.2-28, MQTT5-4.12.0-6: neither Response Information nor an authentication method."""
    connect = connect_of(device, version)
    with Client(broker, version=version) as client:
        client.send(connect)
        client.connect_answer()
        if version != V5:
            assert client.connack == b"\x00\x00"
        else:
            # Receive Maximum, Maximum Packet Size, Topic Alias Maximum: numbers, and nothing else.
            sizes = {0x21: 2, 0x27: 4, 0x22: 2}
            at = 3
            assert client.connack[2:3] == length(len(client.connack) - 3)
            while at < len(client.connack):
                at += 1 + sizes.pop(client.connack[at])
        client.disconnect()
