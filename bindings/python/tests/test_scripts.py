"""What real scripts do."""

from __future__ import annotations

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import SOON, Net, take
from scripts import Script

from dotfiles_socket import (
    MessageType,
    SocketError,
    SocketType,
    UnixSocketClient,
    create_client,
    create_message,
    create_server,
)

VIEWER = """
import sys, time
from dotfiles_socket import MessageType, SocketType, create_client

client = create_client(
    SocketType.UNIX, event_name="progress", socket_dir=sys.argv[1]
)
print("created", flush=True)
while True:
    try:
        client.connect()
        break
    except Exception as e:
        print("ConnectionError" if isinstance(e, ConnectionError) else e,
              flush=True)
        time.sleep(0.02)
for message in client.receive_iter():
    if message.message_type == MessageType.DATA:
        print(message.data.get("run"), message.data.get("n"), flush=True)
    elif message.message_type == MessageType.CONTROL:
        print("end", message.data.get("run"), flush=True)
        if message.data.get("last"):
            break
"""

JOB = """
import sys
from dotfiles_socket import (
    MessageType, SocketType, create_message, create_server
)

run = int(sys.argv[2])
server = create_server(
    SocketType.UNIX, event_name="progress", socket_dir=sys.argv[1]
)
server.start()
for n in range(90):
    server.send(create_message("progress", MessageType.DATA,
                               {"run": run, "n": n}))
while not server.get_connected_clients():
    pass
for n in range(90, 2000):
    server.send(create_message("progress", MessageType.DATA,
                               {"run": run, "n": n}))
server.send(create_message("progress", MessageType.CONTROL,
                           {"run": run, "last": run == 3}))
server.stop()
"""


def test_a_viewer_left_running_shows_every_run(directory: Path) -> None:
    """Started before there is a server; every message of three runs, in
    order."""
    with Script(VIEWER, directory) as viewer:
        assert viewer.line() == "created"
        assert viewer.line() == "ConnectionError"
        for run in (1, 2, 3):
            with Script(JOB, directory, run) as job:
                lines = (viewer.line() for _ in range(1000))
                line = next(x for x in lines if x != "ConnectionError")
                for n in range(2000):
                    assert line == f"{run} {n}"
                    line = viewer.line()
                assert line == f"end {run}"
                assert job.end() == ""
        assert viewer.end() == ""


def test_one_server_object_for_each_job_of_a_long_process(net: Net) -> None:
    first = net.server()
    client = net.client(first)
    options: dict[str, Any] = (
        {"socket_dir": net.directory}
        if net.transport == "unix"
        else {"port": first.port}
    )
    first.stop()
    messages = client.receive_iter()
    for job in range(5):
        server = create_server(net.transport, event_name="event", **options)
        server.start()
        server.wait_for_clients(1, SOON)
        for n in range(100):
            server.send(
                create_message("event", MessageType.DATA, {"job": job, "n": n})
            )
        server.stop()
        got = [next(messages).data for _ in range(100)]
        assert got == [{"job": job, "n": n} for n in range(100)]


def test_a_burst_right_before_stop_arrives_whole(net: Net) -> None:
    server = net.server(linger=SOON)
    clients = [net.client(server) for _ in range(3)]
    server.wait_for_clients(3, SOON)
    got: list[list[dict[str, Any]]] = [[], [], []]

    def read(number: int) -> None:
        got[number] = take(clients[number], 10000)

    readers = [threading.Thread(target=read, args=(n,)) for n in range(3)]
    for reader in readers:
        reader.start()
    for n in range(10000):
        server.send(create_message("event", MessageType.DATA, {"n": n}))
    server.stop()
    for reader in readers:
        reader.join()
    assert got == [[{"n": n} for n in range(10000)]] * 3


def test_a_burst_before_stop_waits_for_who_reads_later(net: Net) -> None:
    server = net.server()
    client = net.client(server)
    server.wait_for_clients(1, SOON)
    for n in range(1000):
        server.send({"n": n})
    server.stop()
    assert take(client, 1000) == [{"n": n} for n in range(1000)]


def test_a_thread_pool_sends(net: Net) -> None:
    server, client = net.pair()

    def work(n: int) -> None:
        server.send(create_message("event", MessageType.DATA, {"n": n}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(2000)))
    server.stop()
    assert sorted(d["n"] for d in take(client, 2000)) == list(range(2000))


