"""Mosquitto's own clients, as the README tells a newcomer to use them: both ports, all versions."""
import subprocess

import pytest

PORTS = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
VERSIONS = pytest.mark.parametrize("version", ["mqttv31", "mqttv311", "mqttv5"])
QOS = pytest.mark.parametrize("qos", [0, 1, 2])


def arguments(broker, device, tls, version):
    port = broker.tls_port if tls else broker.port
    words = ["-h", "localhost", "-p", str(port), "-V", version]
    words += ["-i", device.id, "-u", device.id, "-P", device.key]
    return words + (["--cafile", str(broker.ca_file)] if tls else [])


def publish(broker, device, tls, version, topic, payload, qos=1):
    command = ["mosquitto_pub", *arguments(broker, device, tls, version)]
    command += ["-t", topic, "-m", payload, "-q", str(qos)]
    return subprocess.run(command, capture_output=True, text=True, timeout=10)


class Subscriber:
    """mosquitto_sub that waits for one message."""

    def __init__(self, broker, device, tls, version, topic_filter, qos):
        command = ["mosquitto_sub", *arguments(broker, device, tls, version)]
        command += ["-t", topic_filter, "-q", str(qos), "-C", "1", "-W", "10", "-d", "-F", "=%t %p"]
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("Subscribed"):
                return
        pytest.fail("mosquitto_sub did not subscribe: " + "".join(self.said))

    def received(self):
        rest, _ = self.process.communicate(timeout=15)
        return [line[1:] for line in rest.splitlines() if line.startswith("=")]


@pytest.fixture(scope="module")
def pair(sharded_broker):
    """A device with the rules of `core`, and a console that may do everything."""
    return sharded_broker.add_device("core"), sharded_broker.add_device("open", "console")


@PORTS
@VERSIONS
@QOS
def test_telemetry_of_a_device_arrives(sharded_broker, pair, tls, version, qos):
    device, console = pair
    topic = f"devices/{device.id}/telemetry"
    subscriber = Subscriber(sharded_broker, console, tls, version, "devices/+/telemetry", qos)
    payload = '{"temperature":22.5,"humidity":65,"state":"running"}'
    done = publish(sharded_broker, device, tls, version, topic, payload, qos)
    assert (done.returncode, done.stderr) == (0, "")
    assert subscriber.received() == [f"{topic} {payload}"]


@PORTS
@VERSIONS
def test_a_command_reaches_its_device(sharded_broker, pair, tls, version):
    device, console = pair
    topic = f"devices/{device.id}/commands"
    subscriber = Subscriber(sharded_broker, device, tls, version, topic, 1)
    done = publish(sharded_broker, console, tls, version, topic, '{"command":"reboot"}')
    assert (done.returncode, done.stderr) == (0, "")
    assert subscriber.received() == [f'{topic} {{"command":"reboot"}}']


@PORTS
@VERSIONS
def test_a_wrong_key_is_refused(sharded_broker, pair, tls, version):
    wrong = pair[0]._replace(key=pair[1].key)
    done = publish(sharded_broker, wrong, tls, version, f"devices/{wrong.id}/telemetry", "x")
    assert done.returncode != 0
    assert "refused" in done.stderr.lower() or "password" in done.stderr.lower(), done.stderr


def test_without_the_ca_certificate_a_client_does_not_trust_the_broker(sharded_broker, pair):
    command = ["mosquitto_pub", *arguments(sharded_broker, pair[0], False, "mqttv5")]
    command += ["-p", str(sharded_broker.tls_port), "--capath", "/etc/ssl/certs", "-t", "x", "-m", "x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert done.returncode != 0
    assert "TLS error" in done.stderr
