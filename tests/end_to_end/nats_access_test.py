"""Who may use NATS and how much: keys, rules, TLS, times, slow clients."""
import contextlib
import signal
import ssl
import time

import pytest

import nats_client
from mqtt_client import Client as MqttClient
from nats_client import Client, Closed, Server, add_service, pub

VIOLATION = b"-ERR 'Authorization Violation'\r\n"
REVOKED = b"-ERR 'User Authentication Revoked'\r\n"
STALE = b"-ERR 'Stale Connection'\r\n"


@pytest.fixture(scope="module", params=[1, 3], ids=["shards1", "shards3"])
def back_end(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("broker")
    with nats_client.serving(directory, threads=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def names():
    numbers = iter(range(1000))
    return lambda: f"svc-{next(numbers)}"


def refusal(server, **options):
    with Client(server) as client:
        return client.farewell(client.connect_line(**options) + "PING\r\n")


# --- credentials ---------------------------------------------------------------------------------


def test_the_right_key_lets_in(back_end):
    """NATS: user and password, or the key as a token; INFO says that it is needed."""
    account = back_end.account
    with Client(back_end) as client:
        assert client.info["auth_required"] is True
        client.connected()
    anonymous = Server(back_end.port)
    with Client(anonymous) as client:
        client.connected(auth_token=account.key)
    with Client(anonymous) as client:  # some libraries send a token as the password
        client.connected(**{"pass": account.key})


@pytest.mark.parametrize(
    "options",
    [
        {"pass": "sk_live_wrong"},
        {"pass": None},
        {"user": "nobody"},
        {"user": None, "pass": None},
        {"user": None, "pass": None, "auth_token": "sk_live_wrong"},
        {"user": None, "pass": None, "auth_token": ""},
        {"account": "A"},
    ],
)
def test_wrong_credentials_are_refused(back_end, options):
    """NATS: Authorization Violation, and the connection is closed."""
    assert refusal(back_end, **options) == VIOLATION


@pytest.mark.parametrize("data", ["PING\r\n", "PONG\r\n", "SUB a 1\r\n", "PUB a 100000\r\n"])
def test_connect_comes_first(back_end, data):
    """NATS: before CONNECT any operation is refused."""
    with Client(back_end) as client:
        assert client.farewell(data) == VIOLATION


def test_devices_do_not_use_nats(back_end):
    """A device's key is for MQTT."""
    device = back_end.broker.add_device()
    assert refusal(back_end, user=device.id, **{"pass": device.key}) == VIOLATION
    assert refusal(back_end, user=None, auth_token=device.key, **{"pass": None}) == VIOLATION
    back_end.broker.wait_for_log("is a device, and only services use NATS")


def test_a_client_without_credentials_is_cut_off_in_time(tmp_path):
    """NATS: Authentication Timeout; and what comes in time is let in."""
    with nats_client.serving(tmp_path, nats={"auth_timeout": "500ms"}) as server:
        with Client(server) as silent, server.client() as client:
            begin = time.monotonic()
            assert silent.farewell() == b"-ERR 'Authentication Timeout'\r\n"
            assert 0.4 < time.monotonic() - begin < 2
            with Client(server) as slow:
                assert slow.farewell(slow.connect_line()[:20]) == (
                    b"-ERR 'Authentication Timeout'\r\n"
                )
            assert client.ask() == b""


@pytest.mark.parametrize("how", ["revoke", "disable", "remove"])
def test_who_loses_its_account_is_told(back_end, names, how):
    """NATS: User Authentication Revoked within a second or so, and no way back in."""
    account = add_service(back_end.broker, names())
    server = Server(back_end.port, account)
    with server.client() as client:
        client.ask("SUB x 1\r\n")
        commands = {
            "revoke": ("key", "revoke", account.name, account.key_id),
            "disable": ("service", "disable", account.name),
            "remove": ("service", "remove", account.name),
        }
        done = back_end.broker.run(*commands[how])
        assert done.returncode == 0, done.stderr
        begin = time.monotonic()
        assert client.farewell() == REVOKED
        assert time.monotonic() - begin < 2
    assert refusal(server) == VIOLATION
    if how == "disable":
        back_end.broker.ask("service", "enable", account.name)
        begin = time.monotonic()
        while True:
            with contextlib.suppress(AssertionError):
                with server.client():
                    break
            assert time.monotonic() - begin < 3


# --- rules ---------------------------------------------------------------------------------------


@pytest.fixture
def narrow(back_end, names):
    """A service that is not to speak of secrets."""
    account = add_service(back_end.broker, names())
    for rule in (("deny", "publish", "secret/#"), ("deny", "subscribe", "secret/#")):
        done = back_end.broker.run("acl", rule[0], account.name, *rule[1:])
        assert done.returncode == 0, done.stderr
    return Server(back_end.port, account)


def test_rules_are_told_in_the_words_of_nats(back_end, narrow):
    """NATS: Permissions Violation, and the connection goes on."""
    with narrow.client() as client, back_end.client() as other:
        other.ask("SUB secret.> 1\r\n")
        said = client.ask("PUB secret.a 0\r\n\r\nSUB secret.a 1\r\nSUB secret.> q 2\r\nSUB open.a 3\r\n")
        assert said.decode().splitlines() == [
            """-ERR 'Permissions Violation for Publish to "secret.a"'""",
            """-ERR 'Permissions Violation for Subscription to "secret.a"'""",
            """-ERR 'Permissions Violation for Subscription to "secret.>" using queue "q"'""",
        ]
        assert client.ask("PUB open.a 0\r\n\r\n") == b"MSG open.a 3 0\r\n\r\n"
        assert other.ask() == b""


def test_denied_subjects_are_left_out_of_wide_subscriptions(back_end, narrow):
    """NATS: who may not subscribe to a part of it gets the rest."""
    with narrow.client() as client, back_end.client() as source:
        client.ask("SUB > 1\r\nSUB > q 2\r\n")
        source.ask("PUB secret.a 0\r\n\r\nPUB open.a 0\r\n\r\nPUB secret 0\r\n\r\n")
        got = client.messages()
        assert sorted(message.sid for message in got) == ["1", "2"], got
        assert {message.subject for message in got} == {"open.a"}


def test_verbose_clients_get_the_violation_in_place_of_ok(narrow):
    """NATS: -ERR stands where +OK would."""
    with narrow.client(verbose=True) as client:
        assert client.ask("PUB secret.a 0\r\n\r\nPUB open.a 0\r\n\r\n").count(b"+OK") == 1


def test_who_is_asked_may_answer_once(back_end, names):
    """NATS: allow_responses: a responder with narrow rights publishes to the reply once."""
    account = add_service(back_end.broker, names())
    back_end.broker.run("acl", "deny", account.name, "publish", "_INBOX/#")
    with Server(back_end.port, account).client() as responder, back_end.client() as requester:
        responder.ask("SUB svc.narrow 1\r\n")
        requester.ask("SUB _INBOX.r.* 1\r\n")
        denied = """-ERR 'Permissions Violation for Publish to "_INBOX.r.1"'\r\n""".encode()
        assert responder.ask(pub("_INBOX.r.1")) == denied
        requester.ask(pub("svc.narrow", b"", "_INBOX.r.1"))
        assert responder.message().reply == "_INBOX.r.1"
        assert responder.ask(pub("_INBOX.r.2")) == denied.replace(b"r.1", b"r.2")
        assert responder.ask(pub("_INBOX.r.1", "first")) == b""
        assert responder.ask(pub("_INBOX.r.1", "second")) == denied
        assert requester.ask() == b"MSG _INBOX.r.1 1 5\r\nfirst\r\n"


def test_new_rules_hold_at_once(back_end, names):
    """A rule that is added ends the subscriptions that it denies."""
    account = add_service(back_end.broker, names())
    with Server(back_end.port, account).client() as client, back_end.client() as source:
        client.ask("SUB later.a 1\r\nSUB later.b q 2\r\nSUB open.a 3\r\n")
        back_end.broker.run("acl", "deny", account.name, "subscribe", "later/#")
        told = {client.line(3), client.line(3)}
        assert told == {
            b"""-ERR 'Permissions Violation for Subscription to "later.a"'""",
            b"""-ERR 'Permissions Violation for Subscription to "later.b" using queue "q"'""",
        }
        source.ask(pub("later.a") + pub("later.b") + pub("open.a"))
        assert client.ask() == b"MSG open.a 3 0\r\n\r\n"


def test_subscriptions_are_bounded(tmp_path):
    """NATS: maximum subscriptions exceeded; the connection stays."""
    with nats_client.serving(tmp_path, limits={"max_subscriptions_per_client": 5}) as server:
        with server.client() as client:
            said = client.ask("".join(f"SUB many.{n} {n}\r\n" for n in range(6)))
            assert said == b"-ERR 'maximum subscriptions exceeded'\r\n"
            assert client.ask("UNSUB 0\r\nSUB many.5 5\r\n") == b""


# --- TLS -----------------------------------------------------------------------------------------


def trusting(server):
    return ssl.create_default_context(cafile=str(server.broker.ca_file))


@pytest.mark.parametrize("required", [True, False], ids=["required", "available"])
def test_tls(tmp_path, required):
    """NATS: INFO in clear says that TLS is required or available; then the handshake, then CONNECT."""
    settings = {"tls_required": True} if required else {"tls": True}
    with nats_client.serving(tmp_path, nats=settings) as server:
        with Client(server) as client:
            assert client.info.get("tls_required", False) is required
            assert client.info.get("tls_available", False) is not required
            client.start_tls(trusting(server))
            client.connected(tls_required=True)
            payload = b"p" * 300_000
            (message,) = client.messages(b"SUB tls.a 1\r\n" + pub("tls.a", payload))
            assert message.payload == payload
        with Client(server) as plain:
            if not required:
                plain.connected()
            else:
                assert b"PONG" not in plain.farewell(plain.connect_line() + "PING\r\n")


# --- times ---------------------------------------------------------------------------------------


def test_who_does_not_answer_pings_is_cut_off(tmp_path):
    """NATS: PING after the interval, Stale Connection after two unanswered ones; any input is life."""
    with nats_client.serving(tmp_path, nats={"ping_interval": "200ms"}) as server:
        with server.client() as dead, server.client() as slow, server.client() as answers:
            begin = time.monotonic()
            slow.send("SUB slow.a 1\r\nPUB slow.a 20\r\n")
            pings = 0
            for _ in range(20):
                slow.send("x")
                answers.socket.settimeout(0.001)
                while time.monotonic() - begin < (_ + 1) * 0.08:
                    with contextlib.suppress(TimeoutError):
                        assert answers.line(0.01) == b"PING"
                        answers.send("PONG\r\n")
                        pings += 1
            assert pings >= 4
            assert slow.ask("\r\n").endswith(b"MSG slow.a 1 20\r\n" + b"x" * 20 + b"\r\n")
            assert answers.ask().replace(b"PING\r\n", b"") == b""
            assert dead.farewell() == b"PING\r\nPING\r\n" + STALE


def test_the_broker_says_that_it_stops(tmp_path):
    """NATS: an INFO with ldm at SIGTERM for those who know it, then the end of the connection."""
    with nats_client.serving(tmp_path, threads=3) as server:
        with server.client(protocol=0) as old, server.client() as new:
            server.broker.process.send_signal(signal.SIGTERM)
            info = new.read_info()
            assert info["ldm"] is True and "connect_urls" not in info
            assert info["client_id"] == new.info["client_id"]
            assert new.farewell() == b""
            assert old.farewell() == b""
        assert server.broker.wait() == 0
        server.broker.start()


# --- slow clients --------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_a_slow_consumer_is_cut_off_alone(tmp_path, threads):
    """NATS: who does not read loses its connection; the others, MQTT clients too, notice nothing."""
    settings = {"max_pending_bytes": 1_000_000}
    with nats_client.serving(tmp_path, threads=threads, nats=settings) as server:
        device = server.broker.add_device("open")
        source = server.client()
        slow = Client(server, receive_buffer=4096).connected()
        slow.ask("SUB fast.a 1\r\n")
        reader = server.client()
        reader.ask("SUB fast.a 1\r\n")
        with source, slow, reader, MqttClient(server.broker, device).connected() as mqtt:
            mqtt.subscribe("fast/a")
            for n in range(80):
                source.ask(pub("fast.a", f"{n}:".encode() + b"x" * 100_000))
                assert len(reader.messages()) == 1
                assert mqtt.message().payload.startswith(f"{n}:".encode())
            server.broker.wait_for(lambda status: status["nats_cut_off_slow"] == 1)
            said = slow.farewell()
            assert b"-ERR" not in said and len(said) < 80 * 100_000
            assert server.broker.ask("status")["nats_connections"] == 2


def test_a_client_that_stops_reading_is_cut_off_in_time(tmp_path):
    """NATS: nothing read within write_deadline, though it is not much."""
    with nats_client.serving(tmp_path, nats={"write_deadline": "500ms"}) as server:
        with Client(server, receive_buffer=4096) as slow, server.client() as source:
            slow.connected().ask("SUB stuck.a 1\r\n")
            source.ask(pub("stuck.a", b"x" * 1_000_000) * 8)
            server.broker.wait_for(lambda status: status["nats_cut_off_slow"] == 1)
            assert source.ask() == b""


def test_connections_are_bounded(tmp_path):
    """NATS: maximum connections exceeded, after CONNECT; who is there stays."""
    with nats_client.serving(tmp_path, limits={"max_connections": 2}) as server:
        with server.client() as one, server.client() as two:
            assert refusal(server) == b"-ERR 'maximum connections exceeded'\r\n"
            assert one.ask() == two.ask() == b""


def test_connections_are_listed_and_kicked(back_end, names):
    """client list shows NATS clients; client kick ends them."""
    account = add_service(back_end.broker, names())
    with Server(back_end.port, account).client() as client:
        (shown,) = [c for c in back_end.broker.ask("client", "list") if c["client_id"] == account.name]
        assert shown["protocol"] == "NATS" and shown["identity"] == account.name
        assert back_end.broker.run("client", "kick", account.name).returncode == 0
        with pytest.raises(Closed):
            client.line(2)
    assert back_end.broker.run("client", "kick", account.name).returncode == 1


def test_dollar_subjects_need_rules_of_their_own(back_end, names):
    """But for what the libraries ask for: JetStream's API, which nobody serves, and services ($SRV)."""
    account = add_service(back_end.broker, names())
    request = pub("$JS.API.INFO", b"", "_INBOX.js")
    with Server(back_end.port, account).client() as client:
        denied = """-ERR 'Permissions Violation for Publish to "$KV.a"'\r\n""".encode()
        assert client.ask(pub("$KV.a")) == denied
        assert client.ask(b"SUB _INBOX.js 1\r\n" + request).startswith(
            b"HMSG _INBOX.js 1 16 16\r\nNATS/1.0 503"
        )
        assert client.ask(b"SUB $SRV.ping 2\r\n" + pub("$SRV.ping")) == b"MSG $SRV.ping 2 0\r\n\r\n"
