"""What a publisher and a subscriber are promised, with 1, 2 and 4 shards."""
import itertools
import time

import pytest

from mqtt_client import (
    DISCONNECT,
    V5,
    V311,
    Client,
    Will,
    connect_packet,
    is_closed,
    publish_packet,
    subscribe_packet,
)

_numbers = itertools.count(1)
VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@pytest.fixture(scope="module")
def devices(sharded_broker):
    """Enough of them that every shard is some device's home."""
    return [sharded_broker.add_device("open", "client") for _ in range(8)]


@pytest.fixture
def topic():
    """A topic that belongs to one test."""
    return f"test/{next(_numbers)}"


@pytest.fixture
def enter(sharded_broker):
    """Connects clients that are gone after the test."""
    clients = []

    def connect(device, version=V311, **arguments):
        client = Client(sharded_broker, device, version)
        clients.append(client)
        return client.connected(**arguments)

    yield connect
    for client in clients:
        if client.socket.fileno() >= 0:
            client.disconnect()


@VERSIONS
def test_the_lower_of_two_qos_counts(enter, devices, topic, version):
    writer, reader = enter(devices[0], version), enter(devices[1], version)
    for granted in (0, 1, 2):
        assert reader.subscribe(topic, qos=granted) == [granted]
        for sent in (0, 1, 2):
            writer.publish(topic, b"%d" % sent, sent)
            message = reader.message()
            assert (message.payload, message.qos) == (b"%d" % sent, min(sent, granted))


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_each_publishers_messages_arrive_once_and_in_order(enter, devices, topic, qos):
    readers = [enter(device, version) for device, version in zip(devices[:4], (V311, V5) * 2)]
    writers = [enter(device, version) for device, version in zip(devices[4:], (V311, V5) * 2)]
    for reader in readers:
        reader.subscribe(topic + "/+", qos=qos)
    for number in range(25):
        for name, writer in enumerate(writers):
            writer.publish(f"{topic}/{name}", b"%d" % number, qos)
    for reader in readers:
        received = reader.messages(25 * len(writers))
        for name in range(len(writers)):
            of_one = [m.payload for m in received if m.topic == f"{topic}/{name}"]
            assert of_one == [b"%d" % number for number in range(25)]


@VERSIONS
def test_wildcards_match_as_the_standard_says(enter, devices, topic, version):
    writer = enter(devices[0], version)
    readers = {}
    for device, topic_filter in zip(devices[1:], ("/+/c", "/#", "/a/+", "/a/b/c", "/+")):
        readers[topic_filter] = enter(device, version)
        assert readers[topic_filter].subscribe(topic + topic_filter) == [0]
    for name in ("", "/a", "/a/b", "/a/c", "/a/b/c"):
        writer.publish(topic + name, name.encode(), 1)
    for reader in readers.values():
        reader.subscribe(topic + "-end")
    writer.publish(topic + "-end", b"end", 1)

    def received(reader):
        names = []
        while (message := reader.message()).payload != b"end":
            names.append(message.payload.decode())
        return names

    assert {topic_filter: received(reader) for topic_filter, reader in readers.items()} == {
        "/+/c": ["/a/c"],
        "/#": ["", "/a", "/a/b", "/a/c", "/a/b/c"],
        "/a/+": ["/a/b", "/a/c"],
        "/a/b/c": ["/a/b/c"],
        "/+": ["/a"],
    }


def test_wildcards_at_the_front_do_not_see_dollar_topics(enter, devices):
    writer, reader = enter(devices[0]), enter(devices[1])
    reader.subscribe("#", "+/dollar")
    writer.publish("$test/dollar", b"hidden", 1)
    writer.publish("plain/dollar", b"seen", 1)
    assert reader.message().payload == b"seen"


def test_after_unsubscribing_nothing_more_comes(enter, devices, topic):
    writer, reader = enter(devices[0]), enter(devices[1])
    reader.subscribe(topic, topic + "-end")
    writer.publish(topic, b"first", 1)
    assert reader.message().payload == b"first"
    reader.unsubscribe(topic)
    writer.publish(topic, b"second", 1)
    writer.publish(topic + "-end", b"end", 1)
    assert reader.message().payload == b"end"


