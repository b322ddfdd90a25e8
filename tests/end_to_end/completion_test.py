"""Completion in bash: the script, loaded into a bash, and what it offers."""
import subprocess

import broker_process
from mqtt_client import V5, Client

BASH = """
set -eu
source <("$1" completion bash)
COMP_LINE=$2
COMP_POINT=${#COMP_LINE}
COMP_WORDS=("$1")
COMP_CWORD=1
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_drawbridge
for word in "${COMPREPLY[@]}"; do echo "$word"; done
"""


def complete(broker, line):
    line = f"drawbridge --data {broker.data} {line}"
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", str(broker_process.BINARY), line],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_commands_options_and_ids_complete(broker):
    for device_id in ("tab-1", "tab-2", "tab:3:x"):
        broker.ask("device", "add", device_id, "--no-key")
    key = broker.ask("key", "add", "tab-1")
    assert complete(broker, "dev") == ["device"]
    assert "rotate" in complete(broker, "key ")
    assert complete(broker, "key rotate tab-1 --over") == ["--overlap"]
    assert complete(broker, "device show tab") == ["tab-1", "tab-2", "tab:3:x"]
    assert complete(broker, "device show tab:3") == ["3:x"], "bash keeps what is before the colon"
    assert complete(broker, "key revoke tab-1 ") == [key["key_id"]]
    assert complete(broker, "device can tab-1 sub") == ["subscribe"]
    assert complete(broker, "device export --format=j") == ["jsonl"]
    assert complete(broker, "device import /etc/pass") == [], "files are bash's business"
    assert complete(broker, "nonsense ") == []
    assert complete(broker, "device list --profile lo") == ["losant"]
    with Client(broker, broker_process.Device("tab-1", key["api_key"], None), V5) as client:
        client.connected()
        assert complete(broker, "client kick ta") == ["tab-1"]
        assert complete(broker, "client kick x") == []
    back_end = broker.ask("service", "add", "tab-end")
    account = broker_process.Device("tab-end", back_end["api_key"], None)
    with Client(broker, account, V5) as client:
        client.connected()
        client.subscribe("services/tab-beat/status", qos=1)
        client.publish("heartbeat/tab-beat/service")
        client.message()
    broker.stop()
    broker.start()
    assert complete(broker, "services ") == ["forget", "tab-beat"]
    assert complete(broker, "services forget ta") == ["tab-beat"]
    broker.ask("service", "remove", "tab-end")
    for device_id in ("tab-1", "tab-2", "tab:3:x"):
        broker.ask("device", "remove", device_id)


def test_tab_makes_nothing(tmp_path):
    nobody = broker_process.Broker(tmp_path)
    assert complete(nobody, "device show x") == []
    assert not nobody.data.exists()
