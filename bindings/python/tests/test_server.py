"""Servers from start to stop, and who is connected."""

import logging
import re
import threading
from pathlib import Path

import pytest
from conftest import SOON, Net, take, until

import dotfiles_socket
from dotfiles_socket import (
    ClientInfo,
    SocketError,
    Status,
    SystemCallError,
    ValidationError,
)

# ---- start and stop


def test_start_and_stop(net: Net) -> None:
    server = net.server(start=False)
    assert not server.is_running()
    assert server.address is None
    server.start()
    assert server.is_running()
    assert server._running
    server.stop()
    assert not server.is_running()
    assert server.address is None


def test_starting_twice_warns(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    server = net.server()
    with caplog.at_level(logging.WARNING):
        assert server.start() is None
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "already running" in record.getMessage()
    assert record.name == (
        f"dotfiles_socket.implementations.{net.transport}.server"
    )


def test_stop_is_idempotent_and_restart_is_allowed(net: Net) -> None:
    server = net.server(start=False)
    server.stop()
    for run in range(3):
        server.start()
        client = net.client(server)
        server.wait_for_clients(1, SOON)
        server.send({"run": run})
        server.stop()
        server.stop()
        assert take(client, 1) == [{"run": run}]
        client.disconnect()


def test_the_directory_is_created(unix: Net) -> None:
    deep = unix.directory / "a" / "b"
    server = unix.server(socket_dir=deep)
    assert (deep / "event.sock").is_socket()
    assert server.address == str(deep / "event.sock")
    server.stop()
    assert not (deep / "event.sock").exists()


def test_auto_remove_socket_off_leaves_the_file(unix: Net) -> None:
    server = unix.server(auto_remove_socket=False)
    server.stop()
    assert (unix.directory / "event.sock").exists()
    server.start()
    assert server.is_running()


def test_socket_permissions(unix: Net) -> None:
    unix.server(socket_permissions="0660")
    mode = (unix.directory / "event.sock").stat().st_mode
    assert mode & 0o777 == 0o660


def test_tcp_port(tcp: Net) -> None:
    server = tcp.server(start=False)
    assert server.port is None
    server.start()
    port = server.port
    assert isinstance(port, int)
    assert port > 0
    assert server.address == f"127.0.0.1:{port}"
    assert server._actual_port == port
    server.stop()
    assert server.port == port


def test_tcp_port_from_the_range(tcp: Net) -> None:
    first = tcp.server(port=None)
    second = tcp.server(event="other", port=None)
    assert 9000 <= first.port < second.port <= 9100


def test_start_fails_with_its_cause(unix: Net, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = unix.server(start=False, socket_dir=tmp_path / "file" / "x")
    with pytest.raises(SocketError, match="Failed to start server: ") as e:
        server.start()
    assert type(e.value) is SystemCallError
    assert isinstance(e.value.__cause__, SocketError)
    assert str(e.value.__cause__) in str(e.value)
    assert e.value.status == Status.IO
    assert not server.is_running()


def test_a_port_in_use(tcp: Net) -> None:
    first = tcp.server()
    second = tcp.server(event="other", port=first.port, start=False)
    with pytest.raises(SocketError, match="Failed to start server: ") as e:
        second.start()
    assert e.value.status == Status.IN_USE
    assert str(first.port) in str(e.value)


def test_the_range_exhausted(tcp: Net) -> None:
    first = tcp.server(port=None)
    ends = {"port_range_start": first.port, "port_range_end": first.port}
    second = tcp.server(event="other", port=None, start=False, **ends)
    text = f"No available port in range {first.port}-{first.port}"
    with pytest.raises(SocketError, match=text) as e:
        second.start()
    assert e.value.status == Status.NO_PORT


def test_settings_are_judged_again_at_start(
    unix: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = unix.server(start=False)
    monkeypatch.setenv("SOCKET__BUFFER_SIZE", "-1")
    with pytest.raises(SocketError, match="SOCKET__BUFFER_SIZE") as e:
        server.start()
    assert isinstance(e.value.__cause__, ValidationError)


def test_blocking_mode_runs_until_stop(net: Net) -> None:
    server = net.server(start=False, blocking_mode=True)
    thread = threading.Thread(target=server.start)
    thread.start()
    until(server.is_running)
    client = net.client(server)
    server.wait_for_clients(1, SOON)
    assert thread.is_alive()
    server.send({"n": 1})
    server.stop()
    thread.join(SOON)
    assert not thread.is_alive()
    assert take(client, 1) == [{"n": 1}]


# ---- clients


def test_connected_clients(net: Net) -> None:
    server = net.server()
    assert server.get_connected_clients() == []
    before = dotfiles_socket.get_timestamp_ms()
    clients = [net.client(server) for _ in range(3)]
    server.wait_for_clients(3, SOON)
    infos = server.get_connected_clients()
    assert len({info.client_id for info in infos}) == 3
    for info in infos:
        assert type(info) is ClientInfo
        assert re.fullmatch(r"client_\d+", info.client_id)
        assert (
            before <= info.connected_at <= dotfiles_socket.get_timestamp_ms()
        )
        assert info.address
        if net.transport == "unix":
            assert info.pid > 0
            assert info.uid >= 0
            assert info.gid >= 0
    for client in clients:
        client.disconnect()
    server.stop()
    assert server.get_connected_clients() == []


def test_wait_for_clients_times_out(net: Net) -> None:
    server, _ = net.pair()
    server.wait_for_clients(0)
    server.wait_for_clients(-1, 0)
    server.wait_for_clients(1, 0)
    with pytest.raises(
        dotfiles_socket.TimeoutError,
        match=r"fewer than 2 clients after 0\.01 s",
    ):
        server.wait_for_clients(2, 0.01)


def test_wait_for_clients_ends_with_the_server(net: Net) -> None:
    server = net.server()
    failed: list[BaseException] = []
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        try:
            server.wait_for_clients(1)
        except SocketError as e:
            failed.append(e)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait(SOON)
    server.stop()
    thread.join(SOON)
    assert len(failed) == 1


def test_stats(net: Net) -> None:
    server, client = net.pair()
    server.send({})
    client.receive(SOON)
    stats = server.get_stats()
    assert (stats["clients"], stats["sent"]) == (1, 1)
    server.stop()
    assert server.get_stats() == {}
