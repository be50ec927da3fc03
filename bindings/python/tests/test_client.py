"""What scripts rely on in clients."""

import logging
from typing import Any

import pytest
from conftest import SOON, Heard, Net, keep_port, take, until

import dotfiles_socket
from dotfiles_socket import (
    MessageError,
    MessageType,
    Status,
    TcpSocketClient,
    UnixSocketClient,
    create_message,
)

NOT_CONNECTED = "^Not connected to server$"

pytestmark = pytest.mark.usefixtures("either_way")


# ---- connect and disconnect


def test_connect_and_disconnect(net: Net) -> None:
    server = net.server()
    client = net.client(server, connect=False)
    assert not client.is_connected()
    assert not client._connected
    client.connect()
    assert client.is_connected()
    assert client._connected
    client.disconnect()
    assert not client.is_connected()
    client.disconnect()
    client.connect()
    assert client.is_connected()


def test_connecting_twice_warns(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    _, client = net.pair()
    with caplog.at_level(logging.WARNING):
        assert client.connect() is None
    [record] = caplog.records
    assert "already connected" in record.getMessage()
    assert record.name == (
        f"dotfiles_socket.implementations.{net.transport}.client"
    )


def test_connect_fails_until_the_server_is_there(net: Net) -> None:
    server = net.server()
    server.stop()
    client = net.client(server, connect=False)
    for _ in range(20):
        with pytest.raises(
            dotfiles_socket.ConnectionError, match=r"^Failed to connect: "
        ) as caught:
            client.connect()
        assert caught.value.__cause__ is not None
        assert caught.value.status == Status.NO_SERVER
        assert not client.is_connected()
    keep_port(server)
    server.start()
    client.connect()
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]


def test_buffered_messages_outlive_disconnect(net: Net) -> None:
    server, client = net.pair()
    for n in range(3):
        server.send({"n": n})
    assert take(client, 1) == [{"n": 0}]
    until(lambda: client.get_buffer_size() == 2)
    client.disconnect()
    assert client.get_buffer_size() == 2
    with pytest.raises(dotfiles_socket.ConnectionError, match=NOT_CONNECTED):
        client.receive(0)
    client.connect()
    server.wait_for_clients(1, SOON)
    server.send({"n": 3})
    assert take(client, 3) == [{"n": n} for n in (1, 2, 3)]


def test_context_manager(net: Net) -> None:
    server = net.server()
    with net.client(server, connect=False) as client:
        assert client.is_connected()
    assert not client.is_connected()
    with server as same:
        assert same is server
    assert not server.is_running()


def test_repr(net: Net) -> None:
    server, client = net.pair()
    assert "'event', running" in repr(server)
    assert "'event', connected" in repr(client)
    client.disconnect()
    server.stop()
    assert "'event', stopped" in repr(server)
    assert "'event', not connected" in repr(client)


# ---- send


def test_send(net: Net) -> None:
    server = net.hooked()
    client = net.client(server)
    info = server.heard.next("connected")
    sent = create_message("event", MessageType.ERROR, {"n": [1, {"a": None}]})
    client.send(sent)
    client.send({"plain": True})
    client.send_many([sent, {"plain": False}])
    got = [server.heard.next("message") for _ in range(4)]
    assert {client_id for client_id, _ in got} == {info.client_id}
    assert [m.data for _, m in got] == [
        sent.data,
        {"plain": True},
        sent.data,
        {"plain": False},
    ]
    assert got[0][1] == sent


def test_send_without_a_connection(net: Net) -> None:
    server = net.server()
    client = net.client(server, connect=False)
    for what in ({}, {"a": object()}):
        with pytest.raises(
            dotfiles_socket.ConnectionError, match=NOT_CONNECTED
        ):
            client.send(what)
    with pytest.raises(dotfiles_socket.ConnectionError, match=NOT_CONNECTED):
        client.send_many([{}])


def test_send_when_the_server_is_gone(net: Net) -> None:
    server, client = net.pair()
    server.stop()

    def send() -> None:
        while True:
            client.send({})

    with pytest.raises(
        dotfiles_socket.ConnectionError,
        match=r"^Not connected to server: client of event .* is not connected",
    ):
        send()


@pytest.mark.parametrize("value", [object(), {1: 2}, 2**64, "\ud800"])
def test_send_what_cannot_be_encoded(net: Net, value: Any) -> None:
    server = net.hooked()
    client = net.client(server)
    server.heard.next("connected")
    for what in (
        {"a": value},
        create_message("event", MessageType.DATA, {"a": value}),
    ):
        with pytest.raises(MessageError, match=r"^Failed to send message: "):
            client.send(what)
        with pytest.raises(MessageError, match=r"^Failed to send message: "):
            client.send_many([what])
    client.send({"n": 1})
    assert server.heard.next("message")[1].data == {"n": 1}


