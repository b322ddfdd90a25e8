"""Boost.Beast's WebSocket client, as a socket that mqtt_client.Client can use."""
import contextlib
import os
import select
import subprocess
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "build-test/tests/end_to_end/beast_client"
ANSWER_WITHIN_S = 5


class Refused(Exception):
    """There is no WebSocket: the HTTP status and words."""


class BeastSocket:
    """Each sendall() is one message. Closes as a socket does: without a word."""

    def __init__(self, port, tls=False, path="/mqtt", subprotocol="mqtt", ca_file=""):
        scheme = "wss" if tls else "ws"
        command = [str(PROGRAM), scheme, "localhost", str(port), path, subprotocol, str(ca_file)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._timeout_s = ANSWER_WITHIN_S
        self._said = b""
        self._receiving = False
        self.last_pong = ""
        verdict, _, self.subprotocol = self._line().partition(" ")
        if verdict != "ok":
            self.close()
            raise Refused(self.subprotocol)

    def ask(self, command):
        self._process.stdin.write(command.encode() + b"\n")
        return self._line()

    def _line(self):
        while b"\n" not in self._said:
            ready, _, _ = select.select([self._process.stdout], [], [], self._timeout_s)
            if not ready:
                raise TimeoutError("the WebSocket client said nothing in time")
            said = os.read(self._process.stdout.fileno(), 1 << 20)
            assert said, "the WebSocket client has ended"
            self._said += said
        line, _, self._said = self._said.partition(b"\n")
        return line.decode()

    def send_fragments(self, *fragments):
        answer = self.ask("send " + " ".join(fragment.hex() for fragment in fragments))
        if answer != "ok":
            raise ConnectionResetError(answer)

    # What a client uses of a socket

    def settimeout(self, timeout_s):
        self._timeout_s = timeout_s

    def sendall(self, data):
        self.send_fragments(data)

    def recv(self, _size):
        """The next message; b"" when the other end has said close."""
        if not self._receiving:  # or the last time was too short
            self._process.stdin.write(b"receive\n")
            self._receiving = True
        kind, _, rest = self._line().partition(" ")
        self._receiving = False
        if kind == "closed":
            self.close_code = int(rest)
            return b""
        if kind == "error":
            raise ConnectionResetError(rest)
        data, _, self.last_pong = rest.partition(" ")
        return bytes.fromhex(data)

    def close(self):
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
