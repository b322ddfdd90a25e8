"""Pre-shared keys: from the command line, as the password of CONNECT, and in TLS-PSK."""
import os
import re
import subprocess
import time

import pytest

import broker_process
from commands_test import sentence
from mqtt_client import V5, V311, Client, connect_packet, is_closed

HEX = "00112233445566778899aabbccddeeff"


@pytest.fixture
def device(broker):
    """A device that has a PSK, and its digits."""
    device = broker.add_device()
    return device, broker.ask("psk", "set", device.id)["psk"]


# The command line


def test_a_psk_is_set_shown_and_removed(broker):
    device = broker.add_device()
    made = broker.ask("psk", "set", device.id)
    assert re.fullmatch(r"[0-9a-f]{64}", made["psk"])
    shown = broker.ask("psk", "show", device.id)
    assert (shown["psk"], shown["psk_id"]) == (made["psk"], made["psk_id"])
    assert broker.run("psk", "show", device.id).stdout == made["psk"] + "\n"

    in_full = broker.ask("device", "show", device.id)
    assert in_full["psk"]["psk_id"] == made["psk_id"] and in_full["psk"]["last_used_at"] is None
    assert made["psk"] not in str(in_full)

    given = broker.ask("psk", "set", device.id, "--hex", HEX.upper())
    assert given["psk"] == HEX and given["psk_id"] != made["psk_id"]
    assert broker.ask("psk", "show", device.id)["psk"] == HEX
    broker.ask("psk", "remove", device.id)
    assert broker.ask("device", "show", device.id)["psk"] is None
    assert "has no PSK" in sentence(broker.run("psk", "show", device.id))
    assert "has no PSK" in sentence(broker.run("psk", "remove", device.id))


def test_what_is_no_psk_is_refused_with_a_reason(broker):
    device = broker.add_device()
    for hex in ("", "00" * 15, "00" * 65, "0" * 33, "xy" * 16):
        done = broker.run("psk", "set", device.id, "--hex", hex)
        assert done.returncode == 2, hex
    assert "16 to 64 bytes" in broker.run("psk", "set", device.id, "--hex", "00").stderr
    assert "there is no device nobody" in sentence(broker.run("psk", "set", "nobody"))


def test_the_database_holds_no_psk_in_the_clear(broker):
    device = broker.add_device()
    broker.ask("psk", "set", device.id, "--hex", HEX)
    kept = b"".join(
        file.read_bytes() for file in broker.data.iterdir() if file.name.startswith("drawbridge.db")
    )
    assert bytes.fromhex(HEX) not in kept and HEX.encode() not in kept


# The password of CONNECT


@pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
def test_a_psk_is_a_password_in_either_case_of_its_digits(broker, device, version):
    device, psk = device
    for password in (psk, psk.upper()):
        with Client(broker, device, version) as client:
            assert client.connect(password=password) == (False, 0)
    for wrong in (HEX, psk[:-2], psk + "00", "0x" + psk, ""):
        with Client(broker, device, version) as client:
            assert client.connect(password=wrong)[1] in (4, 0x86)


@pytest.mark.parametrize("command", ["set", "remove"])
def test_a_changed_or_removed_psk_ends_the_session_that_used_it(broker, device, command):
    device, psk = device
    other = broker.add_device("open")
    with Client(broker, device) as client, Client(broker, other) as witness:
        assert client.connect(password=psk) == (False, 0)
        assert witness.connect() == (False, 0)
        broker.ask("psk", command, device.id)
        assert is_closed(client, within_s=1)
        witness.ping()
    with Client(broker, device) as client:
        assert client.connect(password=psk)[1] == 4
    with Client(broker, device) as client:
        assert client.connect() == (False, 0)  # its API key is another matter


# TLS-PSK

TLS_VERSIONS = pytest.mark.parametrize("tls_version", ["tlsv1.2", "tlsv1.3"])


def publish_by_psk(broker, identity, psk, tls_version, *more, client_id=None):
    """mosquitto_pub, over TLS-PSK; returns the finished process."""
    client_id = client_id or identity
    command = ["mosquitto_pub", "-h", "localhost", "-p", str(broker.tls_port), "-i", client_id]
    command += ["--psk-identity", identity, "--psk", psk, "--tls-version", tls_version]
    command += ["-t", f"devices/{client_id}/telemetry", "-m", "x", "-q", "1", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=10)


