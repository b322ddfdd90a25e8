"""The health of services by their heartbeats, with Mosquitto's clients and the command line."""
import itertools
import json
import re
import subprocess
import time

import pytest

import broker_process
from broker_process import Device
from mqtt_client import V5, Client

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FAST = {"check_interval": "1s"}
NEVER = {"check_interval": "1h"}  # nothing goes down during a test

_sessions = itertools.count(1)


def add_service(broker, name, *options):
    added = broker.ask("service", "add", name, *options)
    return Device(name, added["api_key"], added["key_id"])


def beat(broker, account, name):
    """A heartbeat of mosquitto_pub, which has a session of its own."""
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1"]
    command += ["-i", f"{account.id}/{next(_sessions)}", "-u", account.id, "-P", account.key]
    command += ["-t", f"heartbeat/{name}/service", "-m", ""]
    subprocess.run(command, check=True, timeout=10)


def watch(broker, account, name):
    """A client that is told of the status of one service."""
    client = Client(broker, account, V5)
    client.connected(client_id=f"{account.id}/{next(_sessions)}")
    assert client.subscribe(f"services/{name}/status", qos=1) == [1]
    return client


def wait_for(client, status, within_s=10):
    end = time.monotonic() + within_s
    while True:
        told = json.loads(client.message(max(0.1, end - time.monotonic())).payload)
        if told["status"] == status:
            return told


def services(broker, *arguments):
    return {service["name"]: service for service in broker.ask("services", *arguments)}


def sentence(done):
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("drawbridge: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_service_comes_up_goes_down_and_comes_back(tmp_path):
    """A service that sends heartbeats is up; one that sends none in a period is down."""
    with broker_process.running(tmp_path, services=FAST) as broker:
        back_end = add_service(broker, "back-end")
        with watch(broker, back_end, "pump") as client:
            beat(broker, back_end, "pump")
            up = wait_for(client, "up")
            assert (up["service"], up["outages"]) == ("pump", 0)
            assert up["since"] == up["last_seen"] and TIME.fullmatch(up["since"])
            down = wait_for(client, "down")
            assert down["outages"] == 1
            assert down["last_seen"] == up["last_seen"] < down["since"]
            (shown,) = broker.ask("services")
            assert shown == {
                "name": "pump",
                "tenant": "",
                "status": "down",
                "since": down["since"],
                "last_seen": down["last_seen"],
                "outages": 1,
            }
            status = broker.ask("status")
            assert (status["services_up"], status["services_down"]) == (0, 1)
            beat(broker, back_end, "pump")
            assert wait_for(client, "up")["outages"] == 1
        with watch(broker, back_end, "pump") as newcomer:
            assert newcomer.message().retain


@pytest.mark.parametrize("persistence", [True, False], ids=["durable", "memory"])
def test_the_health_of_services_survives_a_kill(tmp_path, persistence):
    """Status, outages and times survive kill -9; who was up has a period to be heard again."""
    broker = broker_process.Broker(
        tmp_path, services={"check_interval": "2s"}, storage={"persistence": persistence}
    )
    with broker_process.started(broker):
        back_end = add_service(broker, "back-end")
        with watch(broker, back_end, "valve") as client:
            beat(broker, back_end, "valve")
            wait_for(client, "down")
        with watch(broker, back_end, "pump") as client:
            beat(broker, back_end, "pump")
            wait_for(client, "up")
            before = services(broker)
            broker.kill()

        stopped = broker.run("--json", "services")
        assert "the broker is not running" in stopped.stderr
        known = {service["name"]: service for service in json.loads(stopped.stdout)}
        assert known["valve"] == before["valve"]
        assert known["pump"]["status"] == "up"
        assert known["pump"]["since"] == before["pump"]["since"]

        broker.start()
        assert services(broker)["valve"] == before["valve"]
        with watch(broker, back_end, "pump") as client:
            up = wait_for(client, "up")
            assert up["since"] == before["pump"]["since"], "an outage because the broker was away"
            assert wait_for(client, "down")["outages"] == 1
        with watch(broker, back_end, "valve") as client:
            assert json.loads(client.message().payload)["outages"] == 1


def test_tenants_have_services_of_their_own(tmp_path):
    """A tenant's client speaks for its own tenant's services alone."""
    with broker_process.running(tmp_path, services=NEVER, broker={"threads": 4}) as broker:
        acme = add_service(broker, "acme-end", "--tenant", "acme")
        birch = add_service(broker, "birch-end", "--tenant", "birch")
        with watch(broker, acme, "pump") as client:
            beat(broker, birch, "pump")
            (only,) = broker.ask("services")
            assert (only["name"], only["tenant"], only["status"]) == ("pump", "birch", "up")
            beat(broker, acme, "pump")
            first = wait_for(client, "up")
        both = broker.ask("services", "pump")
        assert [service["tenant"] for service in both] == ["acme", "birch"]
        assert both[0]["since"] == first["since"], "the first that acme was told was its own"
        assert broker.ask("services", "--tenant", "acme") == both[:1]
        assert "--tenant" in sentence(broker.run("services", "forget", "pump"))
        broker.ask("services", "forget", "pump", "--tenant", "birch")
        assert broker.ask("services") == both[:1]
        with watch(broker, acme, "pump") as client:
            assert client.message().retain
        with watch(broker, birch, "pump") as client:
            client.publish("services/pump/status", b"nothing before this")
            assert client.message().payload == b"nothing before this"


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_service_that_is_gone_is_forgotten(tmp_path, running):
    """A forgotten service is in no list, and nothing of it is retained."""
    broker = broker_process.Broker(tmp_path, services=NEVER)
    with broker_process.started(broker):
        back_end = add_service(broker, "back-end")
        for name in ("pump", "valve"):
            with watch(broker, back_end, name) as client:
                beat(broker, back_end, name)
                wait_for(client, "up")
        assert "fan" in sentence(broker.run("services", "forget", "fan"))
        if not running:
            broker.kill()
        forgotten = broker.ask("services", "forget", "pump")
        assert forgotten == {"name": "pump", "tenant": "", "forgotten": True}
        assert list(services(broker)) == ["valve"]
        assert "pump" in sentence(broker.run("services", "forget", "pump"))
        if running:
            broker.kill()
        broker.start()
        assert list(services(broker)) == ["valve"]
        with watch(broker, back_end, "pump") as client:
            client.publish("services/pump/status", b"nothing before this")
            assert client.message().payload == b"nothing before this"
        (change,) = [
            row for row in broker.ask("audit", "list") if row["subject"] == "service's health forgotten"
        ]
        assert change["why"] == "pump"


def test_people_can_read_it(tmp_path):
    with broker_process.running(tmp_path, services=NEVER) as broker:
        back_end = add_service(broker, "back-end")
        assert broker.ask("services") == []
        assert "heartbeat/pump/service" in sentence(broker.run("services", "pump"))
        beat(broker, back_end, "pump")
        head, line = broker.run("services").stdout.splitlines()
        assert head.split() == "SERVICE TENANT STATUS SINCE LAST SEEN OUTAGES".split()
        assert line.split()[:2] == ["pump", "up"]
        assert "pump" in broker.run("services", "pump").stdout
        assert broker.ask("config", "show")["services"] == {"check_interval": "1h"}


def test_a_check_interval_that_cannot_be_is_a_mistake(tmp_path):
    for interval in ("999ms", "61m"):
        broker = broker_process.Broker(tmp_path, services={"check_interval": interval})
        done = broker.run("config", "check")
        assert done.returncode == 1 and "check_interval" in done.stderr + done.stdout
