"""Bytes from strangers and from clients gone wrong: their connection ends, and no other one suffers."""
import random
import socket
import ssl
import struct
import time

import pytest

import broker_process
from mqtt_client import (
    DISCONNECT,
    V5,
    V311,
    Client,
    connect_packet,
    packet,
    publish_packet,
    subscribe_packet,
    text,
)

CONNECT_TIMEOUT_S = 1
PACKET_BYTES_MAX = 4096
VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
PORTS = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    settings = {
        "broker": {"connect_timeout": f"{CONNECT_TIMEOUT_S}s", "threads": 2},
        "limits": {"max_packet_bytes": PACKET_BYTES_MAX, "max_topic_levels": 8},
    }
    with broker_process.running(tmp_path_factory.mktemp("broker"), **settings) as broker:
        yield broker


@pytest.fixture(scope="module")
def steady_client(broker):
    with Client(broker, broker.add_device("open", "steady")) as client:
        client.connected()
        client.subscribe("steady", qos=1)
        yield client


@pytest.fixture(autouse=True)
def steady(steady_client):
    """After each test, a client that was there all the time still gets its messages."""
    yield
    steady_client.publish("steady", b"still here", 1)
    assert steady_client.message().payload == b"still here"


@pytest.fixture
def guest(broker):
    return broker.add_device("open", "guest")


def raw(broker, tls=False):
    port = broker.tls_port if tls else broker.port
    return socket.create_connection(("127.0.0.1", port), 5)


def answer_until_closed(sock):
    """What is said before the end; fails if there is none within the socket's time limit."""
    said = b""
    try:
        while data := sock.recv(4096):
            said += data
    except ConnectionResetError:
        pass
    return said


HELLOS = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "a tls hello": bytes.fromhex("16030100c8010000c40303") + b"\x55" * 190,
    "zeros": bytes(100),
    "ones": b"\xff" * 100,
    "a ping before connect": packet(0xC0, b""),
    "a publish before connect": publish_packet("a", b"b"),
    "a length without end": b"\x10\xff\xff\xff\xff\xff",
    "a connect of 256 MiB": b"\x10\xff\xff\xff\x7f\x00\x04MQTT\x04\x02",
    "another protocol": packet(0x10, text("HTTP") + b"\x04\x02\x00\x3c" + text("x")),
    "reserved flags": packet(0x11, text("MQTT") + b"\x04\x02\x00\x3c" + text("x")),
    "a client id that is not utf-8": connect_packet(b"\xc3\x28"),
    "a connect cut short": packet(0x10, text("MQTT") + b"\x04\xc2\x00\x3c\x00\x10abc"),
}


@PORTS
@pytest.mark.parametrize("hello", HELLOS)
def test_what_is_not_mqtt_is_closed(broker, hello, tls):
    """On the plain port as MQTT, on the other one where a TLS handshake belongs."""
    with raw(broker, tls) as sock:
        sock.sendall(HELLOS[hello])
        begin = time.monotonic()
        answer_until_closed(sock)
        assert time.monotonic() - begin < CONNECT_TIMEOUT_S + 1


@pytest.mark.parametrize("hello", HELLOS)
def test_what_is_not_mqtt_is_closed_inside_tls_as_well(broker, hello):
    with Client(broker, tls=True) as client:
        client.send(HELLOS[hello])
        client.packets_until_closed(CONNECT_TIMEOUT_S + 1)


def test_tls_on_the_plain_port_fails_at_once(broker):
    context = ssl.create_default_context(cafile=str(broker.ca_file))
    begin = time.monotonic()
    with raw(broker) as sock, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(sock, server_hostname="localhost")
    assert time.monotonic() - begin < 1


def test_plain_mqtt_on_the_tls_port_fails_at_once(broker, guest):
    begin = time.monotonic()
    with raw(broker, tls=True) as sock:
        sock.sendall(connect_packet(guest.id, guest.id, guest.key))
        assert not answer_until_closed(sock).startswith(b"\x20")
    assert time.monotonic() - begin < 1


def test_random_bytes_hurt_nobody(broker):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(100):
        with raw(broker, chance.random() < 0.3) as sock:
            try:
                for _ in range(chance.randrange(1, 4)):
                    sock.sendall(chance.randbytes(chance.randrange(1, 2000)))
            except (BrokenPipeError, ConnectionResetError):
                pass


def test_a_good_packet_with_one_wrong_byte_hurts_nobody(broker, guest):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for round_number in range(100):
        version = (V311, V5)[round_number % 2]
        whole = connect_packet(guest.id, guest.id, guest.key, version)
        whole += subscribe_packet(1, [("a/#", 1)], version) + publish_packet("a/b", b"c", 1, 2, version)
        wrong = bytearray(whole)
        wrong[chance.randrange(len(wrong))] ^= 1 << chance.randrange(8)
        with raw(broker) as sock:
            sock.sendall(wrong)


