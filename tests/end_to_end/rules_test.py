"""What a device may publish and subscribe to, and what it is told when it may not."""
import pytest

import broker_process
from mqtt_client import DISCONNECT, V5, V311, Client, Will, publish_packet

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])


@pytest.fixture
def devices(broker):
    return broker.add_device(), broker.add_device()


@pytest.fixture(scope="module")
def strict_broker(tmp_path_factory):
    settings = {"acl": {"denied_publish": "disconnect"}}
    with broker_process.running(tmp_path_factory.mktemp("broker"), **settings) as broker:
        yield broker


@pytest.fixture
def watcher(broker, devices):
    """Sees everything that is published under the names of the two devices."""
    with Client(broker, broker.add_device("open", "watcher")) as watcher:
        watcher.connected()
        assert watcher.subscribe(*(f"devices/{device.id}/#" for device in devices), qos=2) == [2, 2]
        yield watcher


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_own_telemetry_passes(broker, devices, watcher, version, qos):
    topic = f"devices/{devices[0].id}/telemetry"
    with Client(broker, devices[0], version) as client:
        client.connected()
        assert client.publish(topic, b"mine", qos) == 0
        assert watcher.message()[:3] == (topic, b"mine", qos)
        client.disconnect()


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_another_devices_topic_is_dropped_and_the_connection_stays(
    broker, devices, watcher, version, qos
):
    one, other = devices
    refused = 0x87 if version == V5 and qos > 0 else 0
    with Client(broker, one, version) as client:
        client.connected()
        assert client.publish(f"devices/{other.id}/telemetry", b"forged", qos) == refused
        assert client.publish(f"devices/{one.id}/commands", b"forged", qos) == refused
        assert client.publish(f"devices/{other.id}/telemetry", b"forged", qos, retain=True) == refused
        client.publish(f"devices/{one.id}/telemetry", b"honest", 1)
        assert watcher.message().payload == b"honest"
        client.disconnect()
    with Client(broker, broker.add_device("open")) as late:
        late.connected()
        late.subscribe(f"devices/{other.id}/#", f"devices/{one.id}/#")
        late.publish(f"devices/{one.id}/marker", b"nothing was retained")
        assert late.message().payload == b"nothing was retained"


@VERSIONS
def test_only_own_commands_can_be_subscribed_to(broker, devices, version):
    one, other = devices
    refused = 0x80 if version == V311 else 0x87
    with Client(broker, one, version) as client:
        client.connected()
        granted = client.subscribe(
            f"devices/{one.id}/commands",
            f"devices/{other.id}/commands",
            f"devices/{one.id}/telemetry",
            "devices/+/commands",
            f"devices/{one.id}/#",
            "#",
            "$SYS/#",
            f"$share/group/devices/{other.id}/commands",
            qos=1,
        )
        assert granted == [1] + [refused] * 7
        client.disconnect()


@VERSIONS
def test_nothing_comes_through_a_refused_subscription(broker, devices, version):
    one, other = devices
    with Client(broker, one, version) as client, Client(broker, broker.add_device("open")) as console:
        client.connected()
        console.connected()
        client.subscribe("devices/+/commands", f"devices/{one.id}/commands", "#")
        console.publish(f"devices/{other.id}/commands", b"for the other", 1)
        console.publish(f"devices/{one.id}/commands", b"for this one", 1)
        assert client.message().payload == b"for this one"


@VERSIONS
def test_a_will_obeys_the_rules(broker, devices, watcher, version):
    one, other = devices
    will = Will(f"devices/{other.id}/telemetry", b"forged", 1, False)
    with Client(broker, one, version) as client:
        client.connect(will=will)
    own_will = Will(f"devices/{other.id}/telemetry", b"gone", 1, False)
    with Client(broker, other, version) as client:
        client.connected(will=own_will)
    assert watcher.message().payload == b"gone"


@VERSIONS
def test_a_denied_publish_ends_the_connection_where_that_is_configured(strict_broker, version):
    device = strict_broker.add_device()
    with Client(strict_broker, device, version) as client:
        client.connected()
        assert client.publish(f"devices/{device.id}/telemetry", b"x", 1) == 0
        client.send(publish_packet("devices/another/telemetry", b"x", version=version))
        found = [(packet.kind, packet.body[0]) for packet in client.packets_until_closed()]
        assert found == ([(DISCONNECT, 0x87)] if version == V5 else [])


def test_device_can_says_the_same_as_the_broker(broker, devices):
    one, other = devices
    for operation, topic, allowed in [
        ("publish", f"devices/{one.id}/telemetry", True),
        ("publish", f"devices/{other.id}/telemetry", False),
        ("subscribe", f"devices/{one.id}/commands", True),
        ("subscribe", "devices/+/commands", False),
    ]:
        done = broker.run("device", "can", one.id, operation, topic)
        assert done.returncode == (0 if allowed else 1), topic
        assert done.stdout.strip(), "the rule that decides is named"