@VERSIONS
def test_a_retained_message_waits_for_who_subscribes_later(enter, devices, topic, version):
    writer, reader = enter(devices[0], version), enter(devices[1], version)
    writer.publish(topic, b"old", 1, retain=True)
    writer.publish(topic, b"new", 1, retain=True)
    reader.subscribe(topic, qos=1)
    message = reader.message()
    assert (message.payload, message.retain, message.qos) == (b"new", True, 1)
    writer.publish(topic, b"live", 1, retain=True)
    message = reader.message()
    assert (message.payload, message.retain) == (b"live", False)

    writer.publish(topic, b"", 1, retain=True)  # clears it
    assert reader.message().payload == b""
    late = enter(devices[2], version)
    late.subscribe(topic, topic + "-end")
    writer.publish(topic + "-end", b"end", 1)
    assert late.message().payload == b"end"


def test_retained_messages_are_found_through_wildcards(enter, devices, topic):
    writer, reader = enter(devices[0]), enter(devices[1])
    for name in ("a", "b", "c/d"):
        writer.publish(f"{topic}/{name}", name.encode(), 1, retain=True)
    reader.subscribe(topic + "/#")
    assert sorted(m.payload for m in reader.messages(3)) == [b"a", b"b", b"c/d"]
    for name in ("a", "b", "c/d"):
        writer.publish(f"{topic}/{name}", b"", 1, retain=True)


@VERSIONS
def test_a_will_is_published_when_a_client_is_lost(enter, devices, topic, version):
    """MQTT5-3.1.2-8, MQTT5-3.1.2-14, MQTT311-3.1.2-8, MQTT311-3.1.2-16: as it was given in CONNECT."""
    reader = enter(devices[0], version)
    reader.subscribe(topic, qos=2)
    lost = enter(devices[1], version, will=Will(topic, b"lost", 2, False))
    lost.close()
    message = reader.message()
    assert (message.payload, message.qos, message.retain) == (b"lost", 2, False)


@VERSIONS
def test_a_will_is_forgotten_when_a_client_says_goodbye(enter, devices, topic, version):
    """MQTT5-3.1.2-10, MQTT311-3.1.2-10: after DISCONNECT there is none."""
    reader = enter(devices[0], version)
    reader.subscribe(topic, qos=1)
    enter(devices[1], version, will=Will(topic, b"polite", 1, False)).disconnect()
    enter(devices[2], version, will=Will(topic, b"rude", 1, False)).close()
    assert reader.message().payload == b"rude"


def test_a_retained_will_is_retained(enter, devices, topic):
    reader = enter(devices[0])
    reader.subscribe(topic)
    enter(devices[1], will=Will(topic, b"offline", 1, True)).close()
    assert reader.message().retain is False
    late = enter(devices[2])
    late.subscribe(topic)
    message = late.message()
    assert (message.payload, message.retain) == (b"offline", True)
    late.publish(topic, b"", 1, retain=True)


def persistent(version, clean=False):
    """What CONNECT says for a session that outlives its connection by an hour."""
    if version == V311:
        return {"clean": clean}
    return {"clean": clean, "properties": b"\x11\x00\x00\x0e\x10"}


@VERSIONS
@pytest.mark.parametrize("qos", [1, 2])
def test_messages_wait_for_a_session_that_is_away(enter, sharded_broker, devices, topic, version, qos):
    device = sharded_broker.add_device("open", "away")
    reader, writer = enter(device, version, **persistent(version)), enter(devices[0], version)
    reader.subscribe(topic, qos=qos)
    if qos == 1:
        reader.close()
    else:
        reader.disconnect()
    for number in range(50):
        writer.publish(topic, b"%d" % number, qos)

    back = Client(sharded_broker, device, version)
    assert back.connect(**persistent(version)) == (True, 0)
    assert [m.payload for m in back.messages(50)] == [b"%d" % number for number in range(50)]
    writer.publish(topic, b"live", qos)
    assert back.message().payload == b"live"
    back.disconnect()

    fresh = Client(sharded_broker, device, version)
    assert fresh.connect(clean=True) == (False, 0)
    fresh.disconnect()


@VERSIONS
def test_what_was_not_acknowledged_is_sent_again(enter, sharded_broker, devices, topic, version):
    device = sharded_broker.add_device("open", "away")
    reader, writer = enter(device, version, **persistent(version)), enter(devices[0], version)
    reader.subscribe(topic, qos=1)
    writer.publish(topic, b"twice", 1)
    first = reader.receive()
    assert not first.flags & 8
    reader.close()

    back = enter(device, version, **persistent(version))
    message = back.message()
    assert (message.payload, message.dup) == (b"twice", True)


