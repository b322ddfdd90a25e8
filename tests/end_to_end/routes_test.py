"""Routes between subjects and topics: commands for services, configured routes, reloading, and what
the commands say about them."""
import itertools
import json
import signal
import socket

import broker_process
import pytest
from mqtt_client import Client, Will

SERVICE_TOPIC = "channels/6abff700/messages/services/pump"

# As Connhex Edge writes it.
EXPORT = """File = "export.toml"

[exp]
  log_level = "debug"
  nats = "localhost:4222"

[[routes]]
  mqtt_topic = "channels/6abff700-344c-47d3-bcf8-53ef29f36277/messages"
  nats_topic = "edge"
  subtopic = ""
  type = "default"
  workers = 0
"""

_numbers = itertools.count(1)

ROUTE_TEMPLATE = """
[[routes]]
nats_topic = "{nats}"
mqtt_topic = "{mqtt}"
direction = "{direction}"
"""


def route(nats, mqtt, direction="out"):
    return ROUTE_TEMPLATE.format(nats=nats, mqtt=mqtt, direction=direction)


def broker_with(directory, text="", **settings):
    """A broker, not started, with more text at the end of its configuration."""
    broker = broker_process.Broker(directory, **settings)
    broker.config.write_text(broker.config.read_text() + text)
    return broker


def add_service(broker, name):
    added = broker.ask("service", "add", name)
    return broker_process.Device(name, added["api_key"], added["key_id"])


class Nats:
    """As much of a NATS client as these tests need."""

    def __init__(self, broker, account):
        self.socket = socket.create_connection(("127.0.0.1", broker.nats_port), 5)
        self.lines = self.socket.makefile("rb")
        assert self.lines.readline().startswith(b"INFO ")
        options = {"verbose": False, "user": account.id, "pass": account.key}
        self.say("CONNECT " + json.dumps(options))

    def say(self, text):
        """Is back when it has been heard. Only while no message can come."""
        self.socket.sendall(text.encode() + b"\r\nPING\r\n")
        assert self.lines.readline() == b"PONG\r\n"

    def subscribe(self, subject, sid):
        self.say(f"SUB {subject} {sid}")

    def publish(self, subject, payload):
        self.socket.sendall(f"PUB {subject} {len(payload)}\r\n{payload}\r\n".encode())

    def message(self):
        """The next one: its subject, the number of its subscription, its payload."""
        operation, subject, sid, *_, size = self.lines.readline().decode().split()
        assert operation == "MSG"
        return subject, int(sid), self.lines.read(int(size) + 2)[:-2].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()


@pytest.fixture(scope="module", params=[1, 2, 4], ids=["shards1", "shards2", "shards4"])
def broker(request, tmp_path_factory):
    text = route("down.*.>", "up/+/#", "in") + route("state.*", "site/+/state", "both")
    text += route(">", "any/#", "in") + route("edge", "channels/1/messages")
    text += route("line.>", "channels/2/messages/#")
    directory = tmp_path_factory.mktemp("routes")
    nats_port = broker_process.free_port()
    settings = {
        "broker": {"threads": request.param},
        "nats": {"listen": f"127.0.0.1:{nats_port}"},
    }
    with broker_process.started(broker_with(directory, text, **settings)) as running:
        running.nats_port = nats_port
        running.cloud = add_service(running, "cloud")
        running.edge = add_service(running, "edge")
        yield running


def listener(broker, *filters, qos=1):
    client = Client(broker, broker.edge).connected(client_id=f"edge/{next(_numbers)}")
    assert client.subscribe(*filters, qos=qos) == [qos] * len(filters)
    return client


def test_a_command_reaches_the_service_once(broker):
    """What is published for a service of a channel comes to commands/NAME, once to each listener."""
    with listener(broker, "commands/pump") as one, listener(broker, "commands/pump/#") as all_of_it:
        with Client(broker, broker.cloud).connected() as cloud:
            cloud.publish(SERVICE_TOPIC, b"start", qos=1)
            cloud.publish(SERVICE_TOPIC + "/speed/set", b"7", qos=2)
            cloud.publish(SERVICE_TOPIC, b"last", qos=1)
        heard = [(m.topic, m.payload) for m in one.messages(2)]
        assert heard == [("commands/pump", b"start"), ("commands/pump", b"last")]
        heard = [(m.topic, m.payload) for m in all_of_it.messages(3)]
        assert heard == [
            ("commands/pump", b"start"),
            ("commands/pump/speed/set", b"7"),
            ("commands/pump", b"last"),
        ]


