"""A small MQTT client over a plain or TLS socket, written for tests: it shows every byte and every
reason code, and it lets a test say what no proper client would.
"""
import contextlib
import socket
import ssl
import struct
from collections import namedtuple

CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 2, 3, 4, 5, 6, 7
SUBACK, UNSUBACK, PINGRESP, DISCONNECT = 9, 11, 13, 14
V311, V5 = 4, 5
ANSWER_WITHIN_S = 5

Packet = namedtuple("Packet", "kind flags body")
Message = namedtuple("Message", "topic payload qos retain dup")
Will = namedtuple("Will", "topic payload qos retain")
NO_PROPERTIES = b""


def text(value):
    """A UTF-8 string on the wire; bytes are taken as they are, valid or not."""
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def length(value):
    """A variable byte integer."""
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def packet(first_byte, body):
    return bytes([first_byte]) + length(len(body)) + body


def properties_for(version, properties=NO_PROPERTIES):
    return length(len(properties)) + properties if version == V5 else b""


def connect_packet(
    client_id,
    username=None,
    password=None,
    version=V311,
    clean=True,
    keep_alive=60,
    will=None,
    properties=NO_PROPERTIES,
):
    flags = (0x02 if clean else 0) | (0x80 if username is not None else 0)
    flags |= 0x40 if password is not None else 0
    payload = text(client_id)
    if will:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += properties_for(version) + text(will.topic) + text(will.payload)
    payload += text(username) if username is not None else b""
    payload += text(password) if password is not None else b""
    head = text("MQTT") + bytes([version, flags]) + struct.pack(">H", keep_alive)
    return packet(0x10, head + properties_for(version, properties) + payload)


def publish_packet(topic, payload, qos=0, packet_id=1, version=V311, retain=False, dup=False):
    first_byte = 0x30 | (8 if dup else 0) | qos << 1 | (1 if retain else 0)
    body = text(topic) + (struct.pack(">H", packet_id) if qos else b"") + properties_for(version)
    return packet(first_byte, body + payload)


def subscribe_packet(packet_id, filter_options, version=V311):
    """filter_options: pairs of a filter and its options byte, of which QoS is the low two bits."""
    body = struct.pack(">H", packet_id) + properties_for(version)
    for topic_filter, options in filter_options:
        body += text(topic_filter) + bytes([options])
    return packet(0x82, body)


def take_length(data, at):
    """Reads a variable byte integer; returns it and the place behind it."""
    value = shift = 0
    while True:
        digit = data[at]
        at += 1
        value |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            return value, at


class Closed(Exception):
    """The broker has closed the connection."""


