"""The command line with messages as lines of JSON: watch, send, serve."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from conftest import SOON, Net

from dotfiles_socket import MessageType, create_message

Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def command() -> Iterator[Command]:
    """Starts the command line with pipes."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dotfiles_socket", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], text: str = "") -> tuple[Any, ...]:
    """Give it the text; return its lines, its errors and its status."""
    out, errors = process.communicate(text, timeout=SOON)
    return out.splitlines(), errors, process.returncode


def where(server: Any) -> list[object]:
    port = getattr(server, "port", None)
    return ["event"] if port is None else ["event", "--port", port]


def line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_watch_prints_data(net: Net, command: Command) -> None:
    server = net.server()
    watching = command("watch", *where(server), "--count", 4)
    server.wait_for_clients(1, SOON)
    everything = {"n": 1, "text": "é\n", "b": b"\xff\x00", "l": [None, 1.5]}
    server.send(everything)
    server.send({"unknown": msgpack.ExtType(7, b"")})
    server.send({"n": float("nan")})
    server.send(create_message("event", MessageType.ERROR, {"n": 3}))
    [first, last], errors, status = ended(watching)
    assert json.loads(first) == {**everything, "b": "/wA="}
    assert "é" in first, "as it is, not escaped"
    assert json.loads(last) == {"n": 3}
    assert errors.count("a message was not printed: ") == 2
    assert status == 0


def test_watch_prints_whole_messages(unix: Net, command: Command) -> None:
    server = unix.server()
    watching = command("watch", "event", "--whole", "--count", 1)
    server.wait_for_clients(1, SOON)
    message = create_message("event", MessageType.CONTROL, {"n": 1})
    server.send(message)
    assert line(watching) == message.to_dict()


def test_watch_waits_and_stays(unix: Net, command: Command) -> None:
    watching = command("watch", "event", "--wait")
    for life in range(2):
        server = unix.server()
        server.wait_for_clients(1, SOON)
        server.send({"life": life})
        assert line(watching) == {"life": life}
        server.stop()
    watching.send_signal(signal.SIGINT)
    assert ended(watching)[2] == 130


def test_watch_ends_with_the_server(net: Net, command: Command) -> None:
    server = net.server()
    watching = command("watch", *where(server), "--once")
    server.wait_for_clients(1, SOON)
    server.send({"n": 1})
    server.stop()
    assert ended(watching) == (['{"n":1}'], "", 0)


def test_watch_says_what_was_missed(unix: Net, command: Command) -> None:
    server = unix.server(log_messages=100, message_queue_size=1)
    watching = command("watch", "event", "--once")
    server.wait_for_clients(1, SOON)
    for _ in range(30):
        # More than goes into the pipes and buffers up to the one who does
        # not read.
        server.send_many([{"text": "x" * 5000}] * 100)
    server.stop()
    lines, errors, _ = ended(watching)
    assert 0 < len(lines) < 3000
    assert "missed" in errors


def test_watch_in_silence(unix: Net, command: Command) -> None:
    unix.server()
    _, errors, status = ended(command("watch", "event", "--timeout", 0.01))
    assert status == os.EX_TEMPFAIL
    assert "Timeout" in errors


def test_watch_without_a_reader(unix: Net, command: Command) -> None:
    server = unix.server()
    watching = command("watch", "event")
    server.wait_for_clients(1, SOON)
    assert watching.stdout is not None
    watching.stdout.close()
    server.send({})
    assert watching.wait(SOON) == os.EX_IOERR
    assert watching.stderr is not None
    assert watching.stderr.read() == ""


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-", ">/dev/full"])
def test_watch_without_an_output(unix: Net, redirection: str) -> None:
    server = unix.server(history_size=1)
    server.send({})
    shell = f'exec "$0" -m dotfiles_socket watch event {redirection}'
    watching = subprocess.run(
        ["sh", "-c", shell, sys.executable],
        stderr=subprocess.PIPE,
        timeout=SOON,
        text=True,
        check=False,
    )
    assert watching.returncode == os.EX_IOERR
    if "2>" not in redirection:
        assert "cannot write the output" in watching.stderr


def test_serve_without_an_input() -> None:
    shell = 'exec "$0" -m dotfiles_socket serve event <&-'
    serving = subprocess.run(
        ["sh", "-c", shell, sys.executable],
        capture_output=True,
        timeout=SOON,
        text=True,
        check=False,
    )
    assert (serving.returncode, serving.stderr) == (0, "")


