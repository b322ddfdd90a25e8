"""What has a time: a will's delay, a session's and a message's expiry. With a real clock: never early, and not
later than a tolerance. (The unit tests are exact to the millisecond.)
"""
import itertools
import struct
import time

import pytest

import broker_process
from mqtt_client import CONNACK, PUBLISH, V5, Client, connect_packet, length, packet, subscribe_packet, text

LATE_S = 0.5  # a busy machine may take that until the test's process sees what the broker did
SESSION_EXPIRY, MESSAGE_EXPIRY, WILL_DELAY = b"\x11", b"\x02", b"\x18"

_numbers = itertools.count(1)


def seconds(property_id, value):
    return property_id + struct.pack(">I", value)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with broker_process.running(tmp_path_factory.mktemp("broker"), broker={"threads": 2}) as broker:
        yield broker


@pytest.fixture(scope="module")
def devices(broker):
    """One for each end of a test, with homes on both shards."""
    return [broker.add_device("open", "clock") for _ in range(4)]


@pytest.fixture
def topic():
    return f"clock/{next(_numbers)}"


def connect_with_will(broker, device, topic, delay_s, expiry_s):
    """A client whose will waits, on a session that outlives the connection."""
    client = Client(broker, device, V5)
    head = text("MQTT") + bytes([V5, 0xC0 | 0x08 | 0x04]) + struct.pack(">H", 60)
    properties, will = seconds(SESSION_EXPIRY, expiry_s), seconds(WILL_DELAY, delay_s)
    payload = text(device.id) + length(len(will)) + will + text(topic) + text("gone")
    payload += text(device.id) + text(device.key)
    client.send(packet(0x10, head + length(len(properties)) + properties + payload))
    assert client.connect_answer() == (False, 0)
    return client


@pytest.mark.parametrize("delay_s", [0, 1, 2])
def test_a_will_comes_after_its_delay(broker, devices, topic, delay_s):
    """MQTT5-3.1.2-8: a will comes when its delay has passed, not before and not much later"""
    with Client(broker, devices[1], V5).connected() as reader:
        reader.subscribe(topic, qos=1)
        lost = connect_with_will(broker, devices[0], topic, delay_s, 60)
        begin = time.monotonic()
        lost.close()
        assert reader.message().payload == b"gone"
        took = time.monotonic() - begin
        assert delay_s <= took <= delay_s + LATE_S
    with Client(broker, devices[0], V5) as again:
        again.connected(clean=True)


def test_a_will_does_not_wait_longer_than_its_session(broker, devices, topic):
    """MQTT5-4.1.0-2, MQTT5-3.1.2-8: a session ends on time, and its will with it"""
    with Client(broker, devices[1], V5).connected() as reader:
        reader.subscribe(topic, qos=1)
        lost = connect_with_will(broker, devices[0], topic, 30, 1)
        begin = time.monotonic()
        lost.close()
        assert reader.message().payload == b"gone"
        assert 1 <= time.monotonic() - begin <= 1 + LATE_S


@pytest.mark.parametrize("away_s, present", [(0.7, True), (1.0 + LATE_S, False)], ids=["in time", "too late"])
def test_a_session_ends_when_its_interval_has_passed(broker, devices, topic, away_s, present):
    """MQTT5-3.1.2-23, MQTT5-4.1.0-2: a session is there until its interval has passed, and then gone"""
    interval = {"clean": False, "properties": seconds(SESSION_EXPIRY, 1)}
    with Client(broker, devices[2], V5) as client:
        client.connected(clean=True, properties=seconds(SESSION_EXPIRY, 1))
        client.subscribe(topic, qos=1)
        client.close()
    begin = time.monotonic()
    time.sleep(away_s)  # it is the passing of time that is tested
    with Client(broker, devices[2], V5) as client:
        session_present, code = client.connect(**interval)
        assert (session_present, code) == (present, 0), f"after {time.monotonic() - begin:.3f} s"
        client.send(packet(0xE0, b"\x00\x05" + seconds(SESSION_EXPIRY, 0)))


@pytest.mark.parametrize("retained", [False, True], ids=["waiting", "retained"])
def test_a_message_is_sent_until_its_interval_has_passed(broker, devices, topic, retained):
    """MQTT5-3.3.2-5, MQTT5-3.3.2-6: a message is sent with what is left of its interval, and not after it"""
    with Client(broker, devices[3], V5) as reader:
        reader.connected(clean=True, properties=seconds(SESSION_EXPIRY, 60))
        if not retained:
            reader.subscribe(topic + "/#", qos=1)
        reader.disconnect()

    with Client(broker, devices[0], V5).connected() as writer:
        begin = time.monotonic()
        for number, expiry_s in enumerate((1, 2, 100)):
            body = text(f"{topic}/{number}") + b"\x00\x01" + b"\x05" + seconds(MESSAGE_EXPIRY, expiry_s)
            writer.send(packet(0x32 | retained, body + b"%d" % expiry_s))
            writer.receive()
        published = time.monotonic()
    time.sleep(max(0, begin + 1.5 - time.monotonic()))  # the first has expired, the others have not

    with Client(broker, devices[3], V5) as reader:
        reader.send(
            connect_packet(
                reader.device.id, reader.device.id, reader.device.key, V5, False,
                properties=seconds(SESSION_EXPIRY, 0),
            )
        )
        assert reader.receive().kind == CONNACK
        if retained:
            reader.send(subscribe_packet(1, [(topic + "/#", 1)], V5))
        left = dict(message_expiry(reader) for _ in range(2))
        now = time.monotonic()
    assert sorted(left) == [b"100", b"2"]
    for payload, expiry_s in ((b"2", 2), (b"100", 100)):
        # Whole seconds, rounded up: never less than is left, and never more than at the beginning.
        assert expiry_s - (now - begin) <= left[payload] <= expiry_s - (now - published) + 1 + LATE_S


def message_expiry(reader):
    """The next message's payload and the interval that it has left."""
    while True:
        found = reader.receive()
        if found.kind == PUBLISH:
            break
    at = 2 + struct.unpack(">H", found.body[:2])[0] + 2
    assert found.body[at : at + 2] == b"\x05" + MESSAGE_EXPIRY, found
    return found.body[at + 6 :], struct.unpack(">I", found.body[at + 2 : at + 6])[0]
