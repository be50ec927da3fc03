"""What is left open, dropped, forked, or alive at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import warnings
import weakref
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from conftest import SOON, Net, keep_port, take, until
from scripts import Script

from dotfiles_socket import (
    ForkedError,
    Status,
    UnixSocketClient,
    UnixSocketServer,
)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def dropped(make: Any) -> list[str]:
    """What Python warns of when what is made is dropped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        made = make()
        alive = weakref.ref(made)
        del made
        assert alive() is None  # at once, not by the collector
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make()
    assert {w.category for w in caught} <= {ResourceWarning}
    return [str(w.message) for w in caught]


def test_what_is_dropped_open_is_warned_of(net: Net) -> None:
    server = net.server()
    net.made.clear()

    def client() -> Any:
        made = net.client(server)
        net.made.clear()
        return made

    [text] = dropped(client)
    assert "unclosed" in text
    assert "'event', connected" in text
    until(lambda: not server.get_connected_clients())

    def other() -> Any:
        made = net.server(event="other")
        net.made.clear()
        return made

    [text] = dropped(other)
    assert "'other', running" in text
    server.stop()


def test_what_is_closed_is_not_warned_of(net: Net) -> None:
    def both() -> Any:
        server, client = net.pair()
        client.disconnect()
        server.stop()
        net.made.clear()
        return client

    assert dropped(both) == []
    assert dropped(lambda: UnixSocketServer("never_started")) == []


def test_the_name_of_a_dropped_server_is_free_again(unix: Net) -> None:
    for _ in range(20):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            server = UnixSocketServer("event", unix.directory)
            server.start()
            del server


