"""Client certificates, and certificate files that change while the broker runs."""
import signal
import socket
import ssl
import subprocess
import time

import pytest

import broker_process
from authority import Authority
from mqtt_client import ANSWER_WITHIN_S, Client, is_closed

TLS_VERSIONS = pytest.mark.parametrize("tls_version", ["tlsv1.2", "tlsv1.3"])
SEEN_WITHIN_S = 10


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def broker(authority, tmp_path_factory):
    tls = {"client_ca": str(authority.file), "client_crl": str(authority.crl)}
    with broker_process.running(tmp_path_factory.mktemp("broker"), tls=tls) as broker:
        yield broker


@pytest.fixture
def device(broker, authority):
    """A device that has a certificate, and no key that anybody knows."""
    device = broker.add_device()
    return device, authority.issue(device.id)


def publish(broker, device_id, certificate, tls_version="tlsv1.3", *more, client_id=None):
    client_id = client_id or device_id
    command = ["mosquitto_pub", "-h", "localhost", "-p", str(broker.tls_port), "-i", client_id]
    command += ["--cafile", str(broker.ca_file), "--tls-version", tls_version]
    if certificate:
        command += ["--cert", str(certificate.file), "--key", str(certificate.key)]
    command += ["-t", f"devices/{client_id}/telemetry", "-m", "x", "-q", "1", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=10)


def client_with(broker, device, certificate):
    """A client of ours that shows this certificate."""
    context = ssl.create_default_context(cafile=str(broker.ca_file))
    context.load_cert_chain(certificate.file, certificate.key)
    plain = socket.create_connection(("127.0.0.1", broker.tls_port), ANSWER_WITHIN_S)
    return Client(broker, device, sock=context.wrap_socket(plain, server_hostname="localhost"))


def by_certificate(client):
    return client.connect(username=None, password=None)


@TLS_VERSIONS
def test_a_certificate_with_a_devices_name_lets_it_in(broker, device, tls_version):
    device, certificate = device
    with Client(broker, broker.add_device("open")) as console:
        console.connected()
        console.subscribe(f"devices/{device.id}/telemetry")
        done = publish(broker, device.id, certificate, tls_version)
        assert (done.returncode, done.stderr) == (0, "")
        assert console.message().payload == b"x"


@TLS_VERSIONS
def test_a_certificate_is_good_for_its_own_device_alone(broker, device, authority, tls_version):
    device, certificate = device
    other = broker.add_device()
    assert publish(broker, device.id, certificate, tls_version, client_id=other.id).returncode != 0
    stranger = authority.issue("nobody")
    assert publish(broker, "nobody", stranger, tls_version).returncode != 0
    broker.wait_for_log("there is no device nobody")
    with_key = ("-u", other.id, "-P", other.key)
    assert publish(broker, other.id, certificate, tls_version, *with_key).returncode != 0
    assert publish(broker, other.id, None, tls_version, *with_key).returncode == 0


@TLS_VERSIONS
def test_certificates_that_are_revoked_expired_or_of_others_are_refused(
    broker, authority, tmp_path, tls_version
):
    def refused_because(certificate, device):
        assert publish(broker, device.id, certificate, tls_version).returncode != 0
        wanted = f'certificate of "{device.id}": client certificate refused, '
        return broker.wait_for_log(wanted).partition(wanted)[2]

    device = broker.add_device()
    lost = authority.issue(device.id, file_name=f"lost-{device.id}")
    assert publish(broker, device.id, lost, tls_version).returncode == 0
    authority.revoke(lost)
    wait_for(lambda: publish(broker, device.id, lost, tls_version).returncode != 0)
    broker.wait_for_log("client certificate refused, certificate revoked")

    device = broker.add_device()
    other = Authority(tmp_path / "other").issue(device.id)
    assert "issuer" in refused_because(other, device)


def test_under_a_revoked_intermediate_ca_nobody_is_let_in(tmp_path):
    root = Authority(tmp_path / "root")
    good, bad = (Authority(tmp_path / name, name, issuer=root) for name in ("good", "bad"))
    root.revoke(bad)
    lists = tmp_path / "lists.pem"
    lists.write_text("".join(one.crl.read_text() for one in (root, good, bad)))

    def chain_of(authority, device):
        certificate = authority.issue(device.id)
        chain = tmp_path / f"{device.id}-chain.crt"
        chain.write_text(certificate.file.read_text() + authority.file.read_text())
        return certificate._replace(file=chain)

    tls = {"client_ca": str(root.file), "client_crl": str(lists)}
    with broker_process.running(tmp_path, tls=tls) as broker:
        device, other = broker.add_device(), broker.add_device()
        assert publish(broker, device.id, chain_of(good, device)).returncode == 0
        assert publish(broker, other.id, chain_of(bad, other)).returncode != 0
        broker.wait_for_log("client certificate refused, certificate revoked")