@PORTS
def test_a_stranger_who_says_nothing_is_closed_in_time(broker, tls):
    with raw(broker, tls) as sock:
        begin = time.monotonic()
        assert answer_until_closed(sock) == b""
        assert CONNECT_TIMEOUT_S * 0.8 < time.monotonic() - begin < CONNECT_TIMEOUT_S + 1


def test_a_connect_that_drips_byte_by_byte_is_closed_in_time(broker, guest):
    with raw(broker) as sock:
        begin = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for byte in connect_packet(guest.id, guest.id, guest.key):
                sock.sendall(bytes([byte]))
                time.sleep(0.05)  # the stranger's pace, not a wait for the broker
        assert time.monotonic() - begin < CONNECT_TIMEOUT_S + 1


def client_hello():
    """The first bytes of a real TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_half_a_tls_hello_is_closed_in_time(broker):
    hello = client_hello()
    with raw(broker, tls=True) as sock:
        begin = time.monotonic()
        sock.sendall(hello[: len(hello) // 2])
        assert answer_until_closed(sock) == b""
        assert CONNECT_TIMEOUT_S * 0.8 < time.monotonic() - begin < CONNECT_TIMEOUT_S + 1


def test_a_tls_hello_that_drips_byte_by_byte_is_closed_in_time(broker):
    with raw(broker, tls=True) as sock:
        begin = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for byte in client_hello() * 10:
                sock.sendall(bytes([byte]))
                time.sleep(0.02)  # the stranger's pace, not a wait for the broker
        assert time.monotonic() - begin < CONNECT_TIMEOUT_S + 1


def test_a_tls_handshake_without_a_connect_is_closed_in_time(broker):
    with Client(broker, tls=True) as client:
        begin = time.monotonic()
        assert client.packets_until_closed() == []
        assert CONNECT_TIMEOUT_S * 0.8 < time.monotonic() - begin < CONNECT_TIMEOUT_S + 1


def wrong_packets(version):
    """Packets that a client may not send, and what MQTT 5.0 calls them."""
    return {
        "payload of too many bytes": (publish_packet("a", bytes(PACKET_BYTES_MAX), version=version), 0x95),
        "a packet announced as too large": (b"\x30\xff\xff\xff\x7f", 0x95),
        "topic with +": (publish_packet("a/+/b", b"x", version=version), 0x90),
        "topic with #": (publish_packet("a/#", b"x", version=version), 0x90),
        "topic that is not UTF-8": (publish_packet(b"\xc3\x28", b"x", version=version), 0x81),
        "topic with a null": (publish_packet("a\0b", b"x", version=version), 0x81),
        "topic with a surrogate": (publish_packet(b"\xed\xa0\x80", b"x", version=version), 0x81),
        "qos 3": (packet(0x36, text("a") + b"\x00\x01" + (b"\x00" if version == V5 else b"")), 0x81),
        "packet id 0": (publish_packet("a", b"x", 1, 0, version), None),
        "a second connect": (connect_packet("x", version=version), 0x82),
        "a packet type that does not exist": (packet(0x00, b""), None),
        "a connack from a client": (packet(0x20, b"\x00\x00"), None),
        "subscribe flags": (b"\x80" + subscribe_packet(1, [("a", 0)], version)[1:], 0x81),
        "subscribe to nothing": (subscribe_packet(1, [], version), None),
        "a length of five bytes": (b"\x30\x80\x80\x80\x80\x01", 0x81),
    }


@VERSIONS
@pytest.mark.parametrize("name", wrong_packets(V5))
def test_a_wrong_packet_ends_the_connection_with_its_reason(broker, guest, version, name):
    """MQTT5-4.13.1-1, MQTT5-4.13.2-1, MQTT311-4.8.0-1: before 5.0 without a word."""
    wrong, reason = wrong_packets(version)[name]
    with Client(broker, guest, version) as client:
        client.connected()
        client.send(wrong)
        answers = client.packets_until_closed()
    if version == V311:
        assert answers == []
    else:
        assert [answer.kind for answer in answers] == [DISCONNECT]
        assert answers[0].body[0] == reason if reason else answers[0].body[0] >= 0x80


@VERSIONS
def test_a_filter_that_is_none_is_refused_by_itself(broker, guest, version):
    """MQTT5-4.7.1-1, MQTT5-4.7.1-2, MQTT311-4.7.1-2, MQTT311-4.7.1-3: and the others are granted."""
    refused = 0x80 if version == V311 else 0x8F
    own = f"granted/to/{guest.id}"  # a topic that no damaged packet of the tests above can have retained a message on
    filters = ["a/#/b", "a#", "a+/b", own, "$share/group", "1/2/3/4/5/6/7/8/9"]
    with Client(broker, guest, version) as client:
        client.connected()
        assert client.subscribe(*filters) == [refused] * 3 + [0] + [refused] * 2
        client.publish(own, b"granted")
        assert client.message().payload == b"granted"


@VERSIONS
def test_the_largest_packet_that_is_allowed_is_delivered(broker, guest, version):
    head = len(publish_packet("large", b"", version=version)) + 1  # one more byte of length
    with Client(broker, guest, version) as client:
        client.connected()
        client.subscribe("large")
        client.publish("large", bytes(PACKET_BYTES_MAX - head))
        assert len(client.message().payload) == PACKET_BYTES_MAX - head


def test_clients_that_break_the_rules_again_and_again_do_not_fill_the_log(broker, guest):
    """At most 20 lines a second and shard, whoever causes them."""
    begin, before = time.monotonic(), len(broker.log)
    for _ in range(500):
        with Client(broker, guest) as client:
            client.connected()
            client.send(b"\x00\x00")
            client.packets_until_closed()
    lines_max = 20 * 2 * (time.monotonic() - begin + 2)
    assert len(broker.log) - before < min(lines_max, 500)


CONTROLS = ["\n", "\r", "\x1b[2J", "\x7f", "\x85", "\x9b2J", "\u2028", "\u2029"]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_name_makes_no_line_of_its_own_and_commands_no_terminal(broker, control):
    time.sleep(0.1)  # no more than 20 lines a second are written
    name = f"caf\u00e9{control}forged{CONTROLS.index(control)}"
    with Client(broker) as client:
        assert client.connect(client_id=name)[0] is False
    end = time.monotonic() + 5
    shown = name.replace(control, "?" + control[1:])
    while not any(f"client {shown} from" in line for line in broker.log):
        assert time.monotonic() < end, broker.log_text()
        time.sleep(0.02)


def test_a_flood_of_bad_connections_leaves_the_others_alone(broker, steady_client):
    begin = time.monotonic()
    for number in range(500):
        with raw(broker) as sock:
            if number % 3 == 0:
                sock.sendall(HELLOS["http"])
            elif number % 3 == 1:
                sock.sendall(connect_packet("nobody", "nobody", "wrong"))
        if number % 50 == 0:
            steady_client.publish("steady", b"%d" % number, 1)
            assert steady_client.message().payload == b"%d" % number
    assert time.monotonic() - begin < 20


def test_twenty_thousand_quick_connections_leave_nothing_behind(broker, steady_client):
    """Half of them close, the other half reset. From many addresses, so that the ports suffice."""
    reset = struct.pack("ii", 1, 0)
    begin = time.monotonic()
    for number in range(20_000):
        port = broker.port if number % 4 else broker.tls_port
        host = f"127.0.2.{1 + number % 100}"
        sock = socket.create_connection(("127.0.0.1", port), 5, source_address=(host, 0))
        if number % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        sock.close()
        if number % 1000 == 0:
            steady_client.publish("steady", b"%d" % number, 1)
            assert steady_client.message().payload == b"%d" % number
    assert time.monotonic() - begin < 30
    broker.wait_for(lambda status: status["strangers"] == 0)


def test_many_strangers_at_once_leave_room_for_a_client(broker, guest):
    strangers = [raw(broker) for _ in range(300)]
    with Client(broker, guest) as client:
        client.connected()
        client.ping()
        client.disconnect()
    for stranger in strangers:
        stranger.close()


def test_a_reader_that_does_not_read_stops_nobody(broker, guest):
    writer_device = broker.add_device("open", "writer")
    with Client(broker, guest) as stuck, Client(broker, writer_device) as writer:
        stuck.connected()
        stuck.subscribe("flood", qos=0)
        writer.connected()
        writer.subscribe("flood-end")
        for _ in range(4000):
            writer.send(publish_packet("flood", bytes(4000)))
        writer.publish("flood-end", b"end", 1)
        assert writer.message().payload == b"end"


def test_a_connection_may_end_in_the_middle_of_anything(broker, guest):
    whole = connect_packet(guest.id, guest.id, guest.key) + subscribe_packet(1, [("a", 2)])
    whole += publish_packet("a", b"b", 2, 5)
    for size in range(0, len(whole), 3):
        with raw(broker) as sock:
            sock.sendall(whole[:size])
    # Some of these connections were let in, and have yet to be missed: what a device does then is try again.
    begin = time.monotonic()
    code = None
    while code != 0 and time.monotonic() - begin < 2:
        with Client(broker, guest) as client:
            code = client.connect()[1]
    assert code == 0
