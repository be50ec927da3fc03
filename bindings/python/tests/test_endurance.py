"""Again and again: what is dropped, forked, or ended in the middle of it.

Each test has a short form, and a long one under --soak.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import threading
import time
import warnings
from pathlib import Path

import pytest
from conftest import SOON, Net, Times, until
from scripts import Script

from dotfiles_socket import (
    ConnectionError,
    MessageError,
    SocketMessage,
    UnixSocketClient,
    UnixSocketServer,
)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def os_threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def resident() -> int:
    """MiB of memory that this process has in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") >> 20


def test_objects_that_are_dropped_leave_nothing(
    unix: Net, times: Times
) -> None:
    server = unix.server(max_connections=1000)

    def drop() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            for _ in range(50):
                client = UnixSocketClient("event", unix.directory)
                client.connect()
                other = UnixSocketServer("other", unix.directory)
                other.start()
                server.send({"to": "whoever is there"})
                del client, other
        until(lambda: not server.get_connected_clients())
        until(lambda: threading.active_count() <= threads)

    threads = threading.active_count()
    for _ in range(2):
        drop()
    gc.collect()
    before = descriptors(), len(gc.get_objects()), resident(), os_threads()
    for _ in range(times(4, 100)):
        drop()
    gc.collect()
    until(lambda: descriptors() <= before[0])
    assert len(gc.get_objects()) <= before[1] + 50
    assert resident() <= before[2] + 16
    # Those of the Go runtime, which keeps what it has once needed.
    assert os_threads() <= before[3] + 8


# ---- the end of the interpreter

TRAFFIC = """
import logging, sys, threading, time
from dotfiles_socket import UnixSocketClient, UnixSocketServer, SocketError

logging.basicConfig(level="ERROR")  # clients go without messages, of course

class Echo(UnixSocketServer):
    def on_message_received(self, client_id, message):
        self.send(message, client_id)

server = Echo("event", sys.argv[1])
server.start()

def send():
    n = 0
    while True:
        server.send({"n": n})
        n += 1

def ask():
    while True:
        asking.send({"question": 1})

def receive():
    for message in client.receive_iter():
        flowing.set()

def come_and_go():
    while True:
        with UnixSocketClient("event", sys.argv[1]) as other:
            other.receive(20)

flowing = threading.Event()
client = UnixSocketClient("event", sys.argv[1])
client.connect()
asking = UnixSocketClient("event", sys.argv[1])
asking.connect()
work = [send, receive, come_and_go]
if sys.argv[2] == "hooks":
    work.append(ask)

def run(each):
    try:
        each()
    except (SocketError, NameError):
        pass  # closed by the end, or dropped

for each in work:
    threading.Thread(target=run, args=[each], daemon=True).start()
flowing.wait()
time.sleep(float(sys.argv[3]))
"""

ENDS = {
    "last line": "",
    "SystemExit": "sys.exit()",
    "dropped": "del server, client, asking",
    "hooks": "",
    "half closed": "client.disconnect()",
    "stop elsewhere": "threading.Thread(target=server.stop).start()",
}


@pytest.mark.parametrize("way", ENDS)
def test_the_interpreter_may_end_in_the_middle(
    directory: Path, times: Times, way: str
) -> None:
    chance = random.Random(way)  # noqa: S311
    for _ in range(times(2, 34)):
        moment = chance.random() / 50
        code = TRAFFIC + ENDS[way]
        with Script(code, directory, way, moment) as script:
            assert script.end(patience=times(20, 300)) == ""
        assert not (directory / "event.sock").exists()


# ---- fork