def test_an_intermediate_ca_may_be_the_trusted_one(tmp_path):
    middle = Authority(tmp_path / "middle", "middle", issuer=Authority(tmp_path / "root"))
    tls = {"client_ca": str(middle.file), "client_crl": str(middle.crl)}
    with broker_process.running(tmp_path, tls=tls) as broker:
        device = broker.add_device()
        certificate = middle.issue(device.id)
        assert publish(broker, device.id, certificate).returncode == 0
        middle.revoke(certificate)
        wait_for(lambda: publish(broker, device.id, certificate).returncode != 0)


def wait_for(condition, within_s=SEEN_WITHIN_S):
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.1)


def test_a_live_session_by_certificate_ends_when_its_device_may_not_come(broker, device):
    device, certificate = device
    for command in ("disable", "remove"):
        with client_with(broker, device, certificate) as client:
            assert by_certificate(client) == (False, 0)
            broker.ask("key", "add", device.id)
            client.ping()  # keys are another matter
            broker.ask("device", command, device.id)
            assert is_closed(client, within_s=1)
            if command == "disable":
                broker.ask("device", "enable", device.id)


def test_the_name_may_be_a_uri_and_a_certificate_may_be_required(authority, tmp_path):
    tls = {
        "client_ca": str(authority.file),
        "client_identity": "san_uri",
        "client_certificate": "required",
    }
    with broker_process.running(tmp_path, tls=tls) as broker:
        device = broker.add_device()
        names = f"subjectAltName=URI:spiffe://example.org/device/{device.id}"
        by_uri = authority.issue("by-uri", extensions=names)
        assert publish(broker, device.id, by_uri).returncode == 0
        assert publish(broker, device.id, authority.issue(device.id)).returncode != 0
        with_key = ("-u", device.id, "-P", device.key)
        assert publish(broker, device.id, None, "tlsv1.3", *with_key).returncode != 0
        assert publish(broker, device.id, by_uri, "tlsv1.3", *with_key).returncode == 0
        psk = broker.ask("psk", "set", device.id)["psk"]
        command = ["mosquitto_pub", "-h", "localhost", "-p", str(broker.tls_port), "-i", device.id]
        command += ["--psk-identity", device.id, "--psk", psk, "-t", "x", "-m", "x", "-q", "1"]
        assert subprocess.run(command, capture_output=True, timeout=10).returncode == 0


# Files that change


def replace(certificate, directory):
    """Puts certificate and key into the files of the broker, as a rotation does: one by one."""
    for source, name in ((certificate.file, "live.crt"), (certificate.key, "live.key")):
        fresh = directory / f"{name}.new"
        fresh.write_bytes(source.read_bytes())
        fresh.rename(directory / name)


def shown_by(broker):
    """The certificate that the broker shows to newcomers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", broker.tls_port), ANSWER_WITHIN_S) as plain:
        with context.wrap_socket(plain) as secure:
            return secure.getpeercert(binary_form=True)


def in_der(certificate):
    return ssl.PEM_cert_to_DER_cert(certificate.file.read_text())


class Rotation:
    """A broker with certificate files that a test replaces, and a client that must not notice."""

    def __init__(self, authority, directory):
        names = "subjectAltName=DNS:localhost"
        self.first = authority.issue("localhost", names, file_name=f"{directory.name}-first")
        self.second = authority.issue("localhost", names, file_name=f"{directory.name}-second")
        self.directory = directory
        replace(self.first, directory)
        self.tls = {
            "certificate": str(directory / "live.crt"),
            "private_key": str(directory / "live.key"),
        }


@pytest.fixture
def rotation(authority, tmp_path):
    return Rotation(authority, tmp_path)


def test_new_certificate_files_are_used_and_nobody_is_dropped(rotation, tmp_path):
    with broker_process.running(tmp_path, tls=rotation.tls) as broker:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", broker.tls_port), ANSWER_WITHIN_S)
        with Client(broker, broker.add_device(), sock=context.wrap_socket(plain)) as client:
            client.connected()
            assert shown_by(broker) == in_der(rotation.first)
            replace(rotation.second, tmp_path)
            wait_for(lambda: shown_by(broker) == in_der(rotation.second))
            client.ping()
            assert not any(" error " in line for line in broker.log), broker.log_text()


def test_sighup_reads_them_at_once(rotation, tmp_path):
    with broker_process.running(tmp_path, tls=rotation.tls) as broker:
        replace(rotation.second, tmp_path)
        broker.process.send_signal(signal.SIGHUP)
        wait_for(lambda: shown_by(broker) == in_der(rotation.second))
        replace(rotation.first, tmp_path)
        broker.process.send_signal(signal.SIGHUP)
        wait_for(lambda: shown_by(broker) == in_der(rotation.first))


def test_broken_files_leave_the_old_ones_in_use_and_are_told_once(rotation, tmp_path):
    with broker_process.running(tmp_path, tls=rotation.tls) as broker:
        (tmp_path / "live.crt").write_text("nonsense")

        def errors():
            return [line for line in broker.log if " error " in line]

        wait_for(errors)
        assert "live.crt holds no certificate in PEM form" in errors()[0]
        assert shown_by(broker) == in_der(rotation.first)
        replace(rotation.second, tmp_path)
        wait_for(lambda: shown_by(broker) == in_der(rotation.second))
        assert len(errors()) == 1
