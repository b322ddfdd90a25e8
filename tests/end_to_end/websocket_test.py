"""MQTT over WebSocket, plain and over TLS, by clients that are not ours: Boost.Beast's, MQTT.js, and
a page in Chromium. What only a broken client says is written by hand.
"""
import json
import socket
import ssl
import subprocess
import time
import urllib.parse
from pathlib import Path

import pytest

import broker_process
from beast import BeastSocket, Refused
from browser import Browser, serving
from mqtt_client import (
    CONNACK,
    PUBLISH,
    SUBACK,
    V5,
    V311,
    Client,
    Will,
    connect_packet,
    packet,
    publish_packet,
    subscribe_packet,
)

HERE = Path(__file__).resolve().parent
MQTTJS = HERE.parents[1] / "build-npm/node_modules/mqtt"
CONNECT_TIMEOUT_S = 2
PORTS = pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])
VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@pytest.fixture(scope="module")
def page_origin():
    with serving(HERE / "clients/page.html", MQTTJS / "dist/mqtt.min.js") as origin:
        yield origin


@pytest.fixture(scope="module")
def broker(tmp_path_factory, page_origin):
    """One with WebSocket on two more ports; the page may use both, and no other page may."""
    ports = {"ws": broker_process.free_port(), "wss": broker_process.free_port()}
    listeners = [
        {"transport": transport, "bind": "127.0.0.1", "port": port, "origins": [page_origin]}
        for transport, port in ports.items()
    ]
    settings = {"broker": {"threads": 2, "connect_timeout": f"{CONNECT_TIMEOUT_S}s"}}
    directory = tmp_path_factory.mktemp("broker")
    broker = broker_process.Broker(directory, listeners=listeners, **settings)
    broker.ws_ports = ports
    with broker_process.started(broker):
        yield broker


def ws_port(broker, tls):
    return broker.ws_ports["wss" if tls else "ws"]


def beast(broker, tls=False, **changes):
    return BeastSocket(ws_port(broker, tls), tls, ca_file=broker.ca_file, **changes)


@pytest.fixture
def guest(broker):
    return broker.add_device("open", "guest")


@pytest.fixture
def watcher(broker):
    """A client without WebSocket that sees everything."""
    with Client(broker, broker.add_device("open", "watcher")) as client:
        client.connected()
        client.subscribe("#")
        yield client


def log_has(broker, words):
    """Within the time limit; the log's lines come by another way than what sockets show."""
    give_up_at = time.monotonic() + 5
    while not any(words in line for line in broker.log):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.01)
    return True


# Boost.Beast


@PORTS
@VERSIONS
def test_a_client_over_websocket_and_one_without_hear_each_other(broker, guest, watcher, tls, version):
    with Client(broker, guest, version, sock=beast(broker, tls)) as client:
        assert client.socket.subprotocol == "mqtt"
        client.connected()
        client.subscribe("to/page", qos=1)
        for qos in (0, 1, 2):
            client.publish("from/page", f"qos {qos}".encode(), qos)
            assert watcher.message().payload == f"qos {qos}".encode()
        watcher.publish("to/page", b"hello", 1)
        assert client.message().payload == b"hello"


@PORTS
def test_a_large_message_passes_both_ways(broker, guest, tls):
    with Client(broker, guest, sock=beast(broker, tls)) as client:
        client.connected()
        client.subscribe("large", qos=1)
        payload = bytes(range(256)) * 3000
        client.publish("large", payload, 1)
        assert client.message().payload == payload


def test_mqtt_3_1_has_a_subprotocol_of_its_own(broker, guest):
    sock = beast(broker, subprotocol="mqttv3.1")
    assert sock.subprotocol == "mqttv3.1"
    with Client(broker, guest, sock=sock) as client:
        client.connected()


