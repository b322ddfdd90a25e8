"""Limits on connections: who is refused, in which words, and that whoever has gone is not counted.

Strangers and clients from several addresses: all of 127.0.0.0/8 is this host.
"""
import contextlib
import itertools
import resource
import socket
import time

import pytest

import broker_process
from mqtt_client import V5, V311, Client, Will, connect_packet, is_closed

VERSIONS = pytest.mark.parametrize("version", [V311, V5], ids=["3.1.1", "5.0"])
BAD_CREDENTIALS = {V311: 4, V5: 0x86}
DUPLICATE = {V311: 2, V5: 0x85}
FULL = {V311: 3, V5: 0x97}

_hosts = itertools.count(2)


def new_address():
    """An address of this host that no other test has used."""
    return f"127.0.1.{next(_hosts)}"


@contextlib.contextmanager
def broker_with(tmp_path_factory, duplicate="reject", threads=2, **limits):
    with broker_process.running(
        tmp_path_factory.mktemp("broker"),
        auth={"duplicate_client_id": duplicate, "duplicate_probe": "0s"},
        broker={"threads": threads},
        limits=limits,
    ) as broker:
        yield broker


def raw(broker, address="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", broker.port), 5, source_address=(address, 0))


def client_from(broker, address, device=None, version=V311):
    return Client(broker, device, version, sock=raw(broker, address))


def until_closed(sock, within_s=5):
    """The bytes that come before the end."""
    sock.settimeout(within_s)
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(4096):
            said += data
    return said


class TestAllClients:
    MOST = 3

    @pytest.fixture(scope="class", params=["reject", "takeover"])
    def duplicate(self, request):
        return request.param

    @pytest.fixture(scope="class")
    def broker(self, tmp_path_factory, duplicate):
        with broker_with(tmp_path_factory, duplicate, max_connections=self.MOST) as broker:
            broker.devices = [broker.add_device("open", f"client{n}") for n in range(self.MOST + 1)]
            yield broker

    @pytest.fixture
    def full_house(self, broker):
        """As many clients as may be; afterwards none."""
        broker.wait_for(lambda status: status["connections"] == 0)
        with contextlib.ExitStack() as stack:
            yield [
                stack.enter_context(Client(broker, device)).connected()
                for device in broker.devices[: self.MOST]
            ]

    @VERSIONS
    def test_one_client_too_many_is_told_so(self, broker, full_house, version):
        late = broker.devices[-1]
        before = broker.ask("status")["refused_broker_full"]
        with Client(broker, late, version) as client:
            assert client.connect() == (False, FULL[version])
            assert client.packets_until_closed() == []
        assert broker.ask("status")["refused_broker_full"] == before + 1
        assert any(f"client {late.id} from" in line and "max_connections" in line for line in broker.log)
        full_house[0].ping()

    def test_whoever_goes_makes_room(self, broker, full_house):
        late = broker.devices[-1]
        for leaver in (Client.disconnect, Client.close):
            leaver(full_house.pop())
            broker.wait_for(lambda status: status["connections"] < self.MOST)
            with Client(broker, late) as client:
                full_house.append(client.connected())
                with Client(broker, broker.devices[0]) as first:
                    first.connect()
            broker.wait_for(lambda status: status["connections"] < self.MOST)

    def test_a_client_that_is_kicked_and_stays_on_the_line_leaves_its_place_at_once(
        self, broker, full_house
    ):
        for client in full_house:
            broker.run("client", "kick", client.device.id)
        with contextlib.ExitStack() as stack:
            for device in broker.devices[: self.MOST]:
                stack.enter_context(Client(broker, device)).connected()

    def test_a_wrong_key_is_not_told_that_the_broker_is_full(self, broker, full_house):
        with Client(broker, broker.devices[-1], V5) as client:
            assert client.connect(password="wrong")[1] == BAD_CREDENTIALS[V5]

    def test_strangers_do_not_use_up_the_places_of_clients(self, broker):
        broker.wait_for(lambda status: status["connections"] == 0)
        strangers = [raw(broker) for _ in range(50)]
        with contextlib.ExitStack() as stack:
            for device in broker.devices[: self.MOST]:
                stack.enter_context(Client(broker, device)).connected()
        for stranger in strangers:
            stranger.close()

    def test_a_client_with_a_connection_is_not_refused_for_want_of_room(
        self, broker, full_house, duplicate
    ):
        """Either of the two stays, and there is no more than one in the end."""
        with Client(broker, full_house[0].device, V5) as again:
            code = again.connect()[1]
            if duplicate == "takeover":
                assert code == 0
                assert is_closed(full_house[0], 5)
                again.ping()
            else:
                assert code == DUPLICATE[V5]
                full_house[0].ping()
            assert broker.ask("status")["connections"] == self.MOST
            with Client(broker, broker.devices[-1], V5) as late:
                assert late.connect()[1] == FULL[V5]

    def test_a_client_that_comes_back_at_once_finds_its_place(self, broker, full_house, duplicate):
        client = full_house.pop()
        for _ in range(50):
            client.disconnect()
            if duplicate == "reject":  # without a probe, it must have been missed first
                broker.wait_for(lambda status: status["connections"] < self.MOST)
            client = Client(broker, client.device).connected()
        client.close()


