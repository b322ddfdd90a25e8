"""A small NATS client over a plain or TLS socket, written for tests: it shows every byte, and lets a
test say what no proper client would; and the servers that it talks to.
"""
import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections import namedtuple

import broker_process

ANSWER_WITHIN_S = 5
NATS_SERVER = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
QUIET = {"verbose": False, "pedantic": False, "protocol": 1, "headers": True, "no_responders": True}

Account = namedtuple("Account", "name key key_id")
Message = namedtuple("Message", "subject sid reply header payload")

LINE = re.compile(rb"(H?)MSG (\S+) (\S+) (?:(\S+) )??(?:(\d+) )?(\d+)\r\n")


class Server:
    """Where NATS clients connect. account: whose key they show; None: none. broker: if it is ours."""

    def __init__(self, port, account=None, broker=None):
        self.port, self.account, self.broker = port, account, broker

    def client(self, **options):
        """A client that has been let in."""
        return Client(self).connected(**options)


def add_service(broker, name, *options):
    added = broker.ask("service", "add", name, *options)
    return Account(name, added["api_key"], added["key_id"])


def make_broker(directory, threads=1, nats=None, **settings):
    """A broker that listens for NATS clients, with the port in nats_port."""
    port = broker_process.free_port()
    nats = {"listen": f"127.0.0.1:{port}", **(nats or {})}
    settings["broker"] = {"threads": threads, **settings.get("broker", {})}
    broker = broker_process.Broker(directory, nats=nats, **settings)
    broker.nats_port = port
    return broker


@contextlib.contextmanager
def serving(directory, **settings):
    """Such a broker for a while, with a service account that clients use."""
    broker = make_broker(directory, **settings)
    with broker_process.started(broker):
        yield Server(broker.nats_port, add_service(broker, "back-end"), broker)


@contextlib.contextmanager
def nats_server(*options):
    """Debian's nats-server for a while, without accounts."""
    port = broker_process.free_port()
    command = [NATS_SERVER, "-a", "127.0.0.1", "-p", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield Server(port)
    finally:
        process.kill()
        process.wait()


def wait_for_port(port, within_s=10):
    end = time.monotonic() + within_s
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end, f"nobody listens on port {port}"
            time.sleep(0.02)


class Closed(Exception):
    """The server has closed the connection."""


class Client:
    def __init__(self, server, receive_buffer=None):
        self.server = server
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(ANSWER_WITHIN_S)
        self.socket.connect(("127.0.0.1", server.port))
        self._received = b""
        self.info = self.read_info()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Bytes and lines

    def send(self, data):
        try:
            self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error

    def _receive(self):
        try:
            data = self.socket.recv(1 << 20)
        except (ConnectionResetError, ssl.SSLEOFError) as error:
            raise Closed from error
        if not data:
            raise Closed
        self._received += data

    def take(self, size):
        while len(self._received) < size:
            self._receive()
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def line(self, within_s=ANSWER_WITHIN_S):
        """The next line, without its end."""
        self.socket.settimeout(within_s)
        while b"\r\n" not in self._received:
            self._receive()
        line, _, self._received = self._received.partition(b"\r\n")
        return line

    def read_info(self):
        line = self.line()
        assert line.startswith(b"INFO "), line
        return json.loads(line[5:])

    def until(self, end, within_s=ANSWER_WITHIN_S):
        """All that comes before these bytes; they are taken too."""
        self.socket.settimeout(within_s)
        while end not in self._received:
            self._receive()
        before, _, self._received = self._received.partition(end)
        return before

    def farewell(self, data=b"", within_s=ANSWER_WITHIN_S):
        """Sends this, and returns all that the server still says before it closes."""
        self.socket.settimeout(within_s)
        with contextlib.suppress(Closed):
            self.send(data)
        with contextlib.suppress(Closed):
            while True:
                self._receive()
        said, self._received = self._received, b""
        return said

    def close(self):
        """Returns when the server has noticed, so that nothing of this client is left there."""
        with contextlib.suppress(OSError, Closed):
            self.socket.settimeout(ANSWER_WITHIN_S)
            self.socket.shutdown(socket.SHUT_WR)
            while True:
                self._received = b""
                self._receive()
        self.socket.close()

    # Whole exchanges

    def start_tls(self, context, hostname="localhost"):
        assert not self._received, "the server said more than INFO in clear"
        self.socket = context.wrap_socket(self.socket, server_hostname=hostname)

    def connect_line(self, **changes):
        options = dict(QUIET)
        if self.server.account:
            options.update({"user": self.server.account.name, "pass": self.server.account.key})
        options.update(changes)
        options = {key: value for key, value in options.items() if value is not None}
        return f"CONNECT {json.dumps(options)}\r\n"

    def connected(self, **changes):
        self.send(self.connect_line(**changes) + "PING\r\n")
        answer = self.line()
        if answer == b"+OK":
            answer = self.line()
        assert answer == b"PONG", answer
        return self

    def ask(self, data=b"", within_s=ANSWER_WITHIN_S):
        """Sends this and PING; returns what comes before PONG."""
        self.send((data if isinstance(data, bytes) else data.encode()) + b"PING\r\n")
        return self.until(b"PONG\r\n", within_s)

    def publish(self, subject, payload=b"", reply="", header=b""):
        self.send(pub(subject, payload, reply, header))

    def message(self, within_s=ANSWER_WITHIN_S):
        """The next message."""
        line = self.line(within_s) + b"\r\n"
        return self._message_of(line)

    def _message_of(self, line):
        found = LINE.fullmatch(line)
        assert found, line
        has_header, subject, sid, reply, header_size, size = found.groups()
        if not has_header and header_size:  # a reply of digits
            reply, header_size = header_size, None
        header = self.take(int(header_size or 0))
        payload = self.take(int(size) - len(header))
        assert self.take(2) == b"\r\n"
        return Message(subject.decode(), sid.decode(), (reply or b"").decode(), header, payload)

    def messages(self, data=b"", within_s=ANSWER_WITHIN_S):
        """Sends this and PING; returns the messages that come before PONG."""
        self.send((data if isinstance(data, bytes) else data.encode()) + b"PING\r\n")
        found = []
        while True:
            line = self.line(within_s)
            if line == b"PONG":
                return found
            found.append(self._message_of(line + b"\r\n"))


def pub(subject, payload=b"", reply="", header=b""):
    """The bytes of PUB, or HPUB if there is a header block."""
    payload = payload.encode() if isinstance(payload, str) else payload
    head = f"{'HPUB' if header else 'PUB'} {subject} {reply + ' ' if reply else ''}"
    if header:
        head += f"{len(header)} "
    return f"{head}{len(header) + len(payload)}\r\n".encode() + header + payload + b"\r\n"


def headers(*fields):
    """A header block of (name, value)."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"NATS/1.0\r\n{lines}\r\n".encode()
