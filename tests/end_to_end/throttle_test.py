"""Guessing and floods: who is locked out, for how long, and who is not."""
import contextlib
import socket
import ssl
import time

import pytest

import broker_process
from broker_process import UNTHROTTLED
from mqtt_client import V5, V311, Client, Closed

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
WRONG = "sk_live_" + "A" * 43

BAD_CREDENTIALS = {V311: 4, V5: 0x86}
LOCKED_OUT = {V311: 5, V5: 0x8A}
TOO_FAST = {V311: 3, V5: 0x9F}


@contextlib.contextmanager
def throttled(directory, **throttle):
    settings = {**UNTHROTTLED, **throttle}
    with broker_process.running(directory, bind="0.0.0.0", throttle=settings) as broker:
        yield broker


def client_from(address, broker, device, version=V311):
    sock = socket.create_connection(
        ("127.0.0.1", broker.port), timeout=5, source_address=(address, 0)
    )
    return Client(broker, device, version, sock=sock)


def answer(broker, device, version=V311, address="127.0.0.1", **changes):
    """The code of CONNACK."""
    with client_from(address, broker, device, version) as client:
        return client.connect(**changes)[1]


@VERSIONS
def test_wrong_keys_lock_out_their_address_and_not_the_device(tmp_path, version):
    with throttled(tmp_path, max_failures=1) as broker:
        device, other = broker.add_device(), broker.add_device()
        assert answer(broker, device, version, password=WRONG) == BAD_CREDENTIALS[version]
        assert answer(broker, device, version, password=WRONG) == LOCKED_OUT[version]
        assert answer(broker, device, version) == LOCKED_OUT[version]
        assert answer(broker, device, version, address="127.0.0.2") == 0
        assert answer(broker, other, version) == 0


@VERSIONS
def test_an_unknown_name_is_locked_out_like_a_known_one(tmp_path, version):
    with throttled(tmp_path, max_failures=1) as broker:
        shown = {"client_id": "nobody", "username": "nobody", "password": WRONG}
        assert answer(broker, None, version, **shown) == BAD_CREDENTIALS[version]
        assert answer(broker, None, version, **shown) == LOCKED_OUT[version]


@VERSIONS
def test_before_the_lockout_the_next_try_has_to_wait(tmp_path, version):
    with throttled(tmp_path, max_failures=4) as broker:
        device = broker.add_device()
        for _ in range(2):
            assert answer(broker, device, version, password=WRONG) == BAD_CREDENTIALS[version]
        assert answer(broker, device, version) == TOO_FAST[version]
        time.sleep(1)
        assert answer(broker, device, version) == 0


def test_a_lockout_is_shown_with_its_end_and_is_over_by_then(tmp_path):
    with throttled(tmp_path, max_failures=1, lockout="2s", max_lockout="2s") as broker:
        device = broker.add_device()
        assert broker.ask("device", "show", device.id)["locked_until"] is None
        answer(broker, device, password=WRONG)
        shown = broker.ask("device", "show", device.id)
        assert shown["locks"] == [
            {
                "kind": "device_at_address",
                "device_id": device.id,
                "address": "127.0.0.1",
                "until": shown["locked_until"],
            }
        ]
        end = shown["locked_until"]
        assert abs_difference_s(broker.ask("status")["locked_out"][0]["until"], end) < 0.01
        assert abs_difference_s(broker.ask("throttle", "list")[0]["until"], end) < 0.01
        for text in ("device show " + device.id, "status", "throttle list"):
            assert end[:19] in broker.run(*text.split()).stdout
        assert answer(broker, device) == LOCKED_OUT[V311]
        time.sleep(2)
        assert answer(broker, device) == 0
        assert broker.ask("status")["locked_out"] == []
        assert broker.ask("device", "show", device.id)["locked_until"] is None


def abs_difference_s(one, other):
    """Of two times of the same hour."""

    def seconds(text):
        return int(text[14:16]) * 60 + float(text[17:23])

    return abs(seconds(one) - seconds(other))


def test_an_operator_lets_a_device_in_at_once(tmp_path):
    with throttled(tmp_path, max_failures=1) as broker:
        one, two, three = (broker.add_device() for _ in range(3))
        for device in (one, two, three):
            answer(broker, device, password=WRONG)
            assert answer(broker, device) == LOCKED_OUT[V311]
        assert broker.ask("throttle", "clear", "--device", one.id) == {"cleared": 1}
        assert answer(broker, one) == 0
        assert answer(broker, two) == LOCKED_OUT[V311]
        assert broker.ask("throttle", "clear", "--address", "127.0.0.9") == {"cleared": 0}
        assert broker.ask("throttle", "clear", "--address", "127.0.0.1") == {"cleared": 2}
        assert answer(broker, two) == 0
        assert broker.ask("throttle", "clear") == {"cleared": 0}
        wrong = broker.run("throttle", "clear", "--device", one.id, "--address", "127.0.0.1")
        assert wrong.returncode == 2
    stopped = broker.run("throttle", "list")
    assert stopped.returncode == 1
    assert "no broker is running" in stopped.stderr


