"""Profiles: the built-in ones as the platforms' documents describe their devices, and the operator's own."""
import sqlite3
import subprocess

import pytest

import broker_process
from mqtt_client import DISCONNECT, V5, V311, Client

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
MOSQUITTO_VERSIONS = pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])


def refused(version):
    return 0x80 if version == V311 else 0x87


class Mosquitto:
    """Mosquitto's clients for one device, with the names that its platform's document gives."""

    def __init__(self, broker, device, version, client_id=None, username=None):
        words = ["-h", "localhost", "-p", str(broker.tls_port), "--cafile", str(broker.ca_file)]
        words += ["-V", version, "-u", username or device.id, "-P", device.key]
        self.words = words + ["-i", client_id or device.id]

    def publish(self, topic, payload, qos=1):
        command = ["mosquitto_pub", *self.words, "-t", topic, "-m", payload, "-q", str(qos)]
        return subprocess.run(command, capture_output=True, text=True, timeout=10).returncode

    def subscribe(self, *filters):
        """A running mosquitto_sub that waits for one message."""
        command = ["stdbuf", "-oL", "mosquitto_sub", *self.words, "-q", "1", "-d"]
        command += ["-C", "1", "-W", "10", "-F", "=%t %p"]
        for topic_filter in filters:
            command += ["-t", topic_filter]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in process.stdout:
            if line.startswith("Subscribed"):
                return process
        pytest.fail("mosquitto_sub did not subscribe")

    @staticmethod
    def received(process):
        said, _ = process.communicate(timeout=15)
        return [line[1:] for line in said.splitlines() if line.startswith("=")]


@pytest.fixture
def console(broker):
    with Client(broker, broker.add_device("open", "console")) as console:
        yield console.connected()


def connect_channel(broker, device, channel):
    with sqlite3.connect(broker.data / "drawbridge.db") as database:
        database.execute("INSERT INTO channels VALUES (?, ?)", (device.id, channel))
    database.close()
    broker.run("--json", "device", "enable", device.id)  # has the broker look for changes


def write(path, text):
    path.write_text(text)
    return str(path)


# --- Losant


@MOSQUITTO_VERSIONS
@pytest.mark.parametrize("by_key_id", [False, True], ids=["device id", "key id"])
def test_a_losant_device(broker, console, version, by_key_id):
    """The user name is the device's id or its key's; state and hello go up, commands and flows come down."""
    device = broker.add_device("losant", "edge")
    agent = Mosquitto(broker, device, version, username=device.key_id if by_key_id else None)
    console.subscribe("losant/#", qos=1)
    assert agent.publish(f"losant/{device.id}/fromAgent/hello", '{"bundle":"nullVersion"}') == 0
    assert console.message().topic == f"losant/{device.id}/fromAgent/hello"
    assert agent.publish(f"losant/{device.id}/state", "{}") == 0
    assert console.message().topic == f"losant/{device.id}/state"
    agent.publish(f"losant/{device.id}/command", "forged")
    agent.publish("custom/topic", "not allowed")
    assert agent.publish(f"losant/{device.id}/state", "marker") == 0
    assert console.message().payload == b"marker"

    waiting = agent.subscribe(f"losant/{device.id}/command", f"losant/{device.id}/toAgent/flows")
    console.publish(f"losant/{device.id}/toAgent/flows", b"wasm", 1)
    assert agent.received(waiting) == [f"losant/{device.id}/toAgent/flows wasm"]


@VERSIONS
def test_a_losant_device_has_no_other_topics(broker, version):
    device = broker.add_device("losant", "edge")
    other = broker.add_device("losant", "edge")
    with Client(broker, device, version) as client:
        client.connected()
        filters = ["custom/#", f"losant/{other.id}/command", "losant/+/command", "#"]
        assert client.subscribe(*filters) == [refused(version)] * len(filters)
    with Client(broker, device, version) as client:
        _, code = client.connect(username=other.key_id)
        assert code != 0


# --- Connhex


