"""Starting and stopping: what is in the way is said in one sentence, and nothing is left behind."""
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import broker_process
from broker_process import Broker, running, started
from mqtt_client import DISCONNECT, V5, Client


def refused(broker):
    """Starts a broker that cannot; returns the last line that it said."""
    broker.launch()
    try:
        status = broker.wait()
    except subprocess.TimeoutExpired:
        broker.kill()
        pytest.fail("it started:\n" + broker.log_text())
    log = broker.log_text()
    assert status == 1, f"exit status {status}:\n{log}"
    assert "terminate called" not in log and "what()" not in log
    assert not any(line.split()[-1:] == ["ready"] for line in broker.log)
    return broker.log[-1]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_it_makes_what_it_needs_and_keeps_it_private(tmp_path):
    with running(tmp_path) as broker:
        assert mode(broker.data) == 0o700
        assert mode(broker.data / "secret.key") == 0o600
        assert mode(broker.data / "admin.sock") == 0o600
        assert mode(broker.data / "tls" / "server.key") == 0o600
        assert (broker.data / "drawbridge.db").exists()
        assert (broker.data / "tls" / "server.crt").exists()
        assert (broker.data / "tls" / "ca.crt").exists()


def test_sigterm_says_goodbye_and_leaves_nothing_behind(tmp_path):
    broker = Broker(tmp_path).start()
    device = broker.add_device()
    with Client(broker, device, V5) as client, socket.create_connection(("127.0.0.1", broker.port)):
        client.connected()
        begin = time.monotonic()
        assert broker.stop() == 0
        assert time.monotonic() - begin < 5
        assert [(p.kind, p.body[0]) for p in client.packets_until_closed()] == [(DISCONNECT, 0x8B)]
    assert not (broker.data / "admin.sock").exists()


def test_devices_and_certificates_outlive_a_restart(tmp_path):
    broker = Broker(tmp_path).start()
    device = broker.add_device()
    certificate = broker.ca_file.read_bytes()
    assert broker.stop() == 0
    with started(broker):
        assert broker.ca_file.read_bytes() == certificate
        with Client(broker, device, tls=True) as client:
            client.connected()


def test_a_broker_that_was_killed_starts_again(tmp_path):
    broker = Broker(tmp_path).start()
    device = broker.add_device()
    broker.kill()
    with started(broker):
        with Client(broker, device) as client:
            client.connected()


@pytest.mark.parametrize("which", ["port", "tls_port"])
def test_a_port_in_use_is_named(tmp_path, which):
    broker = Broker(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", getattr(broker, which)))
        taken.listen()
        assert str(getattr(broker, which)) in refused(broker)
    with started(broker):
        pass


def test_a_data_directory_that_is_a_file_is_named(tmp_path):
    broker = Broker(tmp_path)
    broker.data.write_text("not a directory")
    assert str(broker.data) in refused(broker)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to start the broker as nobody")
def test_a_data_directory_without_permission_is_named():
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        broker = Broker(directory)
        program = shutil.copy(broker_process.BINARY, directory)
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program]
        done = subprocess.run(
            [*as_nobody, *broker.command_line("serve")[1:]],
            capture_output=True,
            text=True,
            timeout=10,
        )
    assert done.returncode == 1, done.stderr
    assert str(broker.data) in done.stderr


def test_a_second_broker_on_the_same_data_is_refused(tmp_path):
    with running(tmp_path) as first:
        second = Broker(tmp_path)
        assert str(first.data) in refused(second)
        device = first.add_device()
        with Client(first, device) as client:
            client.connected()


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of the operator's own, with its key, and another key."""
    directory = tmp_path_factory.mktemp("certificate")
    names = [directory / name for name in ("own.crt", "own.key", "other.key")]
    openssl(
        *"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(),
        *["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        *["-keyout", str(names[1]), "-out", str(names[0])],
    )
    openssl(*"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256".split(), "-out", str(names[2]))
    return names


def test_a_certificate_of_ones_own_is_used(tmp_path, certificate):
    own, key, _ = certificate
    with running(tmp_path, tls={"certificate": str(own), "private_key": str(key)}) as broker:
        command = f"s_client -connect 127.0.0.1:{broker.tls_port} -CAfile {own} -verify_return_error"
        done = subprocess.run(
            ["openssl", *command.split()], input="", capture_output=True, text=True, timeout=10
        )
        assert "Verify return code: 0 (ok)" in done.stdout


def test_a_certificate_that_does_not_work_is_named(tmp_path, certificate):
    own, key, other_key = certificate
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("not a certificate\n")
    missing = tmp_path / "missing.pem"
    for number, (crt, private, named) in enumerate(
        [(garbage, key, garbage), (missing, key, missing), (own, garbage, garbage), (own, other_key, own)]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        broker = Broker(directory, tls={"certificate": str(crt), "private_key": str(private)})
        said = refused(broker)
        assert str(named) in said or str(private) in said, said


def test_a_wrong_configuration_is_named_by_file_and_line(tmp_path):
    broker = Broker(tmp_path)
    broker.config.write_text("[limits]\nmax_inflight = 0\n")
    assert f"{broker.config}:2:" in refused(broker)


def test_what_is_not_served_yet_is_said_at_start(tmp_path):
    with running(tmp_path, tls={"psk": False}) as broker:
        assert "not served" not in broker.log_text()
    broker.write_config(http={"listen": "127.0.0.1:8080"})
    with started(broker):
        assert "[http] listen is not served by this version" in broker.log_text()
