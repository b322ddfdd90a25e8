"""Stock NATS clients, unchanged: nats.js 2 and 3, and nats.c. What they see of this broker is what they
see of nats-server.
"""
import json
import shutil
import subprocess
from pathlib import Path

import pytest

import nats_client
from nats_client import Server

HERE = Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "build-npm/node_modules"
C_PROGRAM = HERE.parents[1] / "build-test/tests/end_to_end/nats_c_client"
JS = {"nats.js 2": MODULES / "nats", "nats.js 3": MODULES / "@nats-io/transport-node"}
PLAY_LIMIT_S = 30


def js_command(library, server, play):
    if not shutil.which("node") or not JS[library].exists():
        pytest.skip(f"{library} is not installed (tools/packages test)")
    wanted = {"module": str(JS[library]), "port": server.port, "play": play}
    if server.account:
        wanted.update({"user": server.account.name, "pass": server.account.key})
    return ["node", str(HERE / "clients/nats_client.js"), json.dumps(wanted)]


def c_command(server, play):
    if not C_PROGRAM.exists():
        pytest.skip("nats_c_client has not been built (ninja -C build-test)")
    account = f"{server.account.name}:{server.account.key}@" if server.account else ""
    return [str(C_PROGRAM), f"nats://{account}127.0.0.1:{server.port}", play]


def js_lines(output):
    return [(told["what"], told["value"]) for told in map(json.loads, output.splitlines())]


def c_lines(output):
    return [tuple(line.split("\t")) for line in output.splitlines()]


def run(command, read):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PLAY_LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return read(done.stdout)


@pytest.fixture(scope="module", params=["shards1", "shards3", "nats-server"])
def back_end(request, tmp_path_factory):
    """The same as `server`, with an account."""
    if request.param == "nats-server":
        if not nats_client.NATS_SERVER:
            pytest.skip("nats-server is not installed")
        account = nats_client.Account("back-end", "sk_live_right", "")
        with nats_client.nats_server("--user", account.name, "--pass", account.key) as server:
            yield Server(server.port, account)
        return
    directory = tmp_path_factory.mktemp("broker")
    with nats_client.serving(directory, threads=int(request.param[-1])) as server:
        yield server


@pytest.fixture(params=list(JS))
def library(request):
    return request.param


def is_even(counts, total):
    # A third of 300 by chance: six standard deviations are 49.
    return sum(counts) == total and all(total / 3 - 49 <= count <= total / 3 + 49 for count in counts)


# --- nats.js -------------------------------------------------------------------------------------


def test_js_delivers(back_end, library):
    """nats.js: subjects with wildcards, headers, a subscription of so many, the largest payload."""
    told = dict(run(js_command(library, back_end, "deliver"), js_lines))
    assert told["max_payload"] == 1_048_576
    assert told["one"] == [["js.a.b", "first"], ["js.c.b", ""]]
    assert told["rest"] == [["js.a.b", "first"], ["js.a", "second"], ["js.c.b", ""]]
    assert told["headers"] == ["red", "blue"]
    assert told["large"] == 1_048_576
    assert told["too large"], "refused by the library, which has read max_payload in INFO"


def test_js_shares(back_end, library):
    """nats.js: a queue group shares; draining its members loses nothing."""
    told = dict(run(js_command(library, back_end, "share"), js_lines))
    assert is_even(told["shared"], 300), told
    assert told["drained"] == 600


def test_js_requests(back_end, library):
    """nats.js: request and reply, with one common inbox and without; no responders."""
    told = run(js_command(library, back_end, "request"), js_lines)
    nobody = [value for what, value in told if what == "nobody"]
    assert len(nobody) == 2
    for error in nobody:
        assert error.get("code") == "503" or error["message"].startswith("no responders"), error
    assert [value for what, value in told if what == "answer"] == [["QUESTION", "yes"]] * 2
    assert ("many", True) in told


def test_js_is_refused_with_a_wrong_key(back_end, library):
    """nats.js: an authorization error."""
    ((_, error),) = run(js_command(library, back_end, "refused"), js_lines)
    assert error.get("code") == "AUTHORIZATION_VIOLATION" or error["name"] == "AuthorizationError", error


# --- nats.c --------------------------------------------------------------------------------------


def test_c_delivers(back_end):
    """nats.c: subjects with wildcards, headers, a subscription of so many, the largest payload."""
    assert dict(run(c_command(back_end, "deliver"), c_lines)) == {
        "one": "c.a.b first",
        "headers": "red",
        "rest": "c.d.b second",
        "large": "whole",
        "too large": "Maximum Payload Exceeded",
        "client id": "OK",
    }


def test_c_shares(back_end):
    """nats.c: a queue group shares; draining its members loses nothing."""
    ((_, counts),) = run(c_command(back_end, "share"), c_lines)
    assert is_even(list(map(int, counts.split())), 300), counts


def test_c_requests(back_end):
    """nats.c: no responders, and an answer."""
    told = dict(run(c_command(back_end, "request"), c_lines))
    assert told == {"nobody": "No responders available for request", "answer": "ANSWER"}


def test_c_is_refused_with_a_wrong_key(back_end):
    """nats.c: an authorization error."""
    url = Server(back_end.port, back_end.account._replace(key="sk_live_wrong"))
    ((_, status),) = run(c_command(url, "refused"), c_lines)
    assert "Authorization" in status or "Authentication" in status, status


# --- a restart -----------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [*JS, "nats.c"])
def test_clients_come_back_after_a_kill(tmp_path, client):
    """After kill -9 and a start clients connect again, subscribe again, and go on."""
    with nats_client.serving(tmp_path, threads=3) as server:
        if client == "nats.c":
            command, read = c_command(server, "reconnect"), c_lines
        else:
            command, read = js_command(client, server, "reconnect"), js_lines
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            first = process.stdout.readline()
            assert "ready" in first, first
            server.broker.kill()
            server.broker.start()
            rest, _ = process.communicate(timeout=PLAY_LIMIT_S)
        finally:
            process.kill()
            process.wait()
        told = [(what, value) for what, value in read(rest) if what in ("again", "queue")]
        text = "again back" if client == "nats.c" else "back"
        assert sorted(told) == [("again", text), ("queue", text)]
