"""tools/check_layers: allowed includes pass, each forbidden one is found with its file and line."""
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "check_layers"


def check(root, file, *includes):
    """Runs the script on a tree of one file; returns its exit status and what it printed."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("// what it is for\n" + "".join(f"#include {include}\n" for include in includes))
    done = subprocess.run([SCRIPT, str(root)], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_tree_itself_keeps_to_its_layers():
    done = subprocess.run([SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "file, include",
    [
        ("broker/base/log.cpp", "<spdlog/spdlog.h>"),
        ("broker/base/result.hpp", "<boost/system/result.hpp>"),
        ("broker/wire/topic.hpp", '"broker/base/bytes.hpp"'),
        ("broker/wire/topic.hpp", "<string_view>"),
        ("broker/core/session.hpp", '"broker/wire/topic.hpp"'),
        ("broker/core/message.hpp", "<boost/smart_ptr/intrusive_ptr.hpp>"),
        ("broker/core/index.hpp", "<boost/unordered/unordered_flat_map.hpp>"),
        ("broker/net/stream.hpp", "<boost/asio.hpp>"),
        ("broker/net/tls_engine.cpp", "<openssl/ssl.h>"),
        ("storage/database.cpp", "<SQLiteCpp/SQLiteCpp.h>"),
        ("storage/database.cpp", "<sys/stat.h>"),
        ("auth/api_key.cpp", "<openssl/hmac.h>"),
        ("auth/device_store.cpp", '"storage/database.hpp"'),
        ("bridge/nats_connect.cpp", "<boost/json/parse.hpp>"),
        ("bridge/topic_subject.cpp", '"broker/wire/topic.hpp"'),
        ("broker/app/main.cpp", '"auth/authenticator.hpp"'),
        ("broker/app/configuration.cpp", "<toml++/toml.h>"),
    ],
)
def test_what_the_table_allows_passes(tmp_path, file, include):
    status, printed = check(tmp_path, file, include)
    assert (status, printed) == (0, "layers: ok (1 files)\n")


@pytest.mark.parametrize(
    "file, include",
    [
        ("broker/base/log.cpp", '"broker/wire/topic.hpp"'),
        ("broker/base/log.cpp", "<boost/asio.hpp>"),
        ("broker/wire/topic.hpp", '"broker/core/session.hpp"'),
        ("broker/wire/topic.hpp", "<sys/socket.h>"),
        ("broker/core/session.hpp", '"broker/net/stream.hpp"'),
        ("broker/core/session.hpp", "<boost/asio/io_context.hpp>"),
        ("broker/core/session.hpp", "<openssl/ssl.h>"),
        ("broker/core/session.hpp", "<sys/epoll.h>"),
        ("broker/core/session.hpp", "<boost/filesystem.hpp>"),
        ("broker/net/stream.hpp", '"auth/api_key.hpp"'),
        ("broker/net/stream.hpp", "<SQLiteCpp/SQLiteCpp.h>"),
        ("storage/database.hpp", '"auth/api_key.hpp"'),
        ("storage/database.hpp", "<toml++/toml.h>"),
        ("auth/api_key.cpp", '"broker/app/configuration.hpp"'),
        ("auth/api_key.cpp", "<boost/asio.hpp>"),
        ("broker/net/listener.cpp", '"bridge/nats_parser.hpp"'),
        ("bridge/nats_connect.cpp", '"auth/api_key.hpp"'),
        ("bridge/nats_connect.cpp", "<SQLiteCpp/SQLiteCpp.h>"),
        ("broker/app/main.cpp", "<SQLiteCpp/SQLiteCpp.h>"),
        ("broker/app/main.cpp", "<wslay/wslay.h>"),
        ("broker/app/main.cpp", '"configuration.hpp"'),
    ],
)
def test_what_the_table_does_not_name_is_found(tmp_path, file, include):
    status, printed = check(tmp_path, file, "<string>", include)
    assert status == 1
    assert printed.startswith(f"{file}:3: ")
    assert printed.count("\n") == 1


def test_every_violation_is_reported(tmp_path):
    status, printed = check(
        tmp_path, "broker/base/log.cpp", '"auth/api_key.hpp"', "<vector>", "  <toml++/toml.h>"
    )
    assert status == 1
    assert [line.split(":")[1] for line in printed.splitlines()] == ["2", "4"]