@VERSIONS
def test_a_connhex_device_is_three_clients_at_the_same_time(broker, console, version):
    """And each of them keeps out a second one of the same name, and nobody else."""
    device = broker.add_device("connhex", "edge")
    connect_channel(broker, device, "chan-1")
    names = [device.id, f"agent-{device.id}", f"export-{device.id}"]
    clients = [Client(broker, device, version) for _ in names]
    for client, name in zip(clients, names):
        client.connected(client_id=name)
        assert client.subscribe("channels/chan-1/messages/#", qos=1) == [1]
    with Client(broker, device, version) as second:
        _, code = second.connect(client_id=names[1])
        assert code != 0
    with Client(broker, device, version) as stranger:
        _, code = stranger.connect(client_id=f"import-{device.id}")
        assert code != 0
    console.publish("channels/chan-1/messages/services/meter", b"down", 1)
    for client in clients:
        assert client.message()[:2] == ("channels/chan-1/messages/services/meter", b"down")
    connected = [client["client_id"] for client in broker.ask("client", "list")
                 if client["identity"] == device.id]
    assert sorted(connected) == sorted(names)
    broker.run("device", "disable", device.id)
    for client in clients:
        client.packets_until_closed()


@VERSIONS
def test_channels_of_a_connhex_device_come_and_go(broker, version):
    device = broker.add_device("connhex", "edge")
    with Client(broker, device, version) as client:
        client.connected()
        assert client.subscribe("channels/chan-2/messages") == [refused(version)]
        connect_channel(broker, device, "chan-2")
        assert client.subscribe("channels/chan-2/messages", "channels/+/messages") == [
            0,
            refused(version),
        ]
        client.publish("channels/chan-2/messages", b"up")
        assert client.message().payload == b"up"


@MOSQUITTO_VERSIONS
def test_a_connhex_device_as_its_document_describes_it(broker, console, version):
    device = broker.add_device("connhex", "edge")
    channel = "6abff700-344c-47d3-bcf8-53ef29f36277"
    connect_channel(broker, device, channel)
    console.subscribe(f"channels/{channel}/messages/#", qos=1)
    export = Mosquitto(broker, device, version, client_id=f"export-{device.id}")
    assert export.publish(f"channels/{channel}/messages", "[{}]") == 0
    assert console.message().payload == b"[{}]"
    waiting = export.subscribe(f"channels/{channel}/messages/services/+")
    console.publish(f"channels/{channel}/messages/services/meter", b"on", 1)
    assert export.received(waiting) == [f"channels/{channel}/messages/services/meter on"]


# --- services


def test_a_service_has_several_sessions_under_its_name(broker):
    service = broker.add_device("service", "backend")
    one, two = Client(broker, service), Client(broker, service)
    one.connected()
    two.connected(client_id=f"{service.id}/worker 2")
    one.subscribe("shared/#")
    two.subscribe("shared/#")
    two.publish("shared/x", b"both")
    assert [one.message().payload, two.message().payload] == [b"both", b"both"]
    assert one.subscribe("$SYS/#", "$share/g/$SYS/#") == [0x80, 0x80]
    with Client(broker, service) as third:
        _, code = third.connect(client_id=f"{service.id}-2")
        assert code != 0


# --- own profiles

METERS = """
client_ids = ["{device_id}", "meter-{device_id}"]
publish = ["meters/{device_id}/#"]
subscribe = ["meters/{device_id}/set/#"]
"""


@VERSIONS
def test_a_profile_that_is_added_while_the_broker_runs(broker, tmp_path, version):
    name = f"meters{version}"
    assert broker.run("device", "add", "early", "--profile", name).returncode == 1
    added = broker.ask("profile", "add", name, "--file", write(tmp_path / "m.toml", METERS))
    assert added == {"name": name, "replaced": False, "devices": 0}
    device = broker.add_device(name, "meter")
    with Client(broker, device, version) as client:
        client.connected(client_id=f"meter-{device.id}")
        assert client.subscribe(f"meters/{device.id}/set/clock", "#") == [0, refused(version)]
    assert broker.run("device", "can", device.id, "publish", f"meters/{device.id}/x").returncode == 0
    assert broker.run("device", "can", device.id, "publish", "meters/x").returncode == 1


