"""A broker under test: the real program, on free ports, in a directory of its own."""
import contextlib
import itertools
import json
import os
import random
import resource
import signal
import socket
import subprocess
import threading
import time
from collections import namedtuple
from pathlib import Path

# DRAWBRIDGE_BINARY names another program to test, such as build-asan/drawbridge.
BINARY = Path(
    os.environ.get(
        "DRAWBRIDGE_BINARY", Path(__file__).resolve().parents[2] / "build" / "drawbridge"
    )
).resolve()
READY_WITHIN_S = 15
STOPPED_WITHIN_S = 15

Device = namedtuple("Device", "id key key_id")

OFF = {"listen": ""}

# Tests fail to log in far more often than people do, and all from one address.
UNTHROTTLED = {
    "max_failures": 0,
    "max_failures_per_address": 0,
    "max_failures_per_device": 0,
    "flapping_connects": 0,
}

alive = []  # every broker that is running now; conftest shows their logs when a test fails
_numbers = itertools.count(1)


def free_port():
    """A port below the range that the kernel hands out by itself, and that nobody listens on."""
    while True:
        port = random.randint(20000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
                return port
            except OSError:
                continue


def to_toml(value):
    return json.dumps(value)  # strings, numbers and booleans are spelt alike


class Broker:
    """settings: sections of the configuration, as in auth={"allow_anonymous": True}. listeners: more
    of them than the two that every broker has. open_files: as many as the system grants it."""

    def __init__(
        self, directory, bind="127.0.0.1", tls=None, listeners=(), open_files=None, **settings
    ):
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.config = self.directory / "drawbridge.toml"
        self.port = free_port()
        self.tls_port = free_port()
        self.log = []
        self.process = None
        self._ready = threading.Event()
        self._bind = bind
        self._tls = tls or {}
        self._open_files = open_files
        self._listeners = listeners
        self.write_config(**settings)

    @property
    def ca_file(self):
        return self.data / "tls" / "ca.crt"

    def write_config(self, **settings):
        sections = [
            ("[[listener]]", {"transport": "tcp", "bind": self._bind, "port": self.port}),
            (
                "[[listener]]",
                {"transport": "tls", "bind": self._bind, "port": self.tls_port, **self._tls},
            ),
        ]
        sections += [("[[listener]]", values) for values in self._listeners]
        sections += [
            (f"[{name}]", values)
            for name, values in {
                "nats": OFF,
                "http": OFF,
                "throttle": UNTHROTTLED,
                **settings,
            }.items()
        ]
        lines = []
        for head, values in sections:
            lines.append(head)
            lines += [f"{key} = {to_toml(value)}" for key, value in values.items()]
        self.config.write_text("\n".join(lines) + "\n")

    def command_line(self, *arguments):
        return [str(BINARY), "--data", str(self.data), "--config", str(self.config), *arguments]

    def launch(self):
        """Starts the program and does not wait for it."""

        def grant():
            if self._open_files:
                limits = (self._open_files, self._open_files)
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)

        self._ready.clear()
        self.process = subprocess.Popen(
            self.command_line("serve"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=grant,
        )
        alive.append(self)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if line.split()[-1:] == ["ready"]:
                self._ready.set()
        self._ready.set()  # the end of the log: nobody needs to wait any longer

    def start(self):
        self.launch()
        assert self._ready.wait(READY_WITHIN_S), "no line `ready` in time:\n" + self.log_text()
        assert self.process.poll() is None, "the broker ended at once:\n" + self.log_text()
        return self

    def wait(self):
        """Waits until the program has ended by itself; returns its exit status."""
        status = self.process.wait(STOPPED_WITHIN_S)
        self._reader.join()
        alive.remove(self)
        return status

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.process.kill()
        self.wait()

    def cpu_s(self):
        """The processor time that it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log_text(self, lines=60):
        return "\n".join(self.log[-lines:])

    def wait_for_log(self, words, within_s=5):
        """Waits for a line with these words, and returns it."""
        end = time.monotonic() + within_s
        while True:
            for line in list(self.log):
                if words in line:
                    return line
            assert time.monotonic() < end, f"no line with {words!r}:\n" + self.log_text()
            time.sleep(0.01)

    def run(self, *arguments):
        """Runs one command; returns the finished process, with its output as text."""
        return subprocess.run(
            self.command_line(*arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
        )

    def ask(self, *arguments):
        """Runs one command that must succeed; returns its JSON document."""
        done = self.run("--json", *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return json.loads(done.stdout)

    def wait_for(self, condition, within_s=5):
        """Asks for the status until it is as it should be."""
        end = time.monotonic() + within_s
        while not condition(self.ask("status")):
            assert time.monotonic() < end, self.ask("status")

    def add_device(self, profile="core", name="device"):
        """A new device with an id that no other test has."""
        device_id = f"{name}-{next(_numbers)}"
        added = self.ask("device", "add", device_id, "--profile", profile)
        return Device(device_id, added["api_key"], added["key_id"])


@contextlib.contextmanager
def started(broker):
    """The broker for a while. It must end cleanly when it is told to."""
    broker.start()
    try:
        yield broker
    finally:
        try:
            status = broker.stop()
        except subprocess.TimeoutExpired:
            broker.kill()
            status = "none: it hung"
    assert status == 0, f"exit status {status} at the end:\n" + broker.log_text()


def running(directory, **settings):
    return started(Broker(directory, **settings))