@PORTS
def test_mqtt_6_0_0_2_packets_and_messages_need_not_have_the_same_boundaries(broker, guest, tls):
    hello = connect_packet(guest.id, guest.id, guest.key)
    rest = subscribe_packet(1, [("cut", 0)]) + publish_packet("cut", b"whole")
    with Client(broker, sock=beast(broker, tls)) as client:
        client.socket.send_fragments(hello[:1], hello[1:5], b"", hello[5:])
        assert client.receive().kind == CONNACK
        client.send(rest[:-3])  # two packets and the beginning of a third in one message
        assert client.receive().kind == SUBACK
        for i in range(len(rest) - 3, len(rest)):
            client.send(rest[i : i + 1])
        found = client.receive()
        assert (found.kind, found.body[-5:]) == (PUBLISH, b"whole")


def test_mqtt_6_0_0_1_a_text_frame_ends_the_connection_and_its_will_is_published(
    broker, guest, watcher
):
    will = Will("will/of/page", b"gone", 0, False)
    with Client(broker, guest, sock=beast(broker)) as client:
        client.connected(will=will)
        assert client.socket.ask("text hello") == "ok"
        assert client.packets_until_closed() == []
        assert client.socket.close_code == 1003
    assert watcher.message().topic == "will/of/page"
    assert log_has(broker, f"client {guest.id} from 127.0.0.1")
    assert log_has(broker, "closed, a text frame (MQTT-6.0.0-1)")


@PORTS
def test_a_close_without_disconnect_is_answered_and_the_will_is_published(
    broker, guest, watcher, tls
):
    with Client(broker, guest, sock=beast(broker, tls)) as client:
        client.connected(will=Will("will/of/page", b"gone", 0, False))
        assert client.socket.ask("close") == "closed 1000"
    assert watcher.message().payload == b"gone"


@PORTS
def test_after_disconnect_the_broker_says_close_and_no_will_is_published(
    broker, guest, watcher, tls
):
    with Client(broker, guest, sock=beast(broker, tls)) as client:
        client.connected(will=Will("will/of/page", b"gone", 0, False))
        client.send(packet(0xE0, b""))
        assert client.packets_until_closed() == []
        assert client.socket.close_code == 1000
    watcher.publish("marker", b"later", 1)
    assert watcher.message().topic == "marker"


def test_a_ping_is_answered_by_a_pong(broker, guest):
    with Client(broker, guest, sock=beast(broker)) as client:
        client.connected()
        assert client.socket.ask("ping are-you-there") == "ok"
        client.ping()  # MQTT's own; its answer comes behind the pong
        assert client.socket.last_pong == "are-you-there"


def test_a_refused_client_reads_why_before_close(broker, guest):
    with Client(broker, guest, V5, sock=beast(broker)) as client:
        assert client.connect(password="wrong")[1] == 0x86
        assert client.packets_until_closed() == []
        assert client.socket.close_code == 1000


def test_another_path_or_subprotocol_is_refused_in_words(broker):
    with pytest.raises(Refused, match="404"):
        beast(broker, path="/other")
    with pytest.raises(Refused, match="400"):
        beast(broker, subprotocol="chat")


# Bytes that no proper client sends


def raw(broker, tls=False):
    sock = socket.create_connection(("127.0.0.1", ws_port(broker, tls)), 5)
    if not tls:
        return sock
    context = ssl.create_default_context(cafile=str(broker.ca_file))
    return context.wrap_socket(sock, server_hostname="localhost")