@VERSIONS
def test_a_profile_that_is_replaced_reaches_live_sessions_at_once(broker, console, tmp_path, version):
    """Subscriptions that are not allowed any more deliver nothing, and new ones are granted."""
    name = f"replaced{version}"
    broker.ask("profile", "add", name, "--file", write(tmp_path / "m.toml", METERS))
    device = broker.add_device(name, "meter")
    with Client(broker, device, version) as client:
        client.connected()
        assert client.subscribe(f"meters/{device.id}/set/#", qos=1) == [1]
        changed = METERS.replace("/set/#", "/get/#")
        replaced = broker.ask("profile", "add", name, "--file", write(tmp_path / "m.toml", changed))
        assert replaced == {"name": name, "replaced": True, "devices": 1}
        assert client.subscribe(f"meters/{device.id}/get/#", f"meters/{device.id}/set/x") == [
            0,
            refused(version),
        ]
        console.publish(f"meters/{device.id}/set/clock", b"must not arrive", 1)
        console.publish(f"meters/{device.id}/get/clock", b"marker", 1)
        assert client.message().payload == b"marker"

        client_ids = METERS.replace('"{device_id}", ', "")
        broker.ask("profile", "add", name, "--file", write(tmp_path / "m.toml", client_ids))
        packets = client.packets_until_closed()
        assert [packet.kind for packet in packets] == ([DISCONNECT] if version == V5 else [])


def test_a_profile_stays_while_devices_have_it(broker, tmp_path):
    broker.ask("profile", "add", "kept", "--file", write(tmp_path / "m.toml", METERS))
    device = broker.add_device("kept", "meter")
    done = broker.run("profile", "remove", "kept")
    assert (done.returncode, "1 device has it" in done.stderr) == (1, True)
    broker.run("device", "remove", device.id)
    assert broker.ask("profile", "remove", "kept") == {"name": "kept", "removed": True}
    assert broker.run("profile", "remove", "kept").returncode == 1


def test_a_profile_file_with_mistakes_changes_nothing_and_names_them(broker, tmp_path):
    file = write(tmp_path / "bad.toml", "publish = ['a/#/b']\nclient_id = ['x']\n")
    done = broker.run("profile", "add", "bad", "--file", file)
    assert done.returncode == 1
    assert f"{file}:1: publish \"a/#/b\" is no topic filter" in done.stderr
    assert f"{file}:2: client_id is not a key; known here: name, client_ids" in done.stderr
    for words in [
        ["profile", "show", "bad"],
        ["profile", "add", "core", "--file", write(tmp_path / "ok.toml", METERS)],
        ["profile", "add", "x", "--file", str(tmp_path / "missing.toml")],
        ["profile", "remove", "service"],
    ]:
        done = broker.run(*words)
        assert (done.returncode, done.stdout) == (1, ""), words
        assert done.stderr.startswith("drawbridge: "), words


def test_profiles_are_listed_and_shown_as_files(broker, tmp_path):
    listed = {profile["name"]: profile for profile in broker.ask("profile", "list")}
    for name in ["connhex", "core", "losant", "open", "service"]:
        assert listed[name]["built_in"] is True
        text = broker.run("profile", "show", name).stdout
        copy = write(tmp_path / "copy.toml", text.replace(f"'{name}'", f"'{name}-copy'"))
        broker.ask("profile", "add", f"{name}-copy", "--file", copy)
        shown = broker.ask("profile", "show", f"{name}-copy")
        original = broker.ask("profile", "show", name)
        for key in ["client_ids", "username", "publish", "subscribe"]:
            assert shown[key] == original[key] != []
    assert broker.run("profile", "show", "core-copy").stdout.strip() == text_of(tmp_path, broker)


def text_of(tmp_path, broker):
    return broker.run("profile", "show", "core").stdout.replace("'core'", "'core-copy'").strip()


def test_the_profile_of_anonymous_clients_may_be_an_own_one(tmp_path):
    settings = {"auth": {"allow_anonymous": True, "anonymous_profile": "kiosk"}}
    broker = broker_process.Broker(tmp_path, **settings)
    rules = 'client_ids = ["kiosk-*"]\nsubscribe = ["news/#"]\n'
    broker.ask("profile", "add", "kiosk", "--file", write(tmp_path / "k.toml", rules))
    with broker_process.started(broker):
        device = broker.add_device("core", "kiosk-dev")
        with Client(broker) as client:
            client.connected(client_id="kiosk-1")
            assert client.subscribe("news/today", "other") == [0, 0x80]
            done = broker.run("profile", "remove", "kiosk")
            assert (done.returncode, "anonymous_profile" in done.stderr) == (1, True)
            rules = rules.replace("news/#", "other")
            broker.ask("profile", "add", "kiosk", "--file", write(tmp_path / "k.toml", rules))
            assert client.subscribe("news/today", "other") == [0x80, 0]
        for client_id in ["desk-1", device.id]:
            with Client(broker) as client:
                _, code = client.connect(client_id=client_id)
                assert code != 0
