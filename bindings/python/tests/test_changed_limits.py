"""What is changed on purpose: owners, limits, and what is reported."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import SOON, Net, take, until
from peer import Wire, old_client

import dotfiles_socket
from dotfiles_socket import (
    MaxConnectionsError,
    MessageType,
    SocketError,
    Status,
    create_message,
    get_timestamp_ms,
)

# ---- who owns a name


def test_the_second_server_of_a_name_is_refused(unix: Net) -> None:
    server, client = unix.pair()
    second = unix.server(start=False)
    with pytest.raises(
        SocketError, match=rf"Failed to start server: .*{os.getpid()}"
    ) as caught:
        second.start()
    assert caught.value.status == Status.IN_USE
    second.stop()
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]
    assert net_file(unix).is_socket()


def net_file(net: Net) -> Path:
    return net.directory / "event.sock"


def test_a_stale_socket_is_replaced(unix: Net) -> None:
    unix.directory.mkdir(mode=0o700)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(net_file(unix)))
    stale.close()
    server, client = unix.pair()
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]


def test_only_the_own_file_is_removed(unix: Net) -> None:
    server = unix.server()
    net_file(unix).unlink()
    net_file(unix).write_text("someone else's")
    server.stop()
    assert net_file(unix).read_text() == "someone else's"


def test_a_regular_file_is_not_destroyed(unix: Net) -> None:
    unix.directory.mkdir(mode=0o700)
    net_file(unix).write_text("precious")
    server = unix.server(start=False)
    with pytest.raises(SocketError, match="Failed to start server: "):
        server.start()
    assert net_file(unix).read_text() == "precious"


def test_the_socket_is_never_wider_than_it_may_be(unix: Net) -> None:
    modes = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):
                modes.add(stat.S_IMODE(net_file(unix).stat().st_mode))

    before = os.umask(0)
    try:
        server = unix.server()
        assert stat.S_IMODE(unix.directory.stat().st_mode) == 0o700
        watcher = threading.Thread(target=watch)
        watcher.start()
        for _ in range(200):
            server.stop()
            server.start()
        done.set()
        watcher.join()
    finally:
        os.umask(before)
    assert modes == {0o600}


# ---- limits


def test_allow_client_send_off_is_enforced(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    server = net.hooked(allow_client_send=False)
    client = net.client(server)
    server.heard.next("connected")
    client.send({"n": 1})
    until(lambda: server.get_stats()["refused"] == 1)
    server.send({"n": 2})
    assert take(client, 1) == [{"n": 2}]
    server.stop()
    server.heard.next("disconnected")
    assert server.heard.rest() == []
    assert any("refused a message" in r.getMessage() for r in caplog.records)


def test_a_client_learns_of_max_connections(net: Net) -> None:
    server = net.server(max_connections=2)
    clients = [net.client(server) for _ in range(2)]
    third = net.client(server, connect=False)
    with pytest.raises(MaxConnectionsError, match="Failed to connect: "):
        third.connect()
    with pytest.raises(dotfiles_socket.ConnectionError) as caught:
        third.connect()
    assert caught.value.status == Status.MAX_CONNECTIONS
    assert not third.is_connected()
    clients[0].disconnect()
    until(lambda: len(server.get_connected_clients()) == 1)
    third.connect()
    server.wait_for_clients(2, SOON)
    server.send({"n": 1})
    assert take(third, 1) == take(clients[1], 1) == [{"n": 1}]


def test_a_length_beyond_max_message_size_ends_the_connection(
    net: Net,
) -> None:
    server = net.hooked()
    wire = old_client(net, server)
    info = server.heard.next("connected")
    wire.socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert wire.receive() is None
    assert server.heard.next("disconnected") == info.client_id


# ---- what is reported


def test_the_configured_timezone_is_honoured(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__TIMEZONE", "Asia/Kathmandu")
    server, client = net.pair()
    server.send({})
    assert client.receive(SOON).timestamp_iso.endswith("+05:45")
    message = create_message("event", MessageType.DATA, {}, "Asia/Tokyo")
    assert message.timestamp_iso.endswith("+09:00")


def test_connected_at_and_address_are_real(unix: Net, tcp: Net) -> None:
    before = get_timestamp_ms()
    server, client = unix.pair()
    [info] = server.get_connected_clients()
    assert before <= info.connected_at <= get_timestamp_ms()
    assert (info.pid, info.uid) == (os.getpid(), os.getuid())
    server, client = tcp.pair()
    [info] = server.get_connected_clients()
    host, _, port = info.address.rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) != server.port
    assert client.is_connected()


def test_port_0_is_reported_as_the_real_port(tcp: Net) -> None:
    assert tcp.server(port=0).port >= 1024


def test_ipv6(tcp: Net) -> None:
    server = tcp.server(host="::1")
    client = dotfiles_socket.TcpSocketClient("event", "::1", server.port)
    with client:
        server.wait_for_clients(1, SOON)
        assert server.address == f"[::1]:{server.port}"
        server.send({"n": 1})
        assert take(client, 1) == [{"n": 1}]


OUT_OF_DESCRIPTORS = """
import os, resource, sys
from dotfiles_socket import UnixSocketServer

class Server(UnixSocketServer):
    def on_message_received(self, client_id, message):
        self.send(message, client_id)

server = Server("event", sys.argv[1], max_connections=1000)
server.start()
used = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 5, used + 5))
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_server_out_of_descriptors_goes_on(directory: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OUT_OF_DESCRIPTORS, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        wires = []
        for _ in range(20):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(directory / "event.sock"))
            wires.append(Wire(connection))
        wires[0].send({"n": 1})
        assert wires[0].data(1) == [{"n": 1}]
        for wire in wires[:-1]:
            wire.close()
        wires[-1].send({"n": 2})
        assert wires[-1].data(1) == [{"n": 2}]
        wires[-1].close()
        process.stdin.close()