class TestOneAddress:
    MOST = 2

    @pytest.fixture(scope="class")
    def broker(self, tmp_path_factory):
        with broker_with(tmp_path_factory, max_connections_per_address=self.MOST) as broker:
            broker.devices = [broker.add_device("open", f"client{n}") for n in range(self.MOST + 1)]
            yield broker

    def fill(self, broker, address, stack):
        return [
            stack.enter_context(client_from(broker, address, device)).connected()
            for device in broker.devices[: self.MOST]
        ]

    @VERSIONS
    def test_one_client_too_many_of_an_address_is_told_so(self, broker, version):
        address, late = new_address(), broker.devices[-1]
        before = broker.ask("status")["refused_address_full"]
        with contextlib.ExitStack() as stack:
            clients = self.fill(broker, address, stack)
            with client_from(broker, address, late, version) as client:
                assert client.connect() == (False, FULL[version])
                assert client.packets_until_closed() == []
            assert broker.ask("status")["refused_address_full"] == before + 1
            assert any(
                f"client {late.id} from {address}" in line and "max_connections_per_address" in line
                for line in broker.log
            )
            with client_from(broker, new_address(), late, version) as client:
                client.connected()
                client.disconnect()
            clients[0].disconnect()
            broker.wait_for(lambda status: status["connections"] < self.MOST)
            with client_from(broker, address, late, version) as client:
                client.connected()

    def test_more_silent_strangers_than_that_are_closed_at_once(self, broker):
        address = new_address()
        strangers = [raw(broker, address) for _ in range(self.MOST)]
        with raw(broker, address) as one_more:
            begin = time.monotonic()
            assert until_closed(one_more) == b""
            assert time.monotonic() - begin < 2
        with client_from(broker, new_address(), broker.devices[0]) as client:
            client.connected()
        for stranger in strangers:
            stranger.close()

    def test_who_goes_is_counted_out_whatever_way_it_went(self, broker):
        address, device = new_address(), broker.devices[0]

        def silent():
            raw(broker, address).close()

        def not_mqtt():
            with raw(broker, address) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert until_closed(sock) == b""

        def half_a_connect():
            with raw(broker, address) as sock:
                sock.sendall(connect_packet(device.id, device.id, device.key)[:20])

        def gone_before_the_answer():
            with raw(broker, address) as sock:
                sock.sendall(connect_packet(device.id, device.id, device.key))

        def refused():
            with client_from(broker, address, device) as client:
                assert client.connect(password="wrong")[1] == BAD_CREDENTIALS[V311]

        def polite():
            with client_from(broker, address, device) as client:
                client.connected()
                client.disconnect()

        def crashed():
            with client_from(broker, address, device) as client:
                client.connected()

        def wrong_packet():
            with client_from(broker, address, device) as client:
                client.connected()
                client.send(b"\x00\x00")
                assert is_closed(client, 5)

        def kicked():
            with client_from(broker, address, device) as client:
                client.connected()
                broker.run("client", "kick", device.id)
                assert is_closed(client, 5)

        def refused_as_a_duplicate():
            with client_from(broker, address, device) as client:
                client.connected()
                with client_from(broker, address, device) as other:
                    assert other.connect()[1] == DUPLICATE[V311]

        ways = [
            silent,
            not_mqtt,
            half_a_connect,
            gone_before_the_answer,
            refused,
            polite,
            crashed,
            wrong_packet,
            kicked,
            refused_as_a_duplicate,
        ]
        for way in ways * 3:
            way()
            broker.wait_for(lambda status: status["strangers"] + status["connections"] == 0)
        with contextlib.ExitStack() as stack:
            self.fill(broker, address, stack)


