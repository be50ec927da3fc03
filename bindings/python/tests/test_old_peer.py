"""Old processes on the same socket, in both directions."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from conftest import SOON, Heard, Net, take
from peer import KEYS, OldServer, Wire, body, frame, old_client

import dotfiles_socket
from dotfiles_socket import MessageType, SocketMessage, create_message


def accepted(net: Net, server: OldServer, **kwargs: Any) -> tuple[Any, Wire]:
    """A client of ours that an old server has accepted."""
    client = net.client(server, **kwargs)
    return client, server.accept()


# ---- an old client of our server


def test_an_old_client_hears_broadcasts_and_unicasts(net: Net) -> None:
    server = net.hooked()
    wire = old_client(net, server)
    info = server.heard.next("connected")
    assert info.name == ""
    sent = [
        create_message("event", kind, {"kind": kind.value, "n": [1, None]})
        for kind in MessageType
    ]
    for each in sent:
        server.send(each)
    server.send({"only": "you"}, info.client_id)
    for each in sent:
        received = wire.receive()
        assert received is not None
        assert list(received) == KEYS
        assert SocketMessage.from_dict(received) == each
    unicast = wire.receive()
    assert unicast is not None
    assert list(unicast)[:5] == KEYS
    assert unicast["data"] == {"only": "you"}


def test_an_old_client_sends(net: Net) -> None:
    server = net.hooked()
    wire = old_client(net, server)
    info = server.heard.next("connected")
    wire.send({"n": 1})
    wire.send({"n": 2}, "control")
    client_id, got = server.heard.next("message")
    assert client_id == info.client_id
    assert got == SocketMessage.from_dict(
        {
            "event_name": "event",
            "timestamp_ms": 1763417982123,
            "timestamp_iso": "2025-11-17T22:19:42.123456+00:00",
            "message_type": "data",
            "data": {"n": 1},
        }
    )
    assert server.heard.next("message")[1].message_type is MessageType.CONTROL


def test_an_old_client_is_given_the_queue(net: Net) -> None:
    server = net.server()
    for n in range(5):
        server.send({"n": n})
    wire = old_client(net, server)
    assert wire.data(5) == [{"n": n} for n in range(5)]


def test_an_old_client_is_told_no_more_than_it_knows(net: Net) -> None:
    """At most one map that it logs and ignores, at the very end, and never
    a message that is not the program's own."""
    server = net.hooked()
    wire = old_client(net, server)
    server.heard.next("connected")
    server.send({"n": 1})
    server.stop()
    assert wire.data(2) == [{"n": 1}, None]
    for ignored in wire.ignored:
        assert "libsocket" in ignored
        assert not set(KEYS) & set(ignored)


def test_old_and_new_clients_of_one_server(net: Net) -> None:
    server = net.server()
    wire = old_client(net, server)
    client = net.client(server)
    server.wait_for_clients(2, SOON)
    server.send_many([{"n": n} for n in range(500)])
    assert wire.data(500) == [{"n": n} for n in range(500)]
    assert take(client, 500) == [{"n": n} for n in range(500)]


def test_an_old_client_that_leaves(net: Net) -> None:
    server = net.hooked()
    wire = old_client(net, server)
    info = server.heard.next("connected")
    wire.close()
    assert server.heard.next("disconnected") == info.client_id


def test_a_frame_in_pieces(net: Net) -> None:
    server = net.hooked()
    wire = old_client(net, server)
    server.heard.next("connected")
    whole = frame(body({"n": 1})) + frame(body({"n": 2}))
    for at in range(0, len(whole), 7):
        wire.socket.sendall(whole[at : at + 7])
    assert server.heard.next("message")[1].data == {"n": 1}
    assert server.heard.next("message")[1].data == {"n": 2}


# ---- our client of an old server


def test_our_client_hears_an_old_server(net: Net) -> None:
    with OldServer(net) as server:
        client, wire = accepted(net, server)
        assert client.is_connected()
        wire.send({"n": 1})
        wire.send({"n": 2}, "error")
        got = client.receive(SOON)
        assert got == SocketMessage(
            "event",
            1763417982123,
            "2025-11-17T22:19:42.123456+00:00",
            MessageType.DATA,
            {"n": 1},
        )
        assert client.receive(SOON).message_type is MessageType.ERROR


def test_our_client_sends_to_an_old_server(net: Net) -> None:
    with OldServer(net) as server:
        client, wire = accepted(net, server)
        sent = create_message("event", MessageType.CONTROL, {"n": [1]})
        client.send(sent)
        received = wire.receive()
        assert received is not None
        assert list(received) == KEYS
        assert SocketMessage.from_dict(received) == sent
        # The hello, which an old server logs and ignores.
        assert [next(iter(i)) for i in wire.ignored] == ["libsocket"]


def test_what_an_old_server_sends_at_once_is_not_missed(net: Net) -> None:
    with OldServer(net) as server:

        def serve() -> None:
            wire = server.accept()
            for n in range(100):
                wire.send({"n": n})

        thread = threading.Thread(target=serve)
        thread.start()
        client = net.client(server)
        assert take(client, 100) == [{"n": n} for n in range(100)]
        thread.join()


@pytest.mark.parametrize("end", ["it is closed", "it stays open"])
def test_an_old_server_that_comes_back(net: Net, end: str) -> None:
    with OldServer(net) as server:
        client, wire = accepted(net, server)
        wire.send({"run": 1})
        assert take(client, 1) == [{"run": 1}]
        # A stopped old server whose process lives leaves the connection
        # open: a client can see it by the file that is gone, or by nothing.
        if end == "it is closed" or net.transport == "tcp":
            wire.close()
    with OldServer(net, port=server.port) as server:
        wire = server.accept()
        wire.send({"run": 2})
        assert take(client, 1) == [{"run": 2}]


def test_an_old_server_that_goes_with_auto_reconnect_off(net: Net) -> None:
    with OldServer(net) as server:
        client, wire = accepted(net, server, auto_reconnect=False)
        wire.send({"n": 1})
        wire.close()
        assert take(client, 1) == [{"n": 1}]
        with pytest.raises(dotfiles_socket.ConnectionError):
            client.receive(SOON)


def test_a_silent_old_server_is_connected(net: Net) -> None:
    heard = Heard()
    with OldServer(net) as server:
        client = net.client(server, connect=False)
        client.on_connected = lambda: heard.put("connected", None)
        client.connect()
        assert client.is_connected()
        server.accept()
        with pytest.raises(dotfiles_socket.TimeoutError):
            client.receive(0.05)
        heard.next("connected")
