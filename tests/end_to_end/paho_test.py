"""Paho, the client library that most devices' programs use: both ports, both versions, every QoS."""
import queue

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

WITHIN_S = 5


class PahoClient:
    """Paho with its callbacks turned into values that a test can wait for."""

    def __init__(self, broker, device, version, tls=False, clean=True):
        self.version = version
        options = {} if version == paho.MQTTv5 else {"clean_session": clean}
        self.client = paho.Client(
            device.id, protocol=version, reconnect_on_failure=False, **options
        )
        self.client.username_pw_set(device.id, device.key)
        if tls:
            self.client.tls_set(ca_certs=str(broker.ca_file))
        self.connected, self.messages = queue.Queue(), queue.Queue()
        self.subscribed, self.ended = queue.Queue(), queue.Queue()
        self.client.on_connect = lambda c, u, flags, code, *_: self.connected.put((flags, int_of(code)))
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        self.client.on_subscribe = lambda c, u, mid, granted, *_: self.subscribed.put(granted)
        self.client.on_disconnect = lambda c, u, code, *_: self.ended.put(int_of(code))
        start = {}
        if version == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if clean else 3600
            start = {"clean_start": clean, "properties": properties}
        self.client.connect("localhost", broker.tls_port if tls else broker.port, **start)
        self.client.loop_start()
        self.flags, self.code = self.connected.get(timeout=WITHIN_S)

    def subscribe(self, topic_filter, qos):
        self.client.subscribe(topic_filter, qos)
        return [int_of(code) for code in self.subscribed.get(timeout=WITHIN_S)]

    def publish(self, topic, payload, qos, retain=False):
        self.client.publish(topic, payload, qos, retain).wait_for_publish(WITHIN_S)

    def message(self):
        return self.messages.get(timeout=WITHIN_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


def int_of(code):
    return getattr(code, "value", code)


VERSIONS = pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5], ids=["3.1.1", "5.0"])
PORTS = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


@pytest.fixture(scope="module")
def pair(sharded_broker):
    return sharded_broker.add_device("core"), sharded_broker.add_device("open", "console")


@VERSIONS
@PORTS
def test_messages_of_every_qos_arrive_once_and_in_order(sharded_broker, pair, version, tls):
    """MQTT5-4.2.0-1, MQTT311-7.1.1-1, MQTT311-7.0.0-2: over TCP and TLS, to a client that is not ours."""
    sensor, console = pair
    topic = f"devices/{sensor.id}/telemetry"
    with PahoClient(sharded_broker, console, version, tls) as reader, PahoClient(
        sharded_broker, sensor, version, tls
    ) as writer:
        assert (reader.code, writer.code) == (0, 0)
        assert reader.subscribe("devices/#", 2) == [2]
        for qos in (0, 1, 2):
            for number in range(10):
                writer.publish(topic, b"%d" % number, qos)
            received = [reader.message() for _ in range(10)]
            assert [(m.topic, m.payload, m.qos) for m in received] == [
                (topic, b"%d" % number, qos) for number in range(10)
            ]


@VERSIONS
@pytest.mark.parametrize("qos", [1, 2])
def test_a_session_is_resumed_with_what_came_meanwhile(sharded_broker, pair, version, qos):
    sensor, console = pair
    topic = f"devices/{sensor.id}/commands"
    with PahoClient(sharded_broker, sensor, version, clean=False) as away:
        assert away.subscribe(topic, qos) == [qos]
    with PahoClient(sharded_broker, console, version) as writer:
        for number in range(5):
            writer.publish(topic, b"%d" % number, qos)
    with PahoClient(sharded_broker, sensor, version, clean=False) as back:
        assert back.flags["session present"] == 1
        assert [back.message().payload for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    with PahoClient(sharded_broker, sensor, version, clean=True) as fresh:
        assert fresh.flags["session present"] == 0


@VERSIONS
def test_a_denied_subscription_is_answered_as_such(sharded_broker, pair, version):
    refused = 0x80 if version == paho.MQTTv311 else 0x87
    with PahoClient(sharded_broker, pair[0], version) as client:
        assert client.subscribe(f"devices/{pair[0].id}/commands", 1) == [1]
        assert client.subscribe("devices/other/commands", 1) == [refused]


@VERSIONS
def test_a_wrong_key_is_refused(sharded_broker, pair, version):
    wrong = pair[0]._replace(key="sk_live_" + "A" * 43)
    with PahoClient(sharded_broker, wrong, version) as client:
        assert client.code == (4 if version == paho.MQTTv311 else 0x86)