@TLS_VERSIONS
def test_telemetry_arrives_over_tls_psk_without_a_password(broker, device, tls_version):
    device, psk = device
    with Client(broker, broker.add_device("open")) as console:
        console.connected()
        console.subscribe(f"devices/{device.id}/telemetry")
        done = publish_by_psk(broker, device.id, psk, tls_version)
        assert (done.returncode, done.stderr) == (0, "")
        assert console.message().payload == b"x"


@TLS_VERSIONS
def test_a_user_name_and_a_password_beside_tls_psk_must_be_right_too(broker, device, tls_version):
    device, psk = device

    def publish(username, password):
        return publish_by_psk(
            broker, device.id, psk, tls_version, "-u", username, "-P", password
        ).returncode

    other = broker.add_device()
    assert publish(device.id, device.key) == 0
    assert publish(device.id, psk) == 0
    assert publish(device.id, other.key) != 0
    assert publish(other.id, other.key) != 0


@TLS_VERSIONS
def test_an_identity_that_differs_from_the_client_id_is_refused(broker, device, tls_version):
    device, psk = device
    other = broker.add_device()
    done = publish_by_psk(broker, device.id, psk, tls_version, client_id=other.id)
    assert done.returncode != 0
    assert publish_by_psk(broker, device.id, psk, tls_version).returncode == 0


@TLS_VERSIONS
def test_wrong_keys_and_unknown_identities_are_refused_and_logged(tmp_path, tls_version):
    # A broker of its own: in the log, strangers have so many lines a second and no more.
    with broker_process.running(tmp_path) as broker:
        device, bare, disabled = broker.add_device(), broker.add_device(), broker.add_device()
        psk = broker.ask("psk", "set", device.id)["psk"]
        broker.ask("psk", "set", disabled.id, "--hex", HEX)
        broker.ask("device", "disable", disabled.id)
        refused = {
            (device.id, HEX): "wrong PSK",
            (bare.id, psk): "the device has no PSK",
            (disabled.id, HEX): "the device is disabled",
            ("nobody", psk): "there is no device nobody",
        }
        for (identity, key), why in refused.items():
            assert publish_by_psk(broker, identity, key, tls_version).returncode != 0
            broker.wait_for_log(f'TLS-PSK identity "{identity}": {why}')


def test_a_failed_handshake_is_the_devices_last_refusal(tmp_path):
    broker = broker_process.Broker(tmp_path)
    with broker_process.started(broker):
        device = broker.add_device()
        psk = broker.ask("psk", "set", device.id)["psk"]
        assert publish_by_psk(broker, device.id, HEX, "tlsv1.3").returncode != 0
        assert publish_by_psk(broker, device.id, psk, "tlsv1.3").returncode == 0
    shown = broker.ask("device", "show", device.id)
    assert shown["last_refusal"].startswith("TLS handshake: wrong PSK, from 127.0.0.1:")
    assert shown["last_seen"]
    assert broker.ask("psk", "show", device.id)["last_used_at"]


@TLS_VERSIONS
def test_guessing_a_psk_in_handshakes_leads_to_a_lockout_too(tmp_path, tls_version):
    throttle = {**broker_process.UNTHROTTLED, "max_failures": 1}
    with broker_process.running(tmp_path, throttle=throttle) as broker:
        device = broker.add_device()
        psk = broker.ask("psk", "set", device.id)["psk"]
        assert publish_by_psk(broker, device.id, psk, tls_version).returncode == 0
        assert publish_by_psk(broker, device.id, HEX, tls_version).returncode != 0
        end = time.monotonic() + 5
        while [lock["device_id"] for lock in broker.ask("throttle", "list")] != [device.id]:
            assert time.monotonic() < end, "it is not locked out"
        assert publish_by_psk(broker, device.id, psk, tls_version).returncode != 0
        broker.ask("throttle", "clear", "--device", device.id)
        assert publish_by_psk(broker, device.id, psk, tls_version).returncode == 0
        assert "wrong PSK" in [row["why"] for row in broker.ask("device", "why", device.id)]


@TLS_VERSIONS
def test_a_changed_psk_is_in_force_for_the_next_handshake(broker, device, tls_version):
    device, old = device
    assert publish_by_psk(broker, device.id, old, tls_version).returncode == 0
    new = broker.ask("psk", "set", device.id)["psk"]
    assert publish_by_psk(broker, device.id, new, tls_version).returncode == 0
    assert publish_by_psk(broker, device.id, old, tls_version).returncode != 0
    broker.ask("psk", "remove", device.id)
    assert publish_by_psk(broker, device.id, new, tls_version).returncode != 0