FORKS = """
import faulthandler, os, random, sys, threading, time, warnings
from dotfiles_socket import *

warnings.simplefilter("ignore", DeprecationWarning)  # of fork with threads
place, count = sys.argv[1], int(sys.argv[2])
chance = random.Random(count)

class Echo(UnixSocketServer):
    def on_message_received(self, client_id, message):
        self.send(message, client_id)

server = Echo("event", place, slow_client="block")
server.start()
client = UnixSocketClient("event", place)
client.connect()
over = threading.Event()
sent, got, answers = [0], [], [0]

def send():
    while not over.is_set():
        server.send({"n": sent[0]})
        sent[0] += 1

def receive():
    for message in client.receive_iter():
        got.append(message.data["n"])

def ask():
    with UnixSocketClient("event", place, types=["control"]) as asking:
        question = create_message("event", MessageType.CONTROL, {})
        while not over.is_set():
            asking.send(question)
            asking.receive(20)
            answers[0] += 1

def look():
    while not over.is_set():
        client.get_buffer_size()
        server.get_queue_size()

def come_and_go():
    while not over.is_set():
        with UnixSocketServer("other", place):
            UnixSocketClient("other", place, wait_for_server=True).connect()

USES = [
    lambda: server.send({}),
    lambda: client.send({}),
    lambda: server.start(),
    lambda: client.connect(),
    lambda: client.receive(),
    lambda: next(client.receive_iter()),
    lambda: server.wait_for_clients(9),
    lambda: UnixSocketServer("third", place).start(),
    lambda: UnixSocketClient("event", place).connect(),
]

def child():
    faulthandler.dump_traceback_later(15, exit=True)  # of one that hangs
    assert not server.is_running() and not client.is_connected()
    chance.shuffle(USES)
    for use in USES:
        try:
            raise AssertionError(use())
        except ForkedError as e:
            assert "spawn" in str(e)
    client.get_buffer_size(), client.clear_buffer(), server.clear_queue()
    client.disconnect(), server.stop()

warnings.simplefilter("ignore", ResourceWarning)  # of come_and_go
threads = [
    threading.Thread(target=each)
    for each in (send, receive, ask, look, come_and_go)
]
for thread in threads:
    thread.start()
ended = {}
for n in range(count):
    time.sleep(chance.random() / 200)
    pid = os.fork()
    if pid == 0:
        try:
            child()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(4)
        if n % 2:
            os._exit(0)
        sys.exit()  # as the interpreter ends, whatever its threads held
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    ended[status] = ended.get(status, 0) + 1
over.set()
for thread in threads:
    if thread is not threads[1]:
        thread.join()
server.stop()
while len(got) < sent[0]:
    time.sleep(0.001)
client.disconnect()
threads[1].join()
print(ended, got == list(range(sent[0])), answers[0] > 0)
"""


def test_fork_at_any_moment(directory: Path, times: Times) -> None:
    """The child is told, ends, and the parent is not disturbed."""
    count = times(25, 500)
    with Script(FORKS, directory, count) as script:
        out = script.end(patience=times(60, 3000))
        assert out == f"{{0: {count}}} True True\n"


# ---- hooks

HOOKS = (
    "on_client_connected",
    "on_client_disconnected",
    "on_message_received",
    "on_first_client",
    "on_last_client",
)


def test_hooks_may_do_anything(
    unix: Net, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    """They raise, send, sleep, ask, stop, and stop and start: nobody waits
    for ever, and the next hook is called."""
    caplog.set_level(logging.CRITICAL)  # thousands of tracebacks
    chance = random.Random(1)  # noqa: S311
    server = unix.server(slow_client="block")
    answered = threading.Event()

    def fail() -> None:
        raise ValueError("a bug")

    def restart() -> None:
        server.stop()
        server.start()

    deeds = [
        fail,
        lambda: server.send({"from": "a hook"}),
        lambda: server.send({"to": "nobody"}, "client_0"),
        lambda: time.sleep(0.001),
        lambda: server.wait_for_clients(100, 0),
        server.get_connected_clients,
        restart,
        server.stop,
    ]

    def anything(*_: object) -> None:
        chance.choice(deeds)()

    def answer(client_id: str, _: SocketMessage) -> None:
        try:
            anything()
        finally:
            server.send({"answer": True}, client_id)

    for name in HOOKS:
        setattr(server, name, anything)
    server.on_message_received = answer

    def visit() -> bool:
        """Whether a client has got an answer."""
        with UnixSocketClient(
            "event", unix.directory, auto_reconnect=False
        ) as client:
            client.send({})
            while "answer" not in client.receive(SOON).data:
                pass
        return True

    answers = 0
    for _ in range(times(100, 3000)):
        if not server.is_running():
            server.start()
        # It may be stopped at any moment.
        with contextlib.suppress(ConnectionError, MessageError):
            answers += visit()
    assert answers > times(10, 300)

    for name in HOOKS:
        delattr(server, name)
    server.stop()
    server.on_message_received = lambda *_: answered.set()
    with server, unix.client(server) as client:
        client.send({})
        assert answered.wait(SOON)