class Client:
    def __init__(self, broker, device=None, version=V311, tls=False, host="127.0.0.1", sock=None):
        self.broker, self.device, self.version = broker, device, version
        port = broker.tls_port if tls else broker.port
        self.socket = sock or socket.create_connection((host, port), ANSWER_WITHIN_S)
        self.socket.settimeout(ANSWER_WITHIN_S)
        if tls:
            context = ssl.create_default_context(cafile=str(broker.ca_file))
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self._received = b""
        self._inbox = []
        self._released = set()  # packet ids of QoS 2 messages that arrived and await PUBREL
        self._next_id = 0

    # Bytes and packets

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error

    def receive(self, within_s=ANSWER_WITHIN_S):
        """The next packet. Raises Closed at the end, TimeoutError when nothing comes."""
        self.socket.settimeout(within_s)
        while True:
            found = self._cut()
            if found:
                return found
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError) as error:
                raise Closed from error
            if not data:
                raise Closed
            self._received += data

    def _cut(self):
        data = self._received
        end_of_length = next((i for i in range(1, len(data)) if data[i] < 0x80), None)
        if end_of_length is None:
            return None
        size, begin = take_length(data, 1)
        if len(data) < begin + size:
            return None
        self._received = data[begin + size :]
        return Packet(data[0] >> 4, data[0] & 0x0F, data[begin : begin + size])

    def packets_until_closed(self, within_s=ANSWER_WITHIN_S):
        """All that the broker still says before it closes; TimeoutError if it does not close."""
        packets = []
        while True:
            try:
                packets.append(self.receive(within_s))
            except Closed:
                return packets

    def close(self):
        """Goes without a word, as a client does that crashes."""
        self.socket.close()

    def disconnect(self):
        with contextlib.suppress(Closed):
            self.send(packet(0xE0, b""))
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Whole exchanges

    def send_connect(self, **changes):
        """Shows the device's own credentials, with changes."""
        arguments = {"version": self.version}
        if self.device:
            arguments.update(
                client_id=self.device.id, username=self.device.id, password=self.device.key
            )
        arguments.update(changes)
        self.send(connect_packet(**arguments))

    def connect_answer(self, within_s=ANSWER_WITHIN_S):
        """Returns (session present, code)."""
        answer = self.receive(within_s)
        assert answer.kind == CONNACK, answer
        self.connack = answer.body
        return bool(answer.body[0]), answer.body[1]

    def connect(self, within_s=ANSWER_WITHIN_S, **changes):
        self.send_connect(**changes)
        return self.connect_answer(within_s)

    def connected(self, **changes):
        """The same for those who must be let in; returns the client."""
        _, code = self.connect(**changes)
        assert code == 0, f"refused with {code:#x}"
        return self

    def ping(self):
        self.send(packet(0xC0, b""))
        self._answer(PINGRESP)

    def subscribe(self, *filters, qos=0):
        """Returns the granted QoS or the failure for each filter."""
        packet_id = self._packet_id()
        self.send(subscribe_packet(packet_id, [(f, qos) for f in filters], self.version))
        body = self._answer(SUBACK, packet_id)
        if self.version == V5:
            size, begin = take_length(body, 2)
            return list(body[begin + size :])
        return list(body[2:])

    def unsubscribe(self, topic_filter):
        packet_id = self._packet_id()
        body = struct.pack(">H", packet_id) + properties_for(self.version) + text(topic_filter)
        self.send(packet(0xA2, body))
        self._answer(UNSUBACK, packet_id)

    def publish(self, topic, payload=b"x", qos=0, retain=False):
        """Publishes and waits for what the QoS promises; returns the reason code, 0 if none."""
        packet_id = self._packet_id() if qos else 0
        self.send(publish_packet(topic, payload, qos, packet_id, self.version, retain))
        if qos == 0:
            return 0
        body = self._answer(PUBACK if qos == 1 else PUBREC, packet_id)
        reason = body[2] if len(body) > 2 else 0
        if qos == 2 and reason < 0x80:
            self.send(packet(0x62, struct.pack(">H", packet_id)))
            self._answer(PUBCOMP, packet_id)
        return reason

    def message(self, within_s=ANSWER_WITHIN_S):
        """The next message, acknowledged as its QoS wants it."""
        while not self._inbox:
            self._keep(self.receive(within_s))
        return self._inbox.pop(0)

    def messages(self, count):
        return [self.message() for _ in range(count)]

    def _packet_id(self):
        self._next_id = self._next_id % 65535 + 1
        return self._next_id

    def _answer(self, kind, packet_id=None):
        """Waits for an answer; messages that come meanwhile are kept for message()."""
        while True:
            found = self.receive()
            if found.kind == kind:
                if packet_id is not None:
                    assert struct.unpack(">H", found.body[:2])[0] == packet_id, found
                return found.body
            self._keep(found)

    def _keep(self, found):
        if found.kind == PUBREL:
            self._released.discard(found.body[:2])
            self.send(packet(0x70, found.body[:2]))
            return
        assert found.kind == PUBLISH, f"unexpected {found}"
        topic_bytes = struct.unpack(">H", found.body[:2])[0]
        topic = found.body[2 : 2 + topic_bytes].decode()
        at = 2 + topic_bytes
        qos = found.flags >> 1 & 3
        packet_id = found.body[at : at + 2] if qos else b""
        at += len(packet_id)
        if self.version == V5:
            size, begin = take_length(found.body, at)
            at = begin + size
        dup, retain = bool(found.flags & 8), bool(found.flags & 1)
        message = Message(topic, found.body[at:], qos, retain, dup)
        if qos == 1:
            self.send(packet(0x40, packet_id))
        if qos == 2:
            self.send(packet(0x50, packet_id))
            if packet_id in self._released:
                return  # sent again before its PUBREL: the same message
            self._released.add(packet_id)
        self._inbox.append(message)


def is_closed(client, within_s):
    """Does the broker close the connection in time?"""
    try:
        client.packets_until_closed(within_s)
        return True
    except TimeoutError:
        return False