@TLS_VERSIONS
@pytest.mark.parametrize("command", [["psk", "set"], ["psk", "remove"], ["device", "disable"]])
def test_a_live_tls_psk_session_ends_with_its_psk(broker, device, tls_version, command):
    device, psk = device
    arguments = ["mosquitto_sub", "-h", "localhost", "-p", str(broker.tls_port), "-i", device.id]
    arguments += ["--psk-identity", device.id, "--psk", psk, "--tls-version", tls_version]
    arguments += ["-t", f"devices/{device.id}/commands", "-d"]
    with subprocess.Popen(
        ["stdbuf", "-oL", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as subscriber:
        assert any(line.startswith("Subscribed") for line in subscriber.stdout)
        broker.ask(*command, device.id)
        wait_until_gone(broker, device.id)
        subscriber.kill()


def wait_until_gone(broker, client_id, within_s=1):
    end = time.monotonic() + within_s
    while client_id in [client["client_id"] for client in broker.ask("client", "list")]:
        assert time.monotonic() < end, f"{client_id} is still there"


def s_client(broker, *arguments, input=b""):
    command = ["openssl", "s_client", "-connect", f"localhost:{broker.tls_port}", *arguments]
    return subprocess.run(command, input=input, capture_output=True, timeout=10)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_agrees_upon_forward_secrecy_and_resumes(broker, device, version, tmp_path):
    device, psk = device
    ticket = tmp_path / "ticket"
    arguments = [version, "-psk_identity", device.id, "-psk", psk]
    # TLS 1.3 sends its ticket behind the handshake, so something has to be waited for: CONNACK.
    connect = connect_packet(device.id)
    first = s_client_connected(broker, [*arguments, "-sess_out", str(ticket)], connect)
    assert b"ECDHE-PSK" in first if version == "-tls1_2" else b"TLS_AES_128_GCM_SHA256" in first
    again = s_client_connected(broker, [*arguments, "-sess_in", str(ticket)], connect)
    assert b"Reused" in again

    broker.ask("psk", "set", device.id)
    stale = s_client(broker, *arguments, "-sess_in", str(ticket))
    assert b"Reused" not in stale.stdout and b"alert" in stale.stderr


def s_client_connected(broker, arguments, connect):
    """Sends CONNECT, waits for its answer, and returns all that s_client has said."""
    command = ["openssl", "s_client", "-connect", f"localhost:{broker.tls_port}", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as client:
        client.stdin.write(connect)
        client.stdin.flush()
        said = b""
        while not said.endswith(b"\x20\x02\x00\x00"):
            data = os.read(client.stdout.fileno(), 65536)
            assert data, said
            said += data
        client.stdin.close()
        return said


def test_a_listener_without_psk_knows_none(tmp_path):
    with broker_process.running(tmp_path, tls={"psk": False}) as broker:
        device = broker.add_device()
        psk = broker.ask("psk", "set", device.id)["psk"]
        for tls_version in ("tlsv1.2", "tlsv1.3"):
            assert publish_by_psk(broker, device.id, psk, tls_version).returncode != 0
        with Client(broker, device, tls=True) as client:
            assert client.connect(password=psk) == (False, 0)


# The secret as a systemd credential


def test_the_secret_may_be_a_systemd_credential(tmp_path, monkeypatch):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "drawbridge.key").write_bytes(os.urandom(32))
    (credentials / "drawbridge.key").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    with broker_process.running(tmp_path) as broker:
        device = broker.add_device()
        psk = broker.ask("psk", "set", device.id)["psk"]
        assert not (broker.data / "secret.key").exists()
        with Client(broker, device) as client:
            assert client.connect() == (False, 0)
        assert publish_by_psk(broker, device.id, psk, "tlsv1.3").returncode == 0

        # A command that does not see it cannot spoil anything.
        monkeypatch.delenv("CREDENTIALS_DIRECTORY")
        assert "CREDENTIALS_DIRECTORY" in sentence(broker.run("key", "add", device.id))
        assert "CREDENTIALS_DIRECTORY" in sentence(broker.run("psk", "show", device.id))
        assert not (broker.data / "secret.key").exists()
        broker.ask("psk", "remove", device.id)