def test_what_was_sent_by_a_dropped_server_arrives(net: Net) -> None:
    server, client = net.pair()
    net.made.remove(server)
    server.send_many([{"n": n} for n in range(100)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del server
    assert take(client, 100) == [{"n": n} for n in range(100)]


def no_thread(*_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_what_is_dropped_without_a_thread_to_be_had_is_closed_later(
    unix: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = unix.server()
    unix.made.clear()
    with warnings.catch_warnings(), monkeypatch.context() as patch:
        warnings.simplefilter("ignore", ResourceWarning)
        patch.setattr("_thread.start_new_thread", no_thread)
        del server
    unix.server()  # of the same name


def test_without_a_thread_to_be_had(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a thread would do to keep signals from waiting is done here."""
    server = net.server()
    handle = server._handle
    with monkeypatch.context() as patch:
        patch.setattr("_thread.start_new_thread", no_thread)
        client = net.client(server)
        server.send({"n": 1})
        assert take(client, 1) == [{"n": 1}]
        client.disconnect()
        server.stop()
    assert not handle.is_open


def test_a_start_without_a_thread_does_no_harm_to_the_next(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = net.hooked(start=False)
    with monkeypatch.context() as patch:
        patch.setattr("threading._start_new_thread", no_thread)
        with pytest.raises(RuntimeError, match=r"^can't start new thread$"):
            server.start()
    assert not server.is_running()
    server.start()
    net.client(server)
    server.heard.next("connected")


@pytest.mark.parametrize("step", ["_keep_queue", "take"])
def test_a_stop_that_is_interrupted_stops(net: Net, step: str) -> None:
    """Wherever a signal handler raises: nobody could stop it again."""
    server = net.server(blocking_mode=True, start=False)
    starter = threading.Thread(target=server.start)
    starter.start()
    until(server.is_running)
    until(lambda: server._hooks.is_alive())
    handle = server._handle

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    of = server if step == "_keep_queue" else server._hooks
    setattr(of, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.stop()
    assert not handle.is_open
    starter.join(SOON)
    assert not starter.is_alive()


def test_a_queue_with_what_is_nested_to_the_last_level(net: Net) -> None:
    data: dict[str, Any] = {}
    for _ in range(1022):
        data = {"k": data}
    server = net.server()
    server.send(data)
    server.stop()
    keep_port(server)
    server.start()
    [received] = take(net.client(server), 1)
    assert msgpack.packb(received) == msgpack.packb(data)


def test_a_server_may_be_started_while_another_thread_stops_it(
    unix: Net,
) -> None:
    """The stop lasts as long as a client does not read what was sent."""
    server = unix.server(linger=0.5)
    idle = socket.socket(socket.AF_UNIX)
    idle.connect(server.address)
    server.wait_for_clients(1, SOON)
    server.send_many([{"blob": bytes(100_000)}] * 40)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    until(lambda: not server.is_running())
    server.start()
    stopper.join(SOON)
    assert server.is_running()
    idle.close()


def test_objects_that_are_closed_leave_nothing(net: Net) -> None:
    def round_trip() -> None:
        server, client = net.pair()
        server.send({})
        client.receive(SOON)
        client.disconnect()
        server.stop()
        net.made.clear()

    round_trip()
    fds, threads = descriptors(), threading.active_count()
    for _ in range(50):
        round_trip()
    assert descriptors() <= fds
    assert threading.active_count() <= threads


def in_child(work: Any) -> str:
    """What the work returns or raises in a child made by fork()."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            result = str(work())
        except BaseException as e:
            result = f"{type(e).__name__}: {e}"
        os.write(writer, result.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return text


def test_a_forked_child_is_told_and_the_parent_not_disturbed(
    net: Net,
) -> None:
    server, client = net.pair()
    work = {
        "server.send": lambda: server.send({}),
        "client.send": lambda: client.send({}),
        "receive": lambda: client.receive(1),
        "receive_iter": lambda: next(client.receive_iter()),
        "start": lambda: net.server(event="other"),
        "connect": lambda: net.client(server),
        "wait": lambda: server.wait_for_clients(2),
        "constructor": lambda: UnixSocketServer("event"),
    }
    for each in work.values():
        text = in_child(each)
        assert text.startswith("ForkedError: ")
        assert "spawn" in text
    assert in_child(lambda: (client.disconnect(), server.stop())) == str(
        (None, None)
    )
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]


def test_forked_error_has_its_status() -> None:
    assert int(Status.FORKED) == -20
    assert ForkedError.__doc__ is not None
    assert "spawn" in ForkedError.__doc__


SUBINTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
other = interpreters.create()
try:
    failure = interpreters.run_string(other, "import dotfiles_socket")
    print(failure.formatted)
except interpreters.RunFailedError as e:
    print(e)
interpreters.destroy(other)
"""


def test_a_subinterpreter_is_refused() -> None:
    with Script(SUBINTERPRETER) as script:
        line = script.line()
        assert "ImportError" in line
        assert "works in the main interpreter of a process only" in line
        assert "use a thread or a process instead" in line
        script.end()


FREE_THREADED = """
import sys
sys._is_gil_enabled = lambda: False
try:
    import dotfiles_socket
except ImportError as e:
    print(e)
"""


def test_a_python_without_the_gil_is_refused() -> None:
    """As far as a Python that has it can tell."""
    with Script(FREE_THREADED) as script:
        line = script.line()
        assert "relies on the GIL" in line
        assert "-X gil=1" in line
        assert script.end() == ""


FORK_FIRST = """
import os, sys
import dotfiles_socket
from dotfiles_socket import UnixSocketClient, UnixSocketServer
if os.fork() == 0:
    client = UnixSocketClient("event", sys.argv[1], wait_for_server=True)
    client.connect()
    print(client.receive(20).data, flush=True)
    sys.exit()
server = UnixSocketServer("event", sys.argv[1])
server.start()
server.send({"n": 1})
os.wait()
"""


def test_a_process_may_fork_between_import_and_use(directory: Path) -> None:
    with Script(FORK_FIRST, directory) as script:
        assert script.line() == "{'n': 1}"
        assert script.end() == ""


EXITS = {
    "open": "",
    "by exception": "raise SystemExit(0)",
    "dropped": "server.send({'n': 1})\ndel server, client",
    "in a thread": """
import threading
threading.Thread(target=lambda: list(client.receive_iter()),
                 daemon=True).start()
""",
    "after a fork": """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
if os.fork() == 0:
    sys.exit()
os.wait()
""",
    "with what cannot be delivered": """
import socket
idle = socket.socket(socket.AF_UNIX)
idle.connect(str(server.address))
server.wait_for_clients(2)
server.send_many([{"blob": bytes(100000)}] * 40)
""",
}


@pytest.mark.parametrize("way", EXITS)
def test_exit(directory: Path, way: str) -> None:
    code = (
        "import sys\n"
        "from dotfiles_socket import UnixSocketClient, UnixSocketServer\n"
        "server = UnixSocketServer('event', sys.argv[1])\n"
        "server.start()\n"
        "client = UnixSocketClient('event', sys.argv[1])\n"
        "client.connect()\n"
    )
    with Script(code + EXITS[way], directory) as script:
        assert script.end() == ""
    assert not (directory / "event.sock").exists()


STOPS = {
    "in a thread": """
threading.Thread(target=server.stop, daemon=True).start()
while server.is_running():
    pass
print("ends", flush=True)
""",
    "by a signal": """
def end(*_):
    print("ends", flush=True)
    sys.exit()
signal.signal(signal.SIGALRM, end)
signal.setitimer(signal.ITIMER_REAL, 0.05)
server.stop()
""",
}


@pytest.mark.parametrize("way", STOPS)
def test_the_end_waits_for_a_stop_that_has_begun(
    directory: Path, way: str
) -> None:
    code = f"""
import signal, sys, threading
from dotfiles_socket import UnixSocketServer
server = UnixSocketServer("event", sys.argv[1], linger=60)
server.start()
server.wait_for_clients()
server.send_many([{{"n": n, "blob": bytes(50000)}} for n in range(100)])
{STOPS[way]}
"""
    with Script(code, directory) as script:
        client = UnixSocketClient(
            "event",
            directory,
            auto_reconnect=False,
            buffer_size=1,
            wait_for_server=True,
        )
        with client:
            assert script.line() == "ends"
            received = [message.data["n"] for message in client]
        assert received == list(range(100))
        assert script.end() == ""


def test_no_environment_is_needed(tmp_path: Path) -> None:
    """What is installed finds its library by itself."""
    code = "import dotfiles_socket._lib as l; print(l.library_path())"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LIBSOCKET_LIBRARY", "LD_LIBRARY_PATH")
    }
    own = Path(sys.modules["dotfiles_socket"].__file__ or "").with_name(
        "libsocket.so"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if own.exists():
        assert ran.stdout == f"{own}\n"
    else:
        assert ran.stdout == "libsocket.so.0\n"  # a distribution's