def test_a_message_stays_on_its_own_topic_as_well(broker):
    """Who listens on the channel hears what is sent to a service there."""
    with listener(broker, "channels/#") as there:
        with Client(broker, broker.cloud).connected() as cloud:
            cloud.publish(SERVICE_TOPIC, b"start", qos=1)
        assert there.message().topic == SERVICE_TOPIC


def test_other_messages_of_a_channel_are_no_commands(broker):
    """Only messages/services/NAME is a command."""
    with listener(broker, "commands/#") as service:
        with Client(broker, broker.cloud).connected() as cloud:
            cloud.publish("channels/6abff700/messages", b"no", qos=1)
            cloud.publish("channels/6abff700/messages/services", b"no", qos=1)
            cloud.publish("channels/6abff700/other/services/pump", b"no", qos=1)
            cloud.publish(SERVICE_TOPIC, b"yes", qos=1)
        assert service.message().payload == b"yes"


def test_a_retained_command_is_not_repeated(broker):
    """A retained message is retained on its own topic, not on the one that an in route leads to."""
    with Client(broker, broker.cloud).connected() as cloud:
        cloud.publish(SERVICE_TOPIC, b"kept", qos=1, retain=True)
        with listener(broker, "commands/#", "channels/#") as late:
            cloud.publish(SERVICE_TOPIC, b"", qos=1, retain=True)
            first = late.message()
            assert (first.topic, first.payload, first.retain) == (SERVICE_TOPIC, b"kept", True)


def test_configured_routes_lead_in_with_what_their_wildcards_took(broker):
    """An in route takes the messages of MQTT clients, and pairs * with + and > with #."""
    with listener(broker, "down/#", "state/#", "site/#") as edge:
        with Client(broker, broker.cloud).connected() as cloud:
            cloud.publish("up/1", b"too short", qos=1)
            cloud.publish("up/1/a/b", b"1", qos=1)
            cloud.publish("site/7/state", b"2", qos=1)
        heard = sorted((m.topic, m.payload) for m in edge.messages(3))
        assert heard == [("down/1/a/b", b"1"), ("site/7/state", b"2"), ("state/7", b"2")]


def test_an_out_route_does_not_take_messages_of_mqtt_clients(broker):
    """state.* goes out for NATS clients; an MQTT client's message on state/7 stays there."""
    with listener(broker, "state/#", "site/#") as edge:
        with Client(broker, broker.cloud).connected() as cloud:
            cloud.publish("state/7", b"1", qos=1)
            cloud.publish("state/8", b"2", qos=1)
        assert [m.topic for m in edge.messages(2)] == ["state/7", "state/8"]


def test_a_client_cannot_reach_reserved_names_through_a_wildcard(broker):
    """What + and # took cannot lead to $ topics and replies: dropped, counted, logged once."""
    before = broker.ask("status")["dropped_by_routes"]
    with listener(broker, "_INBOX/#", "other") as edge:
        with Client(broker, broker.cloud).connected() as cloud:
            cloud.publish("any/$SYS/x", b"no", qos=1)
            cloud.publish("any/_INBOX/x", b"no", qos=1)
            cloud.publish("any/other", b"yes", qos=1)
        assert edge.message().topic == "other"
    assert broker.ask("status")["dropped_by_routes"] == before + 2
    broker.wait_for_log("led to no topic that a message could have: $SYS/x")


def test_a_will_takes_routes(broker):
    """A will is a message of an MQTT client like any other."""
    with listener(broker, "commands/#") as service:
        client = Client(broker, broker.cloud).connected(will=Will(SERVICE_TOPIC, b"gone", 1, False))
        client.close()
        assert service.message().payload == b"gone"


def test_what_nats_clients_publish_goes_out_once(broker):
    """The bare subject goes to mqtt_topic, deeper ones below it, by their whole names, in order."""
    with listener(broker, "channels/1/#") as cloud, Nats(broker, broker.edge) as service:
        for number in range(20):
            service.publish("edge", f"{number}")
            service.publish("edge.a.b", f"{number}")
        service.publish("edged", "no")
        service.publish("edge.end", "")
        heard = [(m.topic, m.payload) for m in cloud.messages(41)]
    expected = []
    for number in range(20):
        expected.append(("channels/1/messages", b"%d" % number))
        expected.append(("channels/1/messages/edge/a/b", b"%d" % number))
    assert heard == expected + [("channels/1/messages/edge/end", b"")]


