"""A device that loses its network must not be locked out by its own ghost, and a device that is there
must not be pushed out by another. Method: a network namespace whose cable can be cut.
"""
import contextlib
import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import time

import pytest

import broker_process
from mqtt_client import V5, V311, Client

PROBE_S = 1
MARGIN_S = 1.5
VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])

_numbers = itertools.count(1)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Cable:
    """A namespace with one address of its own, on a cable from this host."""

    def __init__(self):
        number = next(_numbers)
        self.name = f"drawbridge-{os.getpid()}-{number}"
        self.near, self.far = f"dbn{os.getpid()}{number}"[:15], f"dbf{os.getpid()}{number}"[:15]
        self.broker_address = f"10.213.{number}.1"
        self.device_address = f"10.213.{number}.2"

    def lay(self):
        ip("netns", "add", self.name)
        ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.name)
        ip("address", "add", f"{self.broker_address}/24", "dev", self.near)
        ip("link", "set", self.near, "up")
        ip("-n", self.name, "address", "add", f"{self.device_address}/24", "dev", self.far)
        ip("-n", self.name, "link", "set", self.far, "up")

    def cut(self):
        ip("-n", self.name, "link", "set", self.far, "down")

    def remove(self):
        for arguments in (["link", "del", self.near], ["netns", "del", self.name]):
            subprocess.run(["ip", *arguments], capture_output=True)

    def socket(self, port):
        """A connection to the broker from the other end of the cable."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as here, open(f"/run/netns/{self.name}") as there:
            assert libc.setns(there.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
            try:
                made = socket.socket()  # belongs to the namespace for as long as it lives
            finally:
                assert libc.setns(here.fileno(), 0) == 0
        made.settimeout(5)
        made.connect((self.broker_address, port))
        return made


@pytest.fixture
def cable():
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and the ip command, to lay a cable that can be cut")
    laid = Cable()
    try:
        laid.lay()
    except subprocess.CalledProcessError as error:
        laid.remove()
        pytest.skip(f"cannot make a network namespace here: {error.stderr.decode().strip()}")
    yield laid
    laid.remove()


@pytest.fixture(scope="module", params=[1, 2], ids=["shards1", "shards2"])
def probing_broker(request, tmp_path_factory):
    settings = {"auth": {"duplicate_probe": f"{PROBE_S}s"}, "broker": {"threads": request.param}}
    directory = tmp_path_factory.mktemp("broker")
    with broker_process.running(directory, bind="0.0.0.0", **settings) as broker:
        yield broker


@contextlib.contextmanager
def far_client(broker, cable, device, version):
    with Client(broker, device, version, sock=cable.socket(broker.port)) as client:
        yield client.connected()


@VERSIONS
def test_a_device_that_lost_its_network_gets_back_in(probing_broker, cable, version):
    device = probing_broker.add_device("open")
    with far_client(probing_broker, cable, device, version) as ghost:
        ghost.ping()
        cable.cut()
        with Client(probing_broker, device, version) as newcomer:
            begin = time.monotonic()
            assert newcomer.connect(within_s=PROBE_S + MARGIN_S) == (False, 0)
            assert time.monotonic() - begin < PROBE_S + MARGIN_S
            newcomer.subscribe("back")
            newcomer.publish("back", b"again", 1)
            assert newcomer.message().payload == b"again"


def test_a_device_gets_back_in_though_its_ghost_is_the_last_client_that_may_be(tmp_path, cable):
    with broker_process.running(
        tmp_path,
        bind="0.0.0.0",
        auth={"duplicate_probe": f"{PROBE_S}s"},
        limits={"max_connections": 1},
    ) as broker:
        device, other = broker.add_device("open"), broker.add_device("open")
        with far_client(broker, cable, device, V5) as ghost:
            ghost.ping()
            cable.cut()
            with Client(broker, other, V5) as late, Client(broker, device, V5) as newcomer:
                assert late.connect()[1] == 0x97
                assert newcomer.connect(within_s=PROBE_S + MARGIN_S) == (False, 0)
            broker.wait_for(lambda status: status["connections"] == 0)
            with Client(broker, other, V5) as late:  # the ghost is not counted any more
                late.connected()


@VERSIONS
def test_a_device_that_is_there_keeps_its_place(probing_broker, cable, version):
    device = probing_broker.add_device("open")
    with far_client(probing_broker, cable, device, version) as first:
        first.subscribe("mine")
        with Client(probing_broker, device, version) as newcomer:
            code = newcomer.connect(within_s=PROBE_S + MARGIN_S)[1]
            assert code == (2 if version == V311 else 0x85)
        first.publish("mine", b"undisturbed", 1)
        assert first.message().payload == b"undisturbed"


def test_several_newcomers_and_one_ghost_make_one_session(probing_broker, cable):
    device = probing_broker.add_device("open")
    with far_client(probing_broker, cable, device, V5) as ghost:
        ghost.ping()
        cable.cut()
        newcomers = [Client(probing_broker, device, V5) for _ in range(3)]
        for newcomer in newcomers:
            newcomer.send_connect()
        codes = [newcomer.connect_answer(PROBE_S + MARGIN_S)[1] for newcomer in newcomers]
        assert codes.count(0) == 1 and codes.count(0x85) == 2, codes
        newcomers[codes.index(0)].ping()
        for newcomer in newcomers:
            newcomer.close()


def test_a_ghost_that_comes_back_to_life_is_no_longer_connected(probing_broker, cable):
    device = probing_broker.add_device("open")
    with far_client(probing_broker, cable, device, V5) as ghost:
        ghost.subscribe("whose")
        cable.cut()
        with Client(probing_broker, device, V5) as newcomer:
            newcomer.connected(within_s=PROBE_S + MARGIN_S)
            newcomer.subscribe("whose")
            newcomer.publish("whose", b"newcomer's", 1)
            assert newcomer.message().payload == b"newcomer's"
            listed = [c for c in probing_broker.ask("client", "list") if c["client_id"] == device.id]
            assert [c["address"].startswith("127.0.0.1") for c in listed] == [True]
