"""What NATS clients see of the protocol, byte by byte: the same tests for this broker, with one
shard and with three, and for nats-server, whose clients they are.
"""
import socket
import time

import pytest

from nats_client import Client, pub

UNKNOWN = b"-ERR 'Unknown Protocol Operation'\r\n"
TOO_LONG = b"-ERR 'maximum control line exceeded'\r\n"
TOO_LARGE = b"-ERR 'Maximum Payload Violation'\r\n"
MAX_PAYLOAD = 1_048_576


def closes(client, data, *said):
    """Whether the server closes at once, after saying one of these."""
    begin = time.monotonic()
    farewell = client.farewell(data)
    return farewell in said and time.monotonic() - begin < 2


# --- INFO and CONNECT ----------------------------------------------------------------------------


def test_the_server_speaks_first(server):
    """NATS: INFO comes at once, in one line, with what the client libraries look at."""
    with Client(server) as client:
        info = client.info
        assert info["proto"] == 1 and info["headers"] is True
        assert info["max_payload"] == MAX_PAYLOAD
        assert info["host"] == "127.0.0.1" and info["port"] == server.port
        assert isinstance(info["client_id"], int)
        assert all(part.isdigit() for part in info["version"].split("."))
        assert len(info["version"].split(".")) == 3
        assert info["server_id"] and info["server_name"] and info["go"]
        assert info["client_ip"] == "127.0.0.1"
        assert not info.get("auth_required") and not info.get("tls_required")
        with Client(server) as other:
            assert other.info["client_id"] != info["client_id"]
            assert other.info["server_id"] == info["server_id"]


def test_nothing_comes_before_the_first_pong(server):
    """NATS: after CONNECT and PING the next line is PONG, nothing else."""
    with Client(server) as client:
        client.send(client.connect_line() + "PING\r\n")
        assert client.line() == b"PONG"


def test_a_client_may_begin_without_connect(server):
    """NATS: without authentication CONNECT may be left out."""
    with Client(server) as client:
        client.send("PING\r\n")
        assert client.line() == b"PONG"
        client.send("SUB never.connected 1\r\n")
        assert client.line() == b"+OK", "verbose is what holds without CONNECT"


def test_connect_defaults_to_verbose(server):
    """NATS: CONNECT {} is answered with +OK, and the next PING may come later."""
    with Client(server) as client:
        client.send("CONNECT {}\r\n")
        assert client.line() == b"+OK"
        client.send("PING\r\n")
        assert client.line() == b"PONG"


def test_verbose_clients_get_ok(server):
    """NATS: +OK for SUB, PUB and UNSUB, not for PING; the +OK of PUB comes before its message."""
    with server.client(verbose=True) as client:
        said = client.ask("SUB verbose.a 1\r\nPUB verbose.a 0\r\n\r\nUNSUB 1\r\n")
        assert said == b"+OK\r\n+OK\r\nMSG verbose.a 1 0\r\n\r\n+OK\r\n"


def test_connect_may_come_again(server):
    """NATS: a second CONNECT replaces the options."""
    with server.client(verbose=True) as client:
        client.send(client.connect_line(verbose=False))
        assert client.ask("SUB again.a 1\r\n") in (b"", b"+OK\r\n")  # nats-server: the old ones' +OK
        assert client.ask("SUB again.b 2\r\n") == b""


@pytest.mark.parametrize(
    "argument, said",
    [
        ("{bad", b""),
        ('{"verbose":1}', b""),
        ("[]", b""),
        ('{"verbose":false,"protocol":2}', b"-ERR 'invalid client protocol'\r\n"),
        (
            '{"verbose":false,"no_responders":true}',
            b"-ERR 'no responders requires headers support'\r\n",
        ),
    ],
)
def test_a_bad_connect_is_cut_off(server, argument, said):
    """NATS: a CONNECT that is no JSON object, or contradicts itself, ends the connection."""
    with Client(server) as client:
        assert closes(client, f"CONNECT {argument}\r\n", said)