@VERSIONS
def test_a_clean_session_leaves_nothing_behind(enter, sharded_broker, devices, topic, version):
    device = sharded_broker.add_device("open", "clean")
    reader = enter(device, version)
    reader.subscribe(topic, qos=1)
    reader.disconnect()
    enter(devices[0], version).publish(topic, b"for nobody", 1)
    with Client(sharded_broker, device, version) as back:
        assert back.connect(**persistent(version)) == (False, 0)
        back.publish(topic, b"not subscribed", 1)
        back.subscribe(topic + "-end")
        back.publish(topic + "-end", b"end", 1)
        assert back.message().payload == b"end"
        back.disconnect()


def test_a_shared_subscription_gives_each_message_to_one_member(enter, devices, topic):
    writer = enter(devices[0], V5)
    members = [enter(device, version) for device, version in zip(devices[1:4], (V5, V311, V5))]
    for member in members:
        assert member.subscribe(f"$share/group/{topic}", topic + "-end", qos=1) == [1, 1]
    watcher = enter(devices[4])
    watcher.subscribe(topic, qos=1)
    for number in range(30):
        writer.publish(topic, b"%d" % number, 1)
    assert len(watcher.messages(30)) == 30

    # Shared messages may take one hop more than others: wait for the sum, then see that no more comes.
    shares = [[] for _ in members]
    until = time.monotonic() + 5
    while sum(map(len, shares)) < 30 and time.monotonic() < until:
        for member, share in zip(members, shares):
            try:
                share.append(int(member.message(0.05).payload))
            except TimeoutError:
                pass
    writer.publish(topic + "-end", b"end", 1)
    for member in members:
        assert member.message().payload == b"end"
    assert sorted(number for share in shares for number in share) == list(range(30))
    assert all(shares), "each member had its share"
    assert all(share == sorted(share) for share in shares)


@VERSIONS
def test_large_payloads_arrive_whole(enter, devices, topic, version):
    writer, reader = enter(devices[0], version), enter(devices[1], version)
    reader.subscribe(topic, qos=1)
    for size in (0, 1, 127, 128, 8191, 8192, 16384, 300_000, 1_000_000):
        payload = bytes(i & 0xFF for i in range(251)) * (size // 251 + 1)
        writer.publish(topic, payload[:size], 1)
        assert reader.message().payload == payload[:size]


def test_packets_cut_anywhere_or_glued_together_are_the_same_packets(enter, devices, topic):
    """MQTT5-4.2.0-1, MQTT311-7.1.1-1: the transport is a stream of bytes."""
    writer, reader = enter(devices[0]), enter(devices[1])
    reader.subscribe(topic)
    one = publish_packet(topic, b"cut")
    for byte in one:
        writer.send(bytes([byte]))
    writer.send(one * 50)
    assert [m.payload for m in reader.messages(51)] == [b"cut"] * 51


def test_what_follows_connect_without_waiting_is_not_lost(sharded_broker, devices, topic):
    for device in devices:
        with Client(sharded_broker, device) as client:
            client.send(
                connect_packet(device.id, device.id, device.key)
                + subscribe_packet(1, [(topic, 0)])
                + publish_packet(topic, b"at once")
            )
            assert client.receive().body == b"\x00\x00"
            assert client.receive().body == b"\x00\x01\x00"
            assert client.message().payload == b"at once"
            client.disconnect()


@VERSIONS
def test_a_silent_client_is_closed_after_its_keep_alive(enter, sharded_broker, devices, topic, version):
    """MQTT5-3.1.2-22, MQTT311-3.1.2-24: and its will is published."""
    reader = enter(devices[0], version)
    reader.subscribe(topic)
    silent = enter(devices[1], version, keep_alive=1, will=Will(topic, b"silent", 0, False))
    begin = time.monotonic()
    packets = silent.packets_until_closed()
    assert 1.0 < time.monotonic() - begin < 3.5
    assert [(p.kind, p.body[0]) for p in packets] == ([(DISCONNECT, 0x8D)] if version == V5 else [])
    assert reader.message().payload == b"silent"


def test_a_client_that_pings_stays(enter, devices):
    client = enter(devices[0], keep_alive=1)
    for _ in range(5):
        assert not is_closed(client, 0.5)
        client.ping()