def lock_out_address(broker, address):
    for name in ("guess-1", "guess-2"):
        answer(broker, None, address=address, client_id=name, username=name, password=WRONG)


def test_a_locked_address_is_refused_before_tls_and_told_why_without(tmp_path):
    with throttled(tmp_path, max_failures_per_address=2) as broker:
        device = broker.add_device()
        lock_out_address(broker, "127.0.0.2")
        assert answer(broker, device, address="127.0.0.2") == LOCKED_OUT[V311]
        assert answer(broker, device, V5, address="127.0.0.2") == LOCKED_OUT[V5]
        with socket.create_connection(
            ("127.0.0.1", broker.tls_port), timeout=5, source_address=("127.0.0.2", 0)
        ) as sock:
            context = ssl.create_default_context(cafile=str(broker.ca_file))
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(sock, server_hostname="localhost")
        assert broker.ask("status")["refused_locked_out"] == 1
        with Client(broker, device, tls=True) as client:  # from 127.0.0.1
            client.connected()


def test_who_was_admitted_from_an_address_is_not_locked_out_with_it(tmp_path):
    with throttled(tmp_path, max_failures_per_address=2) as broker:
        good, new = broker.add_device(), broker.add_device()
        assert answer(broker, good) == 0
        lock_out_address(broker, "127.0.0.1")
        assert answer(broker, new) == LOCKED_OUT[V311]
        assert answer(broker, good) == 0
        with Client(broker, good, tls=True) as client:
            client.connected()
        assert broker.ask("status")["locked_out"][0]["kind"] == "address"


def test_while_a_device_is_under_attack_its_own_key_is_still_accepted(tmp_path):
    with throttled(tmp_path, max_failures=10, max_failures_per_device=3) as broker:
        device = broker.add_device()
        for host in (2, 3, 4):
            assert answer(broker, device, V5, f"127.0.0.{host}", password=WRONG) == 0x86
        assert "device" in [lock["kind"] for lock in broker.ask("throttle", "list")]
        assert answer(broker, device, V5, "127.0.0.5", password=WRONG) == LOCKED_OUT[V5]
        assert answer(broker, device, V5, "127.0.0.5") == LOCKED_OUT[V5]
        assert answer(broker, device, V5) == 0


@VERSIONS
def test_a_client_that_connects_again_and_again_is_banned_for_a_while(tmp_path, version):
    with throttled(tmp_path, flapping_connects=5) as broker:
        device, calm = broker.add_device(), broker.add_device()
        assert [answer(broker, device, version) for _ in range(6)] == [0] * 5 + [
            LOCKED_OUT[version]
        ]
        assert answer(broker, calm, version) == 0
        assert answer(broker, device, version, address="127.0.0.2") == 0
        assert broker.ask("throttle", "list")[0]["kind"] == "flapping"
        assert broker.ask("throttle", "clear", "--device", device.id) == {"cleared": 1}
        assert answer(broker, device, version) == 0


@VERSIONS
def test_more_connects_a_second_than_an_address_may_have_are_refused(tmp_path, version):
    with throttled(tmp_path, connects_per_second_per_address=1) as broker:
        device = broker.add_device()
        assert [answer(broker, device, version) for _ in range(2)] == [0, TOO_FAST[version]]
        assert answer(broker, device, version, address="127.0.0.2") == 0
        time.sleep(1)
        assert answer(broker, device, version) == 0


def test_a_thousand_guesses_cost_the_fleet_nothing(tmp_path):
    """With the default settings: the guesser is cut short, and who is there notices nothing."""
    with broker_process.running(tmp_path, bind="0.0.0.0", throttle={}) as broker:
        device = broker.add_device("open")
        with client_from("127.0.0.1", broker, device) as client:
            client.connected()
            codes = []
            for _ in range(1_000):
                with contextlib.suppress(Closed):
                    codes.append(answer(broker, device, V5, "127.0.0.2", password=WRONG))
            assert codes.count(0x86) <= 10
            assert set(codes) <= {0x86, 0x8A, 0x9F}
            client.ping()
            client.disconnect()
        assert answer(broker, device) == 0