def test_output_is_utf8_whatever_the_locale(
    unix: Net, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    server = unix.server(history_size=1)
    server.send({"text": "é"})
    assert line(command("watch", "event", "--count", 1)) == {"text": "é"}


def test_send_what_is_given(net: Net, command: Command) -> None:
    server = net.hooked()
    sending = command("send", *where(server), '{"n": 1}', "[2]", "-3")
    assert ended(sending) == ([], "", 0)
    server.heard.next("connected")
    received = [server.heard.next("message")[1] for _ in range(3)]
    assert [m.data for m in received] == [{"n": 1}, [2], -3]
    assert {m.message_type for m in received} == {MessageType.DATA}


def test_send_lines(unix: Net, command: Command) -> None:
    server = unix.hooked()
    text = '{"n": 1}\n\nnonsense\nNaN\n18446744073709551616\n"last, unended"'
    sending = command("send", "event", "--type", "error")
    _, errors, status = ended(sending, text)
    assert status == os.EX_DATAERR
    assert [row.split(":")[0] for row in errors.splitlines()] == [
        f"message {n} was not sent" for n in (3, 4, 5)
    ]
    server.heard.next("connected")
    received = [server.heard.next("message")[1] for _ in range(2)]
    assert [m.data for m in received] == [{"n": 1}, "last, unended"]
    assert {m.message_type for m in received} == {MessageType.ERROR}


def test_send_bytes_that_are_no_text(unix: Net) -> None:
    unix.server()
    done = subprocess.run(
        [sys.executable, "-m", "dotfiles_socket", "send", "event"],
        input=b'"\xff"\n',
        capture_output=True,
    )
    assert done.returncode == os.EX_DATAERR
    assert b"message 1 was not sent" in done.stderr
    assert b"Traceback" not in done.stderr


def test_serve_and_be_answered(command: Command) -> None:
    serving = command("serve", "event", "--wait", 1)
    watching = command("watch", "event", "--wait", "--once")
    assert serving.stdin is not None
    serving.stdin.write('{"n": 1}\nnonsense\n')
    serving.stdin.flush()
    assert line(watching) == {"n": 1}
    assert ended(command("send", "event", '{"thanks": 1}')) == ([], "", 0)
    assert line(serving) == {"thanks": 1}
    lines, errors, status = ended(serving, '{"n": 2}\n')
    assert (lines, status) == ([], os.EX_DATAERR)
    assert errors.startswith("message 2 was not sent: ")
    assert ended(watching) == (['{"n":2}'], "", 0)


def test_serve_keeps_the_last_for_late_clients(command: Command) -> None:
    serving = command("serve", "event", "--retain", "state", "--wait", 1)
    early = command("watch", "event", "--wait", "--count", 2)
    assert serving.stdin is not None
    serving.stdin.write('{"n": 1}\n{"n": 2}\n')
    serving.stdin.flush()
    assert ended(early)[0] == ['{"n":1}', '{"n":2}']
    late = command("watch", "event", "--count", 1)
    assert ended(late) == (['{"n":2}'], "", 0)


def test_serve_without_a_reader(command: Command) -> None:
    serving = command("serve", "event")
    assert serving.stdout is not None
    serving.stdout.close()
    client = command("watch", "event", "--wait")
    assert serving.stdin is not None
    serving.stdin.write('{"n": 1}\n')
    serving.stdin.flush()
    assert line(client) == {"n": 1}
    for n in range(2):
        assert ended(command("send", "event", n)) == ([], "", 0)
    _, errors, status = ended(serving)
    assert (errors, status) == ("", 0)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ("watch event", os.EX_UNAVAILABLE, "does not exist"),
        ("watch event --port 1", os.EX_CONFIG, "port = 1"),
        ("watch event --count 0", os.EX_USAGE, "0 is less than 1"),
        ("watch event --count x", os.EX_USAGE, "x"),
        ("watch taken --timeout -1", os.EX_USAGE, "--timeout: -1 is no time"),
        ("watch taken --timeout nan", os.EX_USAGE, "nan is no time"),
        ("watch no/name", os.EX_USAGE, "Invalid event name"),
        ("send event 1", os.EX_UNAVAILABLE, "does not exist"),
        ("send event --type loud 1", os.EX_USAGE, "loud"),
        ("send event --loud 1", os.EX_USAGE, "--loud"),
        ("watch event 1", os.EX_USAGE, "unrecognized arguments: 1"),
        ("serve taken", os.EX_UNAVAILABLE, f"by pid {os.getpid()}"),
    ],
)
def test_it_says_why(
    unix: Net, command: Command, arguments: str, status: int, says: str
) -> None:
    unix.server(event="taken")
    lines, errors, code = ended(command(*arguments.split()))
    assert (lines, code) == ([], status)
    assert says in errors
    assert "Traceback" not in errors


def test_serve_without_a_free_port(
    tcp: Net, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = tcp.server().port
    for end in ("START", "END"):
        monkeypatch.setenv(f"SOCKET__TCP__PORT_RANGE_{end}", str(port))
    lines, errors, code = ended(command("serve", "other", "--port", -1))
    assert (lines, code) == ([], os.EX_UNAVAILABLE)
    assert errors.endswith(f"No available port in range {port}-{port}\n")