def test_unknown_options_are_skipped(server):
    """NATS: fields of CONNECT that the server does not know are ignored."""
    with server.client(lang="any", colour={"deep": [1, None]}) as client:
        assert client.ask() == b""


# --- grammar -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    ["FOO\r\n", "\r\n", "SUB\r\n", "UNSUB\r\n", "PUB\r\n", "MSG a 1 0\r\n\r\n", "RS+ a b\r\n"]
    + ["PUB a 1\r\nxyPING\r\n", "PUB a 1\r\nxy\r\nPING\r\n", "subscribe a 1\r\n"],
)
def test_what_is_no_operation_is_cut_off(client, data):
    """NATS: an unknown operation, and a payload that does not end where it should."""
    assert closes(client, data, UNKNOWN)


@pytest.mark.parametrize(
    "data",
    ["SUB a\r\n", "PUB a abc\r\n", "PUB a -1\r\n", "PUB a +1\r\nx\r\n", "UNSUB 1 2 3\r\n"]
    + ["SUB a b c d\r\n", "PUB a b c 1\r\n", "PUB a 99999999999\r\n"]
    + ["HPUB a 20 18\r\n", "HPUB a x 18\r\n", "HPUB a 18\r\n"],
)
def test_wrong_arguments_are_cut_off(client, data):
    """NATS: a wrong number of arguments or a wrong size ends the connection; the words are free."""
    said = client.farewell(data)
    assert said == b"" or said.startswith(b"-ERR '"), said


def test_operations_are_read_as_nats_reads_them(client):
    """NATS: any case, any blanks, a bare line feed; leading zeros of a size."""
    client.send("sub\t grammar.a  \t 1 \r\npUb grammar.a\t002\nhi\r\nping  x\r\npong\r\n")
    assert client.until(b"PONG\r\n").replace(b"002", b"2") == b"MSG grammar.a 1 2\r\nhi\r\n"
    assert client.ask() == b""


def test_any_split_of_the_input_is_the_same(client):
    """NATS: one byte at a time, or all in one segment."""
    data = b"SUB split.a 1\r\nPUB split.a 7\r\na\r\nPING\r\nHPUB split.a r.x 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n"
    said = (
        b"MSG split.a 1 7\r\na\r\nPING\r\nHMSG split.a 1 r.x 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n"
    )
    assert client.ask(data) == said
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"UNSUB 1\r\n" + data:
        client.send(bytes([byte]))
    assert client.ask() == said


@pytest.mark.parametrize("size", [4094, 4095])
def test_a_control_line_is_bounded(client, size):
    """NATS: 4096 bytes of arguments pass, 4097 do not."""
    data = f"SUB {'x' * size} 1\r\n"
    if size == 4094:
        assert client.ask(data) == b""
        return
    assert closes(client, data, TOO_LONG)


def test_a_control_line_is_bounded_before_its_end(client):
    """NATS: a line that never ends is cut off as well."""
    assert closes(client, "SUB " + "x" * 9000, TOO_LONG)


def test_connect_is_a_control_line(server):
    """NATS: CONNECT is bounded like any other line."""
    with Client(server) as client:
        assert closes(client, client.connect_line(name="x" * 5000), TOO_LONG)


@pytest.mark.parametrize("header", [b"", b"NATS/1.0\r\nA: b\r\n\r\n"], ids=["PUB", "HPUB"])
def test_max_payload_is_exact(client, header):
    """NATS: max_payload bytes pass, the header block counted; one more does not."""
    payload = b"p" * (MAX_PAYLOAD - len(header))
    client.send("SUB large.a 1\r\n")
    (message,) = client.messages(pub("large.a", payload, header=header))
    assert message.payload == payload and message.header == header
    head = pub("large.a", payload + b"p", header=header).split(b"\r\n")[0] + b"\r\n"
    assert closes(client, head, TOO_LARGE), "the body is not waited for"
