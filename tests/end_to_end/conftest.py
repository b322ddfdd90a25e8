"""What all end-to-end tests share: brokers, a time limit, the brokers' logs when a test fails."""
import signal

import pytest

import broker_process
import nats_client

TEST_LIMIT_S = 60


@pytest.fixture(autouse=True)
def time_limit():
    """A test that hangs fails, and the others go on."""

    def give_up(_signal, _frame):
        pytest.fail(f"the test took longer than {TEST_LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """One broker with the default settings for all tests of a file."""
    with broker_process.running(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="module", params=[1, 2, 4], ids=["shards1", "shards2", "shards4"])
def sharded_broker(request, tmp_path_factory):
    """The same with 1, 2 and 4 shards: what clients see must not depend on it."""
    directory = tmp_path_factory.mktemp("broker")
    with broker_process.running(directory, broker={"threads": request.param}) as broker:
        yield broker


@pytest.fixture(scope="module", params=["shards1", "shards3", "nats-server"])
def server(request, tmp_path_factory):
    """Whom NATS clients talk to without credentials: this broker, or Debian's nats-server."""
    if request.param == "nats-server":
        if not nats_client.NATS_SERVER:
            pytest.skip("nats-server is not installed")
        with nats_client.nats_server() as server:
            yield server
        return
    directory = tmp_path_factory.mktemp("broker")
    threads = int(request.param.removeprefix("shards"))
    with nats_client.serving(directory, threads=threads, nats={"allow_anonymous": True}) as server:
        server.account = None
        yield server


@pytest.fixture
def client(server):
    """A NATS client that has been let in."""
    with server.client() as client:
        yield client


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for broker in broker_process.alive:
            report.sections.append((f"log of the broker in {broker.directory}", broker.log_text()))