def test_a_command_reaches_nats_services_once(broker):
    """commands.NAME and commands.NAME.more come once to each subscription that matches."""
    with Nats(broker, broker.edge) as service:
        for sid, subject in enumerate(["commands.pump", "commands.pump.>", "commands.*"], 1):
            service.subscribe(subject, sid)
        with Client(broker, broker.cloud).connected() as cloud:
            cloud.publish(SERVICE_TOPIC, b"start", qos=1)
            cloud.publish(SERVICE_TOPIC + "/speed/set", b"7", qos=1)
            cloud.publish(SERVICE_TOPIC, b"end", qos=1)
        heard = sorted(service.message() for _ in range(5))
    assert heard == [
        ("commands.pump", 1, "end"),
        ("commands.pump", 1, "start"),
        ("commands.pump", 3, "end"),
        ("commands.pump", 3, "start"),
        ("commands.pump.speed.set", 2, "7"),
    ]


def test_an_export_comes_back_as_a_command_only_if_it_names_a_service(broker):
    """A result of an out route is on the MQTT side, where in routes take it."""
    with Nats(broker, broker.edge) as service:
        service.subscribe("commands.>", 1)
        service.publish("line.temp", "no")
        service.publish("line.services.pump", "yes")
        assert service.message() == ("commands.pump", 1, "yes")


def test_a_route_with_both_ways_ends_where_it_began(broker):
    """state.7 goes to site/7/state and does not come back."""
    with listener(broker, "state/#", "site/#") as cloud, Nats(broker, broker.edge) as service:
        service.publish("state.7", "1")
        service.publish("state.8", "2")
        assert sorted((m.topic, m.payload) for m in cloud.messages(4)) == [
            ("site/7/state", b"1"),
            ("site/8/state", b"2"),
            ("state/7", b"1"),
            ("state/8", b"2"),
        ]


def test_the_built_in_route_can_be_switched_off(tmp_path):
    """[bridge] commands = false: what is sent to a service of a channel stays there."""
    with broker_process.started(broker_with(tmp_path, bridge={"commands": False})) as broker:
        broker.cloud, broker.edge = add_service(broker, "cloud"), add_service(broker, "edge")
        assert broker.ask("route", "list") == []
        with listener(broker, "commands/#", "x") as service:
            with Client(broker, broker.cloud).connected() as cloud:
                cloud.publish(SERVICE_TOPIC, b"no", qos=1)
                cloud.publish("x", b"yes", qos=1)
            assert service.message().payload == b"yes"


def test_routes_are_read_again_on_sighup(tmp_path):
    """SIGHUP: new routes take effect, wrong ones are named and the old ones stay."""
    broker = broker_with(tmp_path, bridge={"routes_file": "export.toml"})
    export = tmp_path / "export.toml"
    export.write_text(route("one", "in/1", "in"))

    def reload(words):
        broker.log.clear()
        broker.process.send_signal(signal.SIGHUP)
        return broker.wait_for_log(words)

    def led_to(client, cloud, topic):
        cloud.publish("in/" + topic, b"x", qos=1)
        cloud.publish("end", b"x", qos=1)
        topics = []
        while not topics or topics[-1] != "end":
            topics.append(client.message().topic)
        return topics[:-1]

    with broker_process.started(broker):
        broker.cloud, broker.edge = add_service(broker, "cloud"), add_service(broker, "edge")
        with listener(broker, "one", "two", "end") as client:
            with Client(broker, broker.cloud).connected() as cloud:
                assert led_to(client, cloud, "1") == ["one"]
                export.write_text(route("two", "in/1", "in") + route("one", "in/2", "in"))
                reload("routes are read again: 2 configured")
                assert led_to(client, cloud, "1") == ["two"]
                assert led_to(client, cloud, "2") == ["one"]

                export.write_text(route("one", "in/1", "in") + route("a..b", "in/2", "in"))
                assert "nats_topic must be a subject" in reload(f"{export}:8: [[routes]]")
                broker.wait_for_log("the routes stay what they are")
                assert led_to(client, cloud, "1") == ["two"]

                export.unlink()
                reload("export.toml: cannot be read")
                assert led_to(client, cloud, "1") == ["two"]

                settings = broker.config.read_text()
                broker.config.write_text(settings.replace("export.toml", ""))
                reload("routes are read again: 0 configured")
                assert led_to(client, cloud, "1") == []
                broker.config.write_text(broker.config.read_text() + "[limits]\nmax_inflight = 7\n")
                reload("takes effect at the next start")


