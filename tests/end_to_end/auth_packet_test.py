"""Enhanced authentication (MQTT 5.0, section 4.12), which this broker does not do: no method is accepted, no AUTH
is sent, and whoever insists is told why it has to go. And: no DISCONNECT before CONNACK.
"""
import struct

import pytest

import broker_process
from mqtt_client import (
    CONNACK,
    DISCONNECT,
    V5,
    V311,
    Client,
    connect_packet,
    is_closed,
    packet,
    publish_packet,
    text,
)

AUTH_METHOD, AUTH_DATA, MAXIMUM_PACKET_SIZE = b"\x15", b"\x16", b"\x27"
SCRAM = AUTH_METHOD + text("SCRAM-SHA-1")
PROTOCOL_ERROR, BAD_AUTHENTICATION_METHOD = 0x82, 0x8C


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with broker_process.running(tmp_path_factory.mktemp("broker"), broker={"threads": 2}) as broker:
        yield broker


@pytest.fixture(scope="module")
def device(broker):
    return broker.add_device("open", "guest")


def auth(code, properties=SCRAM):
    return packet(0xF0, bytes([code, len(properties)]) + properties)


@pytest.mark.parametrize("with_data", [False, True], ids=["method", "method and data"])
@pytest.mark.parametrize("with_key", [False, True], ids=["without key", "with key"])
def test_a_method_is_refused(broker, device, with_data, with_key):
    """MQTT5-4.12.0-1, MQTT5-4.12.0-4, MQTT5-4.13.2-1: CONNACK 0x8C, and closed"""
    credentials = {} if with_key else {"username": None, "password": None}
    with Client(broker, device, V5) as client:
        properties = SCRAM + (AUTH_DATA + text("n,,n=user") if with_data else b"")
        client.send_connect(properties=properties, **credentials)
        client.send(auth(0x18))  # what it would say next
        answers = client.packets_until_closed()
    assert [(answer.kind, answer.body[1]) for answer in answers] == [
        (CONNACK, BAD_AUTHENTICATION_METHOD)
    ]


def test_a_refusal_fits_into_the_clients_maximum_packet_size(broker, device):
    """MQTT5-3.1.2-24: whoever gets no method through gets no packet either that is too large for it"""
    for size in (1, 4, 5, 20):
        with Client(broker, device, V5) as client:
            client.send_connect(properties=SCRAM + MAXIMUM_PACKET_SIZE + struct.pack(">I", size))
            answers = client.packets_until_closed()
        assert all(answer.kind == CONNACK and len(answer.body) + 2 <= size for answer in answers)


@pytest.mark.parametrize("data", [auth(0x18), auth(0x19), auth(0x00), packet(0xF0, b"")])
def test_auth_without_a_method_in_connect_is_a_protocol_error(broker, device, data):
    """MQTT5-4.12.0-7, MQTT5-4.12.0-6, MQTT5-4.12.1-2: DISCONNECT 0x82, and closed"""
    with Client(broker, device, V5) as client:
        client.connected()
        assert AUTH_METHOD + struct.pack(">H", len("SCRAM-SHA-1")) not in client.connack
        client.ping()
        client.send(data)
        answers = client.packets_until_closed()
    assert [(answer.kind, answer.body[0]) for answer in answers] == [(DISCONNECT, PROTOCOL_ERROR)]


def test_a_client_of_3_1_1_that_sends_auth_is_closed(broker, device):
    """MQTT311-2.2.2-2, MQTT311-4.8.0-1: type 15 does not exist there"""
    with Client(broker, device, V311) as client:
        client.connected()
        client.send(packet(0xF0, b""))
        assert client.packets_until_closed() == []


BEFORE_CONNACK = {
    "AUTH": auth(0x18),
    "DISCONNECT": packet(0xE0, b""),
    "PINGREQ": packet(0xC0, b""),
    "PUBLISH": publish_packet("a", b"x", version=V5),
    "another protocol": packet(0x10, text("HTTP") + b"\x05\x02\x00\x3c\x00" + text("x")),
    "another version": packet(0x10, text("MQTT") + b"\x09\x02\x00\x3c\x00" + text("x")),
    "reserved flags": packet(0x10, text("MQTT") + b"\x05\x03\x00\x3c\x00" + text("x")),
    "a property twice": connect_packet("x", version=V5, properties=b"\x21\x00\x01\x21\x00\x01"),
    "a wrong key": connect_packet("x", "x", "wrong", version=V5),
    "no key": connect_packet("x", version=V5),
    "a length of five bytes": b"\x10\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", BEFORE_CONNACK)
def test_before_connack_there_is_no_disconnect(broker, name):
    """MQTT5-3.14.0-1, MQTT5-4.13.2-1: who is not let in gets a CONNACK with the reason, or nothing, and is closed"""
    with Client(broker) as stranger:
        stranger.send(BEFORE_CONNACK[name])
        answers = stranger.packets_until_closed()
    assert [answer.kind for answer in answers] in ([], [CONNACK])
    for answer in answers:
        assert answer.body[1] >= 0x80


def test_a_broker_that_stops_says_nothing_to_strangers(tmp_path):
    """MQTT5-3.14.0-1, MQTT5-3.14.2-1: only who has got a CONNACK is told that the broker stops"""
    with broker_process.running(tmp_path) as broker:
        device = broker.add_device("open", "guest")
        with Client(broker, device, V5) as client, Client(broker) as stranger:
            client.connected()
            stranger.send(connect_packet("x", version=V5)[:5])
            client.ping()
            broker.process.terminate()
            told = client.packets_until_closed()
            assert [(answer.kind, answer.body[0]) for answer in told] == [(DISCONNECT, 0x8B)]
            assert is_closed(stranger, 5)
            assert stranger._received == b""