def test_a_client_in_a_background_thread_of_the_server(net: Net) -> None:
    server = net.server()
    shown: list[dict[str, Any]] = []

    def view() -> None:
        client = net.client(server)
        for message in client.receive_iter():
            shown.append(message.data)
            if message.message_type == MessageType.CONTROL:
                break

    viewer = threading.Thread(target=view, daemon=True)
    viewer.start()
    server.wait_for_clients(1, SOON)
    for n in range(100):
        server.send({"n": n})
    server.send(create_message("event", MessageType.CONTROL, {"n": 100}))
    viewer.join(SOON)
    assert shown == [{"n": n} for n in range(101)]


def test_a_subprocess_from_the_reading_thread(net: Net) -> None:
    """It works, and inherits no descriptor of the library."""
    server, client = net.pair()
    server.send_many([{"n": n} for n in range(3)])
    show = ["ls", "-l", "/proc/self/fd"]
    for message in client.receive_iter():
        ran = subprocess.run(
            show, capture_output=True, text=True, check=True, close_fds=False
        )
        assert "/proc" in ran.stdout
        assert "eventfd" not in ran.stdout
        assert "socket" not in ran.stdout
        if message.data["n"] == 2:
            break


def test_leaving_by_break_and_coming_back(net: Net) -> None:
    server, client = net.pair()
    server.send_many([{"n": n} for n in range(6)])
    for message in client.receive_iter():
        if message.data["n"] == 2:
            break
    assert [m.data["n"] for _, m in zip(range(3), client, strict=False)] == [
        3,
        4,
        5,
    ]


def test_a_second_job_while_the_first_runs(unix: Net) -> None:
    """The second is refused, and the first is not disturbed."""
    server, client = unix.pair()
    for _ in range(10):
        with pytest.raises(SocketError, match="Failed to start server: "):
            unix.server(start=False).start()
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]


BROADCASTER = """
import sys
from dotfiles_socket import create_server
server = create_server("unix", event_name="event", socket_dir=sys.argv[1])
server.start()
print("ready", flush=True)
sys.stdin.readline()
for n in range(5000):
    server.send({"n": n})
"""


def test_exit_without_stop_delivers_what_was_sent(directory: Path) -> None:
    with Script(BROADCASTER, directory) as server:
        assert server.line() == "ready"
        client = UnixSocketClient("event", directory)
        with client:
            server.tell("go")
            assert take(client, 5000) == [{"n": n} for n in range(5000)]
            assert server.end() == ""


READER = """
import sys
from dotfiles_socket import create_client
client = create_client("unix", event_name="event", socket_dir=sys.argv[1])
client.connect()
for message in client.receive_iter():
    client.send({"got": message.data["n"]})
    if message.data["n"] == 10:
        break
"""


def test_a_viewer_that_exits_without_disconnect(unix: Net) -> None:
    server = unix.hooked()
    with Script(READER, unix.directory) as reader:
        info = server.heard.next("connected")
        server.send_many([{"n": n} for n in range(100)])
        for n in range(11):
            assert server.heard.next("message")[1].data == {"got": n}
        assert server.heard.next("disconnected") == info.client_id
        assert reader.end() == ""


NOISY = """
import sys
from dotfiles_socket import UnixSocketServer

class Server(UnixSocketServer):
    def on_message_received(self, client_id, message):
        sys.stdout.write(".")
        self.send(message)

server = Server("event", socket_dir=sys.argv[1])
server.start()
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("time", range(10))
def test_exit_with_traffic_and_hooks(directory: Path, time: int) -> None:
    with Script(NOISY, directory) as server:
        assert server.line() == "ready"
        client = create_client(
            SocketType.UNIX,
            "event",
            socket_dir=directory,
            auto_reconnect=False,
        )
        client.connect()
        sent = threading.Event()

        def flood() -> None:
            try:
                while True:
                    client.send({"n": 1})
                    sent.set()
            except SocketError:
                pass

        flooder = threading.Thread(target=flood)
        flooder.start()
        sent.wait(SOON)
        for _ in range(time):
            client.receive(SOON)
        server.tell("exit")
        assert set(server.end()) <= {"."}
        client.disconnect()
        flooder.join(SOON)
        assert not flooder.is_alive()