def request(*more, path="/mqtt"):
    fields = ["Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
    fields += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
    fields += ["Sec-WebSocket-Protocol: mqtt", *more]
    return (f"GET {path} HTTP/1.1\r\n" + "\r\n".join(fields) + "\r\n\r\n").encode()


def frame(payload, first_byte=0x82):
    """Masked with zeros, which leave it as it is. Up to 125 bytes."""
    return bytes([first_byte, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def said_until_closed(sock):
    said = b""
    while data := sock.recv(65536):
        said += data
    return said


@PORTS
def test_a_browser_is_told_what_this_port_is(broker, tls):
    with raw(broker, tls) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = said_until_closed(sock).decode()
    assert answer.startswith("HTTP/1.1 426 ")
    assert "MQTT over WebSocket" in answer


@pytest.mark.parametrize(
    "origin, status", [("https://evil.example", 403), ("null", 403), (None, 101), ("", 403)]
)
def test_only_pages_of_the_listed_origins_may_connect(broker, origin, status):
    with raw(broker) as sock:
        sock.sendall(request(*([] if origin is None else [f"Origin: {origin}"])))
        assert sock.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())


@PORTS
def test_the_upgrade_and_the_first_packets_may_come_at_once(broker, guest, tls):
    hello = connect_packet(guest.id, guest.id, guest.key)
    with raw(broker, tls) as sock:
        sock.sendall(request() + frame(hello[:20]) + frame(hello[20:] + packet(0xC0, b"")))
        answer = b""
        while not answer.endswith(b"\xd0\x00"):
            answer += sock.recv(4096)
        head, _, frames = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert frames == b"\x82\x04\x20\x02\x00\x00" + b"\x82\x02\xd0\x00"
        sock.sendall(frame(b"", 0x88))
        assert said_until_closed(sock) == b"\x88\x00"


@PORTS
def test_who_sends_all_at_once_and_closes_is_served_all_the_same(broker, guest, watcher, tls):
    hello = connect_packet(guest.id, guest.id, guest.key)
    rest = publish_packet("all", b"at once") + packet(0xE0, b"")
    with raw(broker, tls) as sock:
        sock.sendall(request() + frame(hello) + frame(rest) + frame(b"", 0x88))
        assert said_until_closed(sock).endswith(b"\x88\x00")
    assert watcher.message().payload == b"at once"


def test_the_upgrade_counts_within_the_time_for_connect(broker, guest):
    with raw(broker) as slow, raw(broker) as silent:
        slow.sendall(request())
        silent.sendall(request()[:-4])
        slow.settimeout(CONNECT_TIMEOUT_S + 3)
        silent.settimeout(CONNECT_TIMEOUT_S + 3)
        assert said_until_closed(slow).endswith(b"\x88\x02\x03\xe8")  # close 1000
        assert said_until_closed(silent) == b""


@pytest.mark.parametrize("piece_bytes", [1, 1000])
def test_an_endless_header_is_cut_off(broker, piece_bytes):
    with raw(broker) as sock:
        sock.sendall(b"GET /")
        try:
            for _ in range(9000 // piece_bytes):
                sock.sendall(b"a" * piece_bytes)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sock.recv(4096).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("payload", [b"x" * 125, b""], ids=["full", "empty"])
def test_a_flood_of_pings_to_a_client_that_does_not_read_costs_no_memory(broker, guest, payload):
    """More pongs than all buffers between the two could hold; the broker lives and answers."""
    hello = connect_packet(guest.id, guest.id, guest.key)
    with raw(broker) as sock:
        sock.sendall(request() + frame(hello))
        before = resident_bytes(broker)
        flood = frame(payload, 0x89) * 1000
        for _ in range(300):
            sock.sendall(flood)
        sock.sendall(frame(packet(0xC0, b"")))
        said = b""
        while b"\x82\x02\xd0\x00" not in said[-200:]:  # the answer, and perhaps one more pong
            said += sock.recv(65536)
        assert len(said) < len(flood) * 300 / 10
        assert resident_bytes(broker) < before + (8 << 20)


def test_a_stopped_broker_says_so_and_closes(tmp_path):
    port = broker_process.free_port()
    listeners = [{"transport": "ws", "bind": "127.0.0.1", "port": port}]
    broker = broker_process.Broker(tmp_path, listeners=listeners)
    broker.ws_ports = {"ws": port}
    with broker_process.started(broker):
        guest = broker.add_device("open")
        hello = connect_packet(guest.id, guest.id, guest.key, V5)
        sock = raw(broker)
        sock.sendall(request() + frame(hello) + frame(packet(0xC0, b"")))
        said = b""
        while not said.endswith(b"\xd0\x00"):
            said += sock.recv(4096)
    with sock:
        assert said_until_closed(sock) == b"\x82\x03\xe0\x01\x8b" + b"\x88\x02\x03\xe8"


def resident_bytes(broker):
    pages = Path(f"/proc/{broker.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def test_a_frame_with_a_monstrous_length_costs_no_memory(broker, guest):
    hello = connect_packet(guest.id, guest.id, guest.key)
    with Client(broker, guest, sock=raw(broker)) as client:
        header = b"\x82\xff" + (2**63 - 1).to_bytes(8, "big") + bytes(4)
        before = resident_bytes(broker)
        client.send(request() + header + hello + packet(0xC0, b"") * 1000)
        said = b""
        while said.count(b"\xd0\x00") < 1000:
            said += client.socket.recv(65536)
        assert resident_bytes(broker) < before + (8 << 20)


def test_each_port_says_in_the_log_who_has_come_to_the_wrong_one(broker):
    with socket.create_connection(("127.0.0.1", broker.port), 5) as sock:
        sock.sendall(request())
        assert said_until_closed(sock) == b""
    with raw(broker) as sock:
        sock.sendall(connect_packet("somebody"))
        assert said_until_closed(sock) == b""
    with socket.create_connection(("127.0.0.1", ws_port(broker, False)), 5) as sock:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ssl.create_default_context().wrap_socket(sock, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", ws_port(broker, True)), 5) as sock:
        sock.sendall(request())
        said_until_closed(sock)
    assert log_has(broker, "speaks HTTP or WebSocket")
    assert log_has(broker, "speaks MQTT without WebSocket")
    assert log_has(broker, "speaks TLS")
    assert log_has(broker, "http request")


# MQTT.js


def url_of(broker, tls, path="/mqtt"):
    return f"{'wss' if tls else 'ws'}://localhost:{ws_port(broker, tls)}{path}"


def options_of(device, **more):
    return {"clientId": device.id, "username": device.id, "password": device.key, **more}


def run_mqttjs(broker, device, tls, version, qos, payload_bytes):
    wanted = {
        "module": str(MQTTJS),
        "url": url_of(broker, tls),
        "options": options_of(device, protocolVersion=version),
        "topic": f"own/{device.id}",
        "qos": qos,
        "payloadBytes": payload_bytes,
    }
    done = subprocess.run(
        ["node", str(HERE / "clients/mqttjs_client.js"), json.dumps(wanted)],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_EXTRA_CA_CERTS": str(broker.ca_file)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@PORTS
@VERSIONS
@pytest.mark.parametrize("qos, payload_bytes", [(0, 5), (1, 500_000), (2, 70_000)])
def test_mqttjs_hears_itself(broker, guest, tls, version, qos, payload_bytes):
    told = run_mqttjs(broker, guest, tls, version, qos, payload_bytes)
    assert told == {"topic": f"own/{guest.id}", "payloadBytes": payload_bytes, "same": True}


def test_mqttjs_is_refused_with_a_wrong_key(broker, guest):
    told = run_mqttjs(broker, guest._replace(key="sk_live_wrong"), False, V5, 0, 5)
    assert "refused" in told["error"].lower()


# A page in Chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


def page_url(origin, url, device):
    wanted = {"url": url, "options": options_of(device, protocolVersion=5), "topic": "to/page"}
    return f"{origin}/page.html#{urllib.parse.quote(json.dumps(wanted))}"


@PORTS
def test_a_page_in_a_browser_subscribes_and_shows_a_message(
    broker, guest, watcher, browser, page_origin, tls
):
    browser.open(page_url(page_origin, url_of(broker, tls), guest))
    browser.wait_for_text("state", "subscribed")
    watcher.publish("to/page", "grüße".encode(), 1)
    browser.wait_for_text("message", "to/page: grüße")


def test_a_page_of_another_origin_is_refused(broker, guest, browser):
    with serving(HERE / "clients/page.html", MQTTJS / "dist/mqtt.min.js") as other_origin:
        browser.open(page_url(other_origin, url_of(broker, False), guest))
        browser.wait_for_text("state", "closed")
    assert log_has(broker, "HTTP status 403")
