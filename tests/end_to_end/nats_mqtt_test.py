"""One bus, two protocols: what NATS clients publish comes to MQTT clients, and the other way."""
import base64
import itertools
import subprocess
import time

import pytest

import nats_client
from mqtt_client import V5, V311
from mqtt_client import Client as MqttClient
from nats_client import headers, pub

NOT_AUTHORIZED = 0x87
FORMAT = "message|%t|%p|%q|%r|%C|%R|%D|%E|%P"

_sessions = itertools.count(1)


@pytest.fixture(scope="module", params=[1, 3], ids=["shards1", "shards3"])
def bus(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("broker")
    with nats_client.serving(directory, threads=request.param) as server:
        server.device = server.broker.add_device("open")
        yield server


@pytest.fixture
def nats(bus):
    with bus.client() as client:
        yield client


def mqtt_client(bus, version=V5, **changes):
    changes = {"client_id": f"any-{next(_sessions)}", **changes}
    return MqttClient(bus.broker, bus.device, version).connected(**changes)


@pytest.fixture(params=[V311, V5], ids=["3.1.1", "5.0"])
def mqtt(request, bus):
    with mqtt_client(bus, request.param) as client:
        yield client


def mosquitto(program, bus, version):
    return [
        *(program, "-h", "127.0.0.1", "-p", str(bus.broker.port), "-V", version),
        *("-u", bus.device.id, "-P", bus.device.key, "-i", f"mosquitto-{next(_sessions)}"),
    ]


class Mosquitto:
    """mosquitto_sub, once it has subscribed."""

    def __init__(self, bus, topic_filter, version, *options):
        command = ["stdbuf", "-oL", *mosquitto("mosquitto_sub", bus, version)]
        command += ["-t", topic_filter, "-q", "1", "-d", "-F", FORMAT, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.line("Subscribed")

    def line(self, begin):
        while True:
            line = self.process.stdout.readline()
            assert line, "mosquitto_sub has ended"
            if line.startswith(begin):
                return line.rstrip("\n")

    def message(self):
        """A message as a dictionary of what it has."""
        names = "topic payload qos retain content_type response_topic correlation expiry user"
        return dict(zip(names.split(), self.line("message|").split("|")[1:]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def dropped_unmappable(bus):
    return bus.broker.ask("status")["bridge_dropped_unmappable"]


# --- with Mosquitto's clients --------------------------------------------------------------------


@pytest.mark.parametrize("version", ["311", "5"])
def test_nats_to_mosquitto(bus, nats, version):
    """A NATS message comes to mosquitto_sub as QoS 1, with what it says beside its payload."""
    with Mosquitto(bus, "plant/+/state", version) as subscriber:
        block = headers(
            ("Content-Type", "text/plain"),
            ("Nmqtt-Correlation", base64.b64encode(b"c-7").decode()),
            ("Nats-TTL", "60"),
            ("colour", "red"),
            ("colour", "blue"),
        )
        nats.ask(pub("plant.7.state", b"on", "answers.here", block) + pub("plant.8.state"))
        message = subscriber.message()
        assert (message["topic"], message["payload"]) == ("plant/7/state", "on")
        assert (message["qos"], message["retain"]) == ("1", "0")
        if version == "5":
            assert message["content_type"] == "text/plain"
            assert message["response_topic"] == "answers/here"
            assert message["correlation"] == "c-7"
            assert 58 <= int(message["expiry"]) <= 60
            assert message["user"] == "colour:red colour:blue"
        message = subscriber.message()
        assert (message["topic"], message["payload"]) == ("plant/8/state", "")
        assert not message["user"] and not message["response_topic"]


def test_mosquitto_to_nats(bus, nats):
    """What mosquitto_pub says beside the payload are headers and the reply subject."""
    nats.ask("SUB plant.*.set 1\r\n")
    command = mosquitto("mosquitto_pub", bus, "5") + ["-t", "plant/7/set", "-m", "off", "-q", "1"]
    for option in (
        ("content-type", "text/plain"),
        ("correlation-data", "c-8"),
        ("response-topic", "answers/there"),
        ("message-expiry-interval", "60"),
        ("user-property", "colour", "red"),
        ("user-property", "colour", "blue"),
    ):
        command += ["-D", "publish", *option]
    subprocess.run(command, check=True, timeout=10)
    message = nats.message()
    assert (message.subject, message.payload) == ("plant.7.set", b"off")
    assert message.reply == "answers.there"
    begin, *lines = message.header.decode().split("\r\n")
    fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if line]
    assert begin == "NATS/1.0" and message.header.endswith(b"\r\n\r\n")
    assert [value for name, value in fields if name == "colour"] == ["red", "blue"]
    assert dict(fields)["Content-Type"] == "text/plain"
    assert base64.b64decode(dict(fields)["Nmqtt-Correlation"]) == b"c-8"
    assert dict(fields)["Nmqtt-Pub"] == "1"
    assert 58 <= int(dict(fields)["Nats-TTL"]) <= 60


@pytest.mark.parametrize("qos", ["0", "1", "2"])
def test_mosquitto_311_to_nats(bus, nats, qos):
    """A message of 3.1.1 comes with its QoS; who knows no headers gets the payload."""
    command = mosquitto("mosquitto_pub", bus, "311") + ["-t", "plant/7/old", "-m", "x", "-q", qos]
    with bus.client(headers=False, no_responders=False) as plain:
        plain.ask("SUB plant.7.old 1\r\n")
        nats.ask("SUB plant.7.old 1\r\n")
        subprocess.run(command, check=True, timeout=10)
        message = nats.message()
        assert message.payload == b"x" and not message.reply
        assert message.header.decode().replace(" ", "") == f"NATS/1.0\r\nNmqtt-Pub:{qos}\r\n\r\n"
        assert plain.message() == ("plant.7.old", "1", "", b"", b"x")


# --- kept messages -------------------------------------------------------------------------------


@pytest.mark.parametrize("killed", [False, True], ids=["stays", "killed"])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_device_that_was_away_gets_what_nats_has_flushed(tmp_path, threads, killed):
    """A NATS message is kept for a persistent session once PONG has come, also through kill -9."""
    with nats_client.serving(tmp_path, threads=threads) as bus:
        device = bus.broker.add_device("core")
        topic = f"devices/{device.id}/commands"
        away = MqttClient(bus.broker, device).connected(clean=False)
        assert away.subscribe(topic, qos=1) == [1]
        away.disconnect()
        with bus.client() as nats:
            nats.ask(b"".join(pub(topic.replace("/", "."), str(n)) for n in range(50)))
            if killed:
                bus.broker.kill()
                bus.broker.start()
        with MqttClient(bus.broker, device) as back:
            assert back.connect(clean=False) == (True, 0)
            got = [back.message() for _ in range(50)]
            assert [int(message.payload) for message in got] == list(range(50))
            assert {message.qos for message in got} == {1}


def test_mqtt_retain(bus, nats, mqtt):
    """Header Mqtt-Retain: true retains a message, with an empty payload it clears it; else nothing."""
    topic = f"kept/{next(_sessions)}"
    subject = topic.replace("/", ".")
    nats.ask(
        pub(f"{subject}.yes", "1", header=headers(("Mqtt-Retain", "true")))
        + pub(f"{subject}.no", "2", header=headers(("Mqtt-Retain", "false")))
        + pub(f"{subject}.plain", "3")
    )
    mqtt.subscribe(topic + "/#")
    nats.ask(pub(f"{subject}.last"))
    messages = mqtt.messages(2)
    assert [(m.topic, m.payload, m.retain) for m in messages] == [
        (topic + "/yes", b"1", True),
        (topic + "/last", b"", False),
    ]
    nats.ask(pub(f"{subject}.yes", header=headers(("mqtt-retain", "TRUE"))))
    assert mqtt.message().payload == b""
    with mqtt_client(bus) as newcomer:
        newcomer.subscribe(topic + "/#")
        nats.ask(pub(f"{subject}.last"))
        assert newcomer.message().topic == topic + "/last"


# --- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize("qos", [0, 1])
def test_a_device_answers_a_request_once(bus, nats, qos):
    """A device that is asked may answer: once, there, and nowhere else."""
    device = bus.broker.add_device("core")
    inbox = f"_INBOX.{device.id}"
    with MqttClient(bus.broker, device, V5).connected() as mqtt, bus.client() as spy:
        mqtt.subscribe(f"devices/{device.id}/commands", qos=qos)
        spy.ask("SUB _INBOX.> 1\r\n")
        nats.ask(f"SUB {inbox}.* 1\r\n")
        answer = inbox.replace(".", "/")
        assert mqtt.publish(f"{answer}/1", b"too early", qos=1) == NOT_AUTHORIZED
        assert nats.ask(pub(f"devices.{device.id}.commands", "how are you", f"{inbox}.1")) == b""
        assert mqtt.message().payload == b"how are you"
        assert mqtt.publish(f"{answer}/2", b"elsewhere", qos=1) == NOT_AUTHORIZED
        assert mqtt.publish(f"{answer}/1", b"well", qos=1) == 0
        assert mqtt.publish(f"{answer}/1", b"again", qos=1) == NOT_AUTHORIZED
        assert nats.message().payload == b"well"
        assert nats.ask() == b""
        assert [message.payload for message in spy.messages()] == [b"well"]


def test_a_request_to_a_device_that_is_not_there(bus, nats):
    """Nobody has subscribed: 503. An MQTT subscriber counts as one who may answer."""
    nats.ask("SUB _INBOX.gone 1\r\n")
    request = pub("devices.gone.commands", b"", "_INBOX.gone")
    assert nats.ask(request).startswith(b"HMSG _INBOX.gone 1 16 16\r\nNATS/1.0 503")
    with mqtt_client(bus) as mqtt:
        mqtt.subscribe("devices/gone/commands")
        assert nats.ask(request) == b""
        mqtt.message()


def test_mqtt_asks_nats(bus, nats):
    """A request of an MQTT 5 client is answered by a NATS service."""
    nats.ask("SUB service.time 1\r\n")
    command = mosquitto("mosquitto_rr", bus, "5")
    command += ["-t", "service/time", "-e", f"answers/{next(_sessions)}", "-m", "?", "-W", "10"]
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    asked = nats.message()
    assert asked.payload == b"?"
    nats.ask(pub(asked.reply, "noon"))
    said, _ = asking.communicate(timeout=10)
    assert said.strip() == "noon"


# --- names ---------------------------------------------------------------------------------------


def test_internal_subjects_stay_where_they_are(bus, nats, mqtt):
    """MQTT5-4.7.2-1: `#` and `+/...` get neither $-subjects nor inboxes; who names them does."""
    bus.broker.run("acl", "allow", bus.account.name, "publish", "$plant/#")
    end = time.monotonic() + 5
    while nats.ask("PUB $plant.a 0\r\n\r\n") and time.monotonic() < end:
        time.sleep(0.05)
    with mqtt_client(bus) as named:
        mqtt.subscribe("#")
        mqtt.subscribe("+/a")
        named.subscribe("_INBOX/#")
        named.subscribe("$plant/#")
        nats.ask(pub("$plant.a", "1") + pub("_INBOX.a", "2") + pub("plain.a", "3"))
        assert mqtt.message().payload == b"3"
        assert [named.message().payload for _ in range(2)] == [b"1", b"2"]


# The table of topics and subjects; None: there is none.
TOPICS = [
    *[("foo", "foo"), ("foo/bar", "foo.bar"), ("/foo", "/.foo"), ("/foo/bar", "/.foo.bar")],
    *[("foo/", "foo./"), ("foo/bar/", "foo.bar./"), ("/", "/./"), ("//", "/././")],
    *[("///", "/./././"), ("//foo", "/./.foo"), ("foo//", "foo././"), ("foo//bar", "foo./.bar")],
    *[("foo///bar", "foo././.bar"), ("/foo/", "/.foo./"), ("//foo//", "/./.foo././")],
    *[("foo.bar", "foo//bar"), (".", "//"), ("..", "////"), ("foo.", "foo//"), (".foo", "//foo")],
    *[("foo/.bar", "foo.//bar"), ("foo./bar", "foo//.bar"), ("./", "//./"), ("/.", "/.//")],
    *[("a.b/c.d", "a//b.c//d"), ("foo/./bar", "foo.//.bar"), ("foo*", "foo*")],
    *[("foo*/bar", "foo*.bar"), ("foo>/bar", "foo>.bar"), ("é/ü", "é.ü")],
]
NO_SUBJECT = ["foo bar", " ", "foo/ /bar", "foo\tbar", "foo\r\nbar", "*", "foo/*", "foo/*/bar"]
NO_SUBJECT += [">", "foo/>", "x" * 4096]
NO_TOPIC = ["foo/bar", "foo/", "/", "a///b", "a./b", "foo.+", "foo.#", "a#b", "foo.*", "foo.>"]


def test_topics_are_subjects(bus, nats, mqtt):
    """The table of names, from MQTT to NATS; what NATS cannot say comes to MQTT clients only."""
    before = dropped_unmappable(bus)
    with mqtt_client(bus) as witness:
        witness.subscribe("#")
        nats.ask("SUB > 1\r\n")
        for topic in [*(topic for topic, _ in TOPICS), *NO_SUBJECT, "last"]:
            assert mqtt.publish(topic, topic.encode(), qos=1) < 0x80
            assert witness.message().topic == topic
        got = []
        while not got or got[-1][0] != "last":
            message = nats.message()
            got.append((message.subject, message.payload.decode()))
        assert got == [(subject, topic) for topic, subject in TOPICS] + [("last", "last")]
    assert dropped_unmappable(bus) - before == len(NO_SUBJECT)


def test_subjects_are_topics(bus, nats, mqtt):
    """The table of names, from NATS to MQTT; what MQTT cannot say comes to NATS clients only."""
    before = dropped_unmappable(bus)
    mqtt.subscribe("#")
    nats.ask("SUB > 1\r\n")
    for subject in [*(subject for _, subject in TOPICS), *NO_TOPIC, "last"]:
        (message,) = nats.messages(pub(subject, subject))
        assert (message.subject, message.payload.decode()) == (subject, subject)
    got = []
    while not got or got[-1][0] != "last":
        message = mqtt.message()
        got.append((message.topic, message.payload.decode()))
    assert got == TOPICS + [("last", "last")]
    assert dropped_unmappable(bus) - before == len(NO_TOPIC)


# --- groups --------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["nats", "mqtt"])
def test_a_queue_and_a_share_of_one_name_are_one_group(bus, source):
    """A NATS queue group and $share of the same name and filter split the messages: each comes once."""
    name = f"group{next(_sessions)}"
    topic = f"{name}/work"
    queue_members = [bus.client() for _ in range(2)]
    share_members = [mqtt_client(bus) for _ in range(2)]
    for member in queue_members:
        member.ask(f"SUB {name}.* crew 1\r\n")
    for member in share_members:
        assert member.subscribe(f"$share/crew/{name}/+", qos=1) == [1]
    if source == "nats":
        with bus.client() as publisher:
            publisher.ask(b"".join(pub(topic.replace("/", "."), str(n)) for n in range(300)))
    else:
        with mqtt_client(bus) as publisher:
            for n in range(300):
                publisher.publish(topic, str(n).encode(), qos=1)
    parts = [[message.payload for message in member.messages()] for member in queue_members]
    end = time.monotonic() + 10
    parts += [[] for _ in share_members]
    while sum(map(len, parts)) < 300 and time.monotonic() < end:
        for member, part in zip(queue_members, parts):
            part += [message.payload for message in member.messages()]
        for member, part in zip(share_members, parts[2:]):
            try:
                while True:
                    part.append(member.message(0.02).payload)
            except TimeoutError:
                pass
    assert sorted(int(payload) for part in parts for payload in part) == list(range(300))
    assert all(len(part) > 30 for part in parts), [len(part) for part in parts]
    for member in queue_members + share_members:
        member.close()


def test_a_group_across_protocols_loses_a_member(bus, nats):
    """When one side of a group leaves the other has all messages."""
    name = f"group{next(_sessions)}"
    with mqtt_client(bus) as mqtt:
        mqtt.subscribe(f"$share/crew/{name}", qos=1)
        nats.ask(f"SUB {name} crew 1\r\nUNSUB 1\r\n")
        nats.ask(pub(name) * 20)
        assert len(mqtt.messages(20)) == 20
        nats.ask(f"SUB {name} crew 2\r\n")
        mqtt.unsubscribe(f"$share/crew/{name}")
        assert len(nats.messages(pub(name) * 20)) == 20