# ---- hooks beside the original's


class Watcher:
    """Puts what the hooks of a client are told into `heard`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.heard = Heard()
        super().__init__(*args, **kwargs)

    def on_connected(self) -> None:
        self.heard.put("connected", None)

    def on_disconnected(self, reason: str) -> None:
        self.heard.put("disconnected", reason)

    def on_lagged(self, missed: int) -> None:
        self.heard.put("lagged", missed)


class WatchingUnix(Watcher, UnixSocketClient):
    pass


class WatchingTcp(Watcher, TcpSocketClient):
    pass


def watching(net: Net) -> type[Any]:
    return WatchingUnix if net.transport == "unix" else WatchingTcp


def test_connection_hooks_are_in_their_place(net: Net) -> None:
    server = net.server()
    client = net.client(server, watching(net), auto_reconnect=False)
    server.wait_for_clients(1, SOON)
    server.send({"n": 1})
    server.stop()
    assert take(client, 1) == [{"n": 1}]
    client.heard.next("connected")
    assert client.heard.rest() == []
    with pytest.raises(dotfiles_socket.ConnectionError):
        client.receive(SOON)
    assert "stopped" in client.heard.next("disconnected")


def test_loss_is_told(
    net: Net,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """sent = received + missed."""
    monkeypatch.setenv("SOCKET__LOG_MESSAGES", "100")
    server = net.server()
    client = net.client(server, watching(net), buffer_size=50)
    server.wait_for_clients(1, SOON)
    blob = bytes(10000)
    for n in range(3000):
        server.send({"n": n, "blob": blob})
    received: list[int] = []
    missed = lagged = 0
    while not received or received[-1] != 2999:
        received.append(client.receive(SOON).data["n"])
    client.heard.next("connected")
    for kind, count in client.heard.rest():
        assert kind == "lagged"
        missed += count
        lagged += 1
    assert missed > 0
    assert len(received) + missed == 3000
    assert received == sorted(received)
    lines = [r for r in caplog.records if "were missed" in r.getMessage()]
    assert len(lines) == lagged
    assert all(r.levelname == "WARNING" for r in lines)


def test_an_exception_in_a_client_hook_is_logged(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    server = net.server()
    client = net.client(server, connect=False)

    def fail() -> None:
        raise ValueError("a bug")

    client.on_connected = fail
    client.connect()
    server.wait_for_clients(1, SOON)
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]
    assert [r.exc_text for r in caplog.records if r.levelname == "ERROR"]


# ---- what the library tells of a client


def test_the_server_knows_the_script(unix: Net) -> None:
    server, _ = unix.pair()
    [info] = server.get_connected_clients()
    assert info.name
    assert not info.name.startswith("python")


def test_a_configured_name_goes_before(
    unix: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__NAME", "viewer")
    server, _ = unix.pair()
    assert server.get_connected_clients()[0].name == "viewer"


@pytest.mark.parametrize("types", [[MessageType.ERROR], ("error",)])
def test_only_some_types(net: Net, types: Any) -> None:
    server = net.server()
    client = net.client(server, types=types)
    server.wait_for_clients(1, SOON)
    for kind in [*MessageType, MessageType.ERROR]:
        server.send(create_message("event", kind, {}))
    got = [client.receive(SOON) for _ in range(2)]
    assert {message.message_type for message in got} == {MessageType.ERROR}


def test_wait_for_server(net: Net) -> None:
    server = net.server()
    server.stop()
    client = net.client(server, wait_for_server=True)
    assert not client.is_connected()
    client.connect()
    with pytest.raises(dotfiles_socket.TimeoutError):
        client.receive(0.05)
    keep_port(server)
    server.start()
    server.wait_for_clients(1, SOON)
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]
    assert client.is_connected()


def test_what_is_logged(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _, client = net.pair()
    client.disconnect()
    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.endswith("client") and record.levelname == "INFO"
    ]
    assert lines == [
        "Connected to the server of 'event'",
        "Disconnected from the server of 'event'",
    ]


def test_a_restart_can_be_announced(net: Net) -> None:
    server = net.server()
    client = net.client(server, watching(net), auto_reconnect=False)
    server.wait_for_clients(1, SOON)
    server.stop(restarting=True)
    with pytest.raises(dotfiles_socket.ConnectionError):
        client.receive(SOON)
    client.heard.next("connected")
    assert "restarting" in client.heard.next("disconnected")