class TestStrangers:
    MOST = 10
    BYTES = 131_072

    @pytest.fixture(scope="class")
    def broker(self, tmp_path_factory):
        limits = {"max_handshakes": self.MOST, "max_handshake_bytes": self.BYTES}
        with broker_with(tmp_path_factory, threads=1, **limits) as broker:
            yield broker

    @pytest.fixture(autouse=True)
    def nobody_there(self, broker):
        broker.wait_for(lambda status: status["strangers"] + status["connections"] == 0)

    def test_a_flood_from_one_address_pushes_out_nobody_else(self, broker):
        device = broker.add_device("open")
        first = client_from(broker, new_address(), device)  # has not said anything yet
        broker.wait_for(lambda status: status["strangers"] == 1)
        before = broker.ask("status")["strangers_pushed_out"]
        address = new_address()
        flood = [raw(broker, address) for _ in range(3 * self.MOST)]
        late = client_from(broker, new_address(), device)
        broker.wait_for(
            lambda status: status["strangers_pushed_out"] == before + 2 * self.MOST + 2
        )
        with first:
            first.connected()
            first.disconnect()
        broker.wait_for(lambda status: status["connections"] == 0)
        with late:
            late.connected()
        assert until_closed(flood[0]) == b""  # the oldest of the flood
        for stranger in flood:
            stranger.close()

    def test_who_has_sent_the_most_goes_when_strangers_hold_too_much(self, broker):
        device = broker.add_device("open")

        def connect_of(will_bytes):
            will = Will("will", bytes(will_bytes), 0, False)
            return connect_packet(device.id, device.id, device.key, will=will)

        large, small = connect_of(65_000), connect_of(40_000)
        hog, modest, third = (raw(broker) for _ in range(3))
        hog.sendall(large[:-1])
        modest.sendall(small[:-1])
        third.sendall(small[:-1])
        assert until_closed(hog) == b""
        modest.sendall(small[-1:])
        assert modest.recv(4) == b"\x20\x02\x00\x00"
        for sock in (hog, modest, third):
            sock.close()


class TestOpenFiles:
    GRANTED = 128

    @pytest.fixture
    def broker(self, tmp_path):
        broker = broker_process.Broker(
            tmp_path, open_files=self.GRANTED, broker={"threads": 1}, auth={"allow_anonymous": True}
        )
        with broker_process.started(broker):
            yield broker

    def assert_idle(self, broker, at_most_s=0.1):
        """It does not spin: hardly any processor time is used while a second passes."""
        before = broker.cpu_s()
        time.sleep(1)
        assert broker.cpu_s() - before <= at_most_s

    def test_more_clients_than_fit_are_refused_and_the_rest_is_served(self, broker):
        warnings = [line for line in broker.log if f"grants {self.GRANTED} open files" in line]
        assert len(warnings) == 1
        assert "LimitNOFILE" in warnings[0]
        clients = []
        for number in range(self.GRANTED):
            client = Client(broker)
            code = client.connect(client_id=f"c{number}", keep_alive=0)[1]
            assert code in (0, FULL[V311])
            if code == 0:
                clients.append(client)
        assert self.GRANTED / 4 < len(clients) < self.GRANTED - 64
        strangers = [raw(broker) for _ in range(self.GRANTED)]
        self.assert_idle(broker)
        assert broker.ask("status")["connections"] == len(clients)
        device = broker.add_device("open")  # the running broker takes note of it
        clients[0].subscribe("a", qos=1)
        for client in clients:
            client.publish("a", b"served", 1)
        assert len(clients[0].messages(len(clients))) == len(clients)
        leaver = clients.pop()
        leaver.disconnect()
        broker.wait_for(lambda status: status["connections"] == len(clients))
        with Client(broker, device) as client:
            client.connected()
        for sock in strangers + clients:
            sock.close()

    def test_without_descriptors_newcomers_wait_and_get_in_later(self, broker):
        steady = Client(broker).connected(client_id="steady")
        steady.subscribe("steady")
        limit = resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, (8, limit[1]))
        newcomers = [Client(broker) for _ in range(20)]
        for number, newcomer in enumerate(newcomers):
            newcomer.send_connect(client_id=f"newcomer-{number}")
        self.assert_idle(broker)
        steady.publish("steady", b"still here", 1)
        assert steady.message().payload == b"still here"

        def lines(words):
            return [line for line in broker.log if words in line]

        assert len(lines("new connections have to wait")) == 1
        resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, limit)
        for newcomer in newcomers:
            assert newcomer.connect_answer()[1] == 0
        end = time.monotonic() + 5
        while not lines("new connections are accepted again"):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert len(lines("new connections have to wait")) == 1
        assert len(lines("new connections are accepted again")) == 1
        assert broker.ask("status")["accept_pauses"] == 1
        for client in (steady, *newcomers):
            client.close()