def test_mistakes_are_named_by_file_line_and_reason(tmp_path):
    """config check and serve: bad names, duplicates, circles, a strange type, in either file."""
    broker = broker_with(tmp_path, route("a", "b") + route("a", "b", "in"),
                         bridge={"routes_file": "export.toml"})
    export = tmp_path / "export.toml"
    again = EXPORT[EXPORT.index("[[routes]]") :]
    export.write_text(EXPORT.replace('"default"', '"mfx"') + again)
    circle = broker.config.read_text().splitlines().index('direction = "in"') - 2
    for command in (["config", "check"], ["serve"]):
        done = broker.run(*command)
        assert done.returncode == 1
        assert f"{broker.config}:{circle}: [[routes]] is circular" in done.stderr
        assert f'{export}:11: [[routes]] type must be "default", not "mfx"' in done.stderr
        assert f"{export}:13: [[routes]] does the same as the route at {export}:7" in done.stderr
        assert len(done.stderr.splitlines()) == 3, done.stderr
    errors = broker.run("--json", "config", "check").stdout
    assert "is circular" in errors


def test_the_file_of_connhex_edge_is_taken_as_it_is(tmp_path):
    """routes_file: one warning for what is not about routes, and the route is there."""
    broker = broker_with(tmp_path, bridge={"routes_file": "export.toml"})
    (tmp_path / "export.toml").write_text(EXPORT)
    warnings = broker.ask("config", "check")["warnings"]
    assert len(warnings) == 1 and "ignored: File, exp" in warnings[0]
    first, built_in = broker.ask("route", "list")
    assert first["direction"] == "out" and first["from"] == "edge" and not first["built_in"]
    assert first["to"] == "channels/6abff700-344c-47d3-bcf8-53ef29f36277/messages"
    assert first["source"] == f"{tmp_path / 'export.toml'}:7"
    assert built_in["built_in"] and built_in["source"] is None and built_in["direction"] == "in"
    table = broker.run("route", "list").stdout
    assert "DIRECTION" in table and "built in" in table and f"{tmp_path / 'export.toml'}:7" in table


def test_route_test_tells_where_a_name_leads_and_why(tmp_path):
    """Both spellings of the name, every result, and the route that made it; the broker is down."""
    broker = broker_with(tmp_path, route("edge", "channels/1/messages") + route("e.*", "m/+"))

    tested = broker.ask("route", "test", "edge.temp.1")
    assert (tested["topic"], tested["subject"]) == ("edge/temp/1", "edge.temp.1")
    (result,) = tested["results"]
    assert result["topic"] == "channels/1/messages/edge/temp/1"
    assert result["subject"] == "channels.1.messages.edge.temp.1"
    assert (result["from"], result["after"]) == ("nats", None)
    assert result["route"]["source"].startswith(str(broker.config))

    (result,) = broker.ask("route", "test", SERVICE_TOPIC)["results"]
    assert (result["from"], result["subject"]) == ("mqtt", "commands.pump")
    assert result["route"]["built_in"]
    assert broker.ask("route", "test", SERVICE_TOPIC, "--from", "nats")["results"] == []

    assert broker.ask("route", "test", "a.b", "--topic")["subject"] == "a//b"
    assert broker.ask("route", "test", "a//b", "--subject")["topic"] == "a.b"
    assert broker.ask("route", "test", "a b/c")["subject"] is None
    assert broker.ask("route", "test", "a+b")["topic"] is None
    text = broker.run("route", "test", "edge").stdout
    assert "channels/1/messages" in text and str(broker.config) in text
    assert "none: NATS clients cannot get it" in broker.run("route", "test", "a b/c").stdout

    for wrong in ("a/+", "a/#", "a..b", "a.*", ">"):
        done = broker.run("route", "test", wrong)
        assert done.returncode == 1 and "can be published to" in done.stderr
    assert broker.run("route", "test", "a", "--from", "http").returncode == 2
