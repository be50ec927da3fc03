"""Looking at servers elsewhere: the functions and the command line."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Net, take, until
from peer import OldServer

from dotfiles_socket import (
    NoServerError,
    NotAllowedError,
    ServerInfo,
    ServerState,
    SocketType,
    Status,
    ValidationError,
    inspect_server,
    list_servers,
)
from dotfiles_socket.__main__ import _INTERRUPTED, _STATUSES, main
from dotfiles_socket._tables import duration

README = Path(__file__).parents[3] / "README.md"


def inspect(net: Net, event: str = "event", **kwargs: Any) -> ServerInfo:
    if net.transport == "tcp":
        kwargs.setdefault("port", net.made[0].port)
    else:
        kwargs.setdefault("socket_dir", net.directory)
    return inspect_server(net.transport, event, **kwargs)


def test_a_live_server_tells_what_it_knows_itself(net: Net) -> None:
    server = net.hooked()
    client = net.client(server, name="viewer")
    server.heard.next("connected")
    server.send_many([{"n": n} for n in range(3)])
    take(client, 3)
    client.send({})
    server.heard.next("message")
    info = inspect(net)
    assert info.state is ServerState.LIVE
    assert info.event_name == "event"
    assert info.transport is SocketType(net.transport)
    assert info.address == server.address
    assert info.pid == os.getpid()
    assert info.uid == (os.geteuid() if net.transport == "unix" else -1)
    assert re.fullmatch(r"\d+\.\d+\.\d+", info.library)
    assert info.uptime_ms >= 0
    assert info.stats == server.get_stats()
    assert [info.stats[k] for k in ("sent", "delivered", "received")] == [
        3,
        3,
        1,
    ]
    [told], [known] = info.clients, server.get_connected_clients()
    assert told == known
    assert vars(told) == vars(known)
    assert (told.name, told.delivered, told.missed) == ("viewer", 3, 0)
    assert server.heard.rest() == [], "no hook is told of an inspection"


def test_the_backlog_of_a_client(unix: Net) -> None:
    server = unix.server(log_messages=200)
    unix.client(server, buffer_size=1)
    for _ in range(100):
        # 200 of these are more than the buffers between the two hold.
        server.send_many([{"text": "x" * 5000}] * 10)
    [client] = inspect(unix).clients
    assert client.delivered + client.missed + client.backlog == 1000
    assert client.missed > 0
    assert 0 < client.backlog <= 200


def test_an_old_server(net: Net) -> None:
    with OldServer(net) as old:
        net.made.append(old)
        info = inspect(net, port=old.port or None)
    assert info.state is ServerState.OLD
    assert (info.library, info.stats, info.clients) == ("", {}, [])


def test_no_server(net: Net) -> None:
    server = net.server()
    server.stop()
    with pytest.raises(NoServerError, match="event"):
        inspect(net)


def test_bad_arguments(unix: Net) -> None:
    with pytest.raises(ValidationError, match="no name"):
        inspect(unix, event="no name")
    # Not the event "event".
    for name in ("event\0", "event\ud800"):
        with pytest.raises(ValidationError, match="Invalid event name"):
            inspect(unix, event=name)
    with pytest.raises(ValidationError, match="pigeon"):
        inspect_server("pigeon", "event")
    with pytest.raises(ValidationError, match="Port must be provided"):
        inspect_server("tcp", "event")
    with pytest.raises(ValidationError, match="default_timeout"):
        inspect(unix, timeout=-1)


def test_a_list_has_every_event(unix: Net) -> None:
    assert list_servers(unix.directory) == []
    unix.server(event="b-live")
    with OldServer(unix, "c-old") as old:
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(unix.directory / "a-dead.sock"))
        dead.close()
        (unix.directory / "d.sock").write_text("no socket")
        infos = list_servers(unix.directory)
        assert old.event_name == "c-old"
    assert [(i.event_name, i.state.value) for i in infos] == [
        ("a-dead", "stale"),
        ("b-live", "live"),
        ("c-old", "old"),
    ]
    assert [i.pid for i in infos] == [0, os.getpid(), os.getpid()]
    assert {i.uid for i in infos} == {os.geteuid()}
    configured = [i.event_name for i in list_servers()]
    assert configured == ["a-dead", "b-live"]


@pytest.fixture
def silent(unix: Net) -> OldServer:
    """A server that has a lock as new ones do, and does not answer."""
    server = OldServer(unix)
    unix.made.append(server)
    (unix.directory / "event.lock").write_text(f"{os.getpid()}\n")
    return server


@pytest.mark.usefixtures("silent")
def test_a_silent_server(unix: Net) -> None:
    info = inspect(unix, timeout=0.05)
    assert (info.state, info.pid) == (ServerState.SILENT, os.getpid())
    [listed] = list_servers(unix.directory, timeout=0.05)
    assert listed == info


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dotfiles_socket", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_the_command_line_lists(unix: Net) -> None:
    empty = run("list")
    assert empty.returncode == 0
    assert empty.stderr == f"no events in {unix.directory}\n"
    assert empty.stdout.split()[:2] == ["EVENT", "STATE"]
    server = unix.server(event="progress")
    server.send({})
    with OldServer(unix, "old"):
        shown = run("list", "--socket-dir", unix.directory)
        as_json = run("list", "--json")
    assert (shown.returncode, shown.stderr) == (0, "")
    [head, old, live] = (line.split() for line in shown.stdout.splitlines())
    row = dict(zip(head, live, strict=True))
    assert row["EVENT"] == "progress"
    assert row["STATE"] == "live"
    assert row["PID"] == str(os.getpid())
    assert (row["CLIENTS"], row["SENT"], row["DROPPED"]) == ("0", "1", "0")
    assert old[:3] == ["old", "old", str(os.getpid())]
    assert old[4:] == ["-"] * 5
    documents = json.loads(as_json.stdout)
    assert [d["state"] for d in documents] == ["old", "live"]
    assert documents[1]["stats"] == server.get_stats()


def test_the_command_line_inspects(
    net: Net, capsys: pytest.CaptureFixture[str]
) -> None:
    server = net.server()
    net.client(server, name="viewer one")
    server.wait_for_clients(1)
    until(lambda: server.get_connected_clients()[0].name)
    where: list[str] = (
        ["--port", str(server.port)] if net.transport == "tcp" else []
    )
    assert main(["inspect", "event", *where]) == 0
    about, clients = capsys.readouterr().out.split("\n\n")
    lines = dict(line.split(maxsplit=1) for line in about.splitlines())
    assert lines["event"] == "event"
    assert lines["state"] == "live"
    assert lines["address"] == server.address
    assert set(server.get_stats()) <= set(lines)
    [head, row] = clients.splitlines()
    at = head.index("NAME")
    assert row[at:].startswith("viewer one  ")
    assert main(["inspect", "event", "--json", *where]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["clients"][0]["name"] == "viewer one"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ("", os.EX_USAGE, "command"),
        ("inspect", os.EX_USAGE, "EVENT"),
        ("inspect no/name", os.EX_USAGE, "Invalid event name"),
        ("inspect event", os.EX_UNAVAILABLE, "does not exist"),
        ("inspect event --port 1", os.EX_CONFIG, "port = 1"),
        ("list --timeout 0", os.EX_CONFIG, "default_timeout"),
        ("list --timeout -1", os.EX_USAGE, "--timeout: -1 is no time"),
        ("inspect event --timeout x", os.EX_USAGE, "--timeout: x is no time"),
        ("list --socket-dir /dev/null", os.EX_IOERR, "/dev/null"),
    ],
)
def test_the_command_line_says_why(
    arguments: str, status: int, says: str
) -> None:
    done = run(*arguments.split())
    assert done.returncode == status
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("silent")
def test_the_command_line_tells_of_a_silent_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["inspect", "event", "--timeout", "0.05"]) == os.EX_TEMPFAIL
    assert "silent" in capsys.readouterr().out


def test_the_command_line_without_a_reader(unix: Net) -> None:
    unix.server()
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "dotfiles_socket", "list"],
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (os.EX_IOERR, b"")


def test_the_command_line_without_room_for_its_output(unix: Net) -> None:
    unix.server()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dotfiles_socket", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == os.EX_IOERR
    assert b"cannot write the output: No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_readme_lists_the_exit_statuses() -> None:
    _, _, section = README.read_text().partition("## What runs")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
    unasked = {os.EX_OK, os.EX_DATAERR, os.EX_SOFTWARE, os.EX_OSERR}
    known = unasked | set(_STATUSES.values()) | {_INTERRUPTED}
    assert [int(number) for number, _ in rows] == sorted(known)


def test_statuses_that_no_inspection_has_are_a_bug() -> None:
    assert Status.BAD_HANDLE not in _STATUSES


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0s"),
        (59_999, "59s"),
        (60_000, "1m0s"),
        (3_600_000, "1h0m"),
        (90_061_000, "1d1h"),
        (864_000_000, "10d0h"),
    ],
)
def test_durations(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


def test_not_allowed_is_a_permission_error() -> None:
    assert issubclass(NotAllowedError, PermissionError)
