"""What servers keep for newcomers, and what both sides are told."""

from typing import Any

import pytest
from conftest import SOON, Heard, Net, take, until

import dotfiles_socket
from dotfiles_socket import (
    MessageType,
    TcpSocketClient,
    TcpSocketServer,
    UnixSocketClient,
    UnixSocketServer,
    create_message,
)


class Audience:
    """Puts what a server hears of its audience into `heard`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.heard = Heard()
        super().__init__(*args, **kwargs)

    def on_first_client(self, client_id: str) -> None:
        self.heard.put("first", client_id)

    def on_last_client(self, client_id: str) -> None:
        self.heard.put("last", client_id)


class UnixStage(Audience, UnixSocketServer):
    pass


class TcpStage(Audience, TcpSocketServer):
    pass


class Told:
    """Puts what a client is told into `heard`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.heard = Heard()
        super().__init__(*args, **kwargs)

    def on_synced(self) -> None:
        self.heard.put("synced", None)

    def on_refused(self, reason: str) -> None:
        self.heard.put("refused", reason)


class UnixTold(Told, UnixSocketClient):
    pass


class TcpTold(Told, TcpSocketClient):
    pass


def stage(net: Net) -> type[Any]:
    return UnixStage if net.transport == "unix" else TcpStage


def told(net: Net) -> type[Any]:
    return UnixTold if net.transport == "unix" else TcpTold


def test_first_and_last_client(net: Net) -> None:
    server = net.server(stage(net))
    one = net.client(server)
    first = server.heard.next("first")
    two = net.client(server)
    server.wait_for_clients(2, SOON)
    one.disconnect()
    until(lambda: len(server.get_connected_clients()) == 1)
    two.disconnect()
    assert server.heard.next("last") != first
    net.client(server)
    again = server.heard.next("first")
    server.stop()
    assert server.heard.next("last") == again


def test_history_then_synced_then_live(net: Net) -> None:
    server = net.server(history_size=2)
    first = net.client(server)
    for n in range(4):
        server.send({"n": n})
    assert take(first, 4) == [{"n": n} for n in range(4)]
    late = net.client(server, told(net))
    server.send({"n": 4})
    assert take(late, 2) == [{"n": 2}, {"n": 3}]
    assert late.heard.rest() == []
    assert take(late, 1) == [{"n": 4}]
    late.heard.next("synced")


def test_refusal_is_told(net: Net) -> None:
    server = net.server(allow_client_send=False)
    client = net.client(server, told(net))
    server.wait_for_clients(1, SOON)
    client.send({"n": 1})
    # The client hears of it when it receives, some time after the server
    # has counted it.
    until(lambda: server.get_stats()["refused"] == 1)
    while not any(what[0] == "refused" for what in client.heard.rest()):
        server.send({"n": 2})
        assert take(client, 1) == [{"n": 2}]
    client.heard.next("synced")
    assert "allow_client_send" in client.heard.next("refused")


def test_types_and_name(net: Net) -> None:
    server = net.server()
    client = net.client(server, types=[MessageType.ERROR], name="bar")
    server.wait_for_clients(1, SOON)
    assert server.get_connected_clients()[0].name == "bar"
    server.send({"n": 1})
    server.send(create_message("event", MessageType.ERROR, {"n": 2}))
    assert take(client, 1) == [{"n": 2}]


def test_block_times_out(net: Net) -> None:
    server = net.server(
        slow_client="block", send_timeout=0.01, log_messages=5, linger=0
    )
    client = net.client(server, buffer_size=1)
    server.wait_for_clients(1, SOON)
    with pytest.raises(dotfiles_socket.TimeoutError):
        server.send_many({"blob": bytes(1000)} for _ in range(10000))
    client.disconnect()


def test_an_unknown_option_is_a_type_error(net: Net) -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword.*'speed'"):
        net.server(start=False, speed=9)
    with pytest.raises(dotfiles_socket.ValidationError, match="slow_client"):
        net.server(start=False, slow_client="never")
