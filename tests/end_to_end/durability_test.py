"""What outlives the broker, and what it says when it cannot keep more. docs/durability.md"""
import subprocess

import broker_process
import pytest
from mqtt_client import V311, V5, Client, Will

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
EXPIRY_1_H = b"\x11\x00\x00\x0e\x10"


def kept(version):
    return {"clean": False, "properties": EXPIRY_1_H if version == V5 else b""}


def kill(broker):
    """kill -9, and another one on the same directory."""
    broker.kill()
    broker.start()


@pytest.fixture
def own_broker(tmp_path):
    with broker_process.running(tmp_path) as broker:
        yield broker


@VERSIONS
@pytest.mark.parametrize("qos", [1, 2])
def test_what_was_acknowledged_survives_kill_9(own_broker, version, qos):
    """MQTT5-4.1.0-1, MQTT5-4.4.0-1, MQTT311-4.1.0-1: session, subscription, message, retained."""
    device, console = own_broker.add_device("open", "away"), own_broker.add_device("open", "console")
    with Client(own_broker, device, version) as client:
        client.connected(**kept(version))
        client.subscribe("kept/+", qos=2)
    with Client(own_broker, console, version) as sender:
        sender.connected()
        assert sender.publish("kept/1", b"message", qos) == 0
        assert sender.publish("kept/2", b"retained", qos, retain=True) == 0
    kill(own_broker)
    with Client(own_broker, device, version) as client:
        assert client.connect(**kept(version)) == (True, 0)
        assert [m.payload for m in client.messages(2)] == [b"message", b"retained"]
    with Client(own_broker, console, version) as newcomer:
        newcomer.connected()
        newcomer.subscribe("kept/#")
        assert newcomer.message().payload == b"retained"


def test_mosquitto_clients_find_their_session_after_kill_9(own_broker):
    device = own_broker.add_device("open")
    program = ["-h", "127.0.0.1", "-p", str(own_broker.port), "-i", device.id, "-u", device.id]
    program += ["-P", device.key, "-t", "orders", "-q", "1"]
    subscribe = ["mosquitto_sub", *program, "-c", "-W", "10"]
    subprocess.run([*subscribe, "-E"], check=True, timeout=20)
    sender = own_broker.add_device("open")
    publish = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(own_broker.port), "-i", sender.id]
    publish += ["-u", sender.id, "-P", sender.key, "-t", "orders", "-q", "1", "-m", "go"]
    subprocess.run(publish, check=True, timeout=20)
    kill(own_broker)
    got = subprocess.run([*subscribe, "-C", "1"], capture_output=True, timeout=20, check=True)
    assert got.stdout == b"go\n"


def test_wills_of_a_clean_stop_reach_kept_sessions_of_all_shards(tmp_path):
    with broker_process.running(tmp_path, broker={"threads": 4}) as broker:
        devices = [broker.add_device("open") for _ in range(12)]
        for device in devices:
            with Client(broker, device, V5) as client:
                client.connected(**kept(V5))
                client.subscribe("wills/+", qos=1)
        leaving = broker.add_device("open")
        with Client(broker, leaving, V5) as client:
            client.connected(will=Will("wills/gone", b"gone", 1, False))
            assert broker.stop() == 0
        broker.start()
        for device in devices:
            with Client(broker, device, V5) as client:
                assert client.connect(**kept(V5)) == (True, 0)
                assert client.message().payload == b"gone"


def test_a_session_whose_device_is_removed_meanwhile_ends(own_broker):
    device = own_broker.add_device("open")
    with Client(own_broker, device) as client:
        client.connected(clean=False)
    own_broker.kill()
    own_broker.run("device", "remove", device.id)
    own_broker.start()
    assert own_broker.ask("status")["sessions"] == 0
    assert any("1 sessions have ended" in line for line in own_broker.log)


def test_without_persistence_nothing_is_kept_and_the_start_says_so(tmp_path):
    with broker_process.running(tmp_path, storage={"persistence": False}) as broker:
        assert any("persistence is off" in line for line in broker.log)
        device = broker.add_device("open")
        with Client(broker, device) as client:
            client.connected(clean=False)
        assert broker.ask("status")["storage"] == "off"
        kill(broker)
        with Client(broker, device) as client:
            assert client.connect(clean=False) == (False, 0)
        assert not (broker.data / "messages.db").exists()


def test_without_space_qos_1_and_2_are_refused_and_qos_0_goes_on(tmp_path):
    with broker_process.running(tmp_path, storage={"min_free_bytes": 1 << 40}) as broker:
        device, console = broker.add_device("open"), broker.add_device("open")
        with Client(broker, device, V5) as client, Client(broker, console, V5) as sender:
            client.connected(**kept(V5))
            client.subscribe("a", qos=1)
            sender.connected()
            assert broker.ask("status")["storage"] == "no_space"
            assert sender.publish("a", b"refused", 1) == 0x97
            assert sender.publish("a", b"refused", 2) == 0x97
            sender.publish("a", b"goes on")
            assert client.message().payload == b"goes on"
        assert broker.ask("status")["refused_no_space"] == 2


@pytest.mark.parametrize("sync", ["full", "normal", "off"])
def test_an_orderly_stop_loses_nothing(tmp_path, sync):
    with broker_process.running(tmp_path, storage={"sync": sync}) as broker:
        device, console = broker.add_device("open"), broker.add_device("open")
        with Client(broker, device) as client:
            client.connected(clean=False)
            client.subscribe("a", qos=1)
        with Client(broker, console) as sender:
            sender.connected()
            for number in range(50):
                sender.publish("a", str(number).encode(), 1)
        broker.stop()
        broker.start()
        with Client(broker, device) as client:
            assert client.connect(clean=False) == (True, 0)
            got = [message.payload for message in client.messages(50)]
            assert got == [str(number).encode() for number in range(50)]
