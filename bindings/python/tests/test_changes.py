"""What is changed on purpose: each was a defect of the original.

The tests here and in test_changed_limits.py follow the table in
docs/compatibility.md.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from typing import Any

import pytest
from conftest import SOON, Net, keep_port, take, until
from peer import body, frame, old_client

import dotfiles_socket
from dotfiles_socket import (
    MessageError,
    MessageType,
    TcpSocketServer,
    UnixSocketServer,
    ValidationError,
    create_message,
)


def test_a_dead_client_is_dropped_and_the_others_served(net: Net) -> None:
    server = net.hooked()
    dead, alive = old_client(net, server), net.client(server)
    ids = [server.heard.next("connected").client_id for _ in range(2)]
    # A reset, so that the next write fails.
    dead.socket.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
    )
    dead.close()
    for n in range(100):
        server.send({"n": n})
    assert take(alive, 100) == [{"n": n} for n in range(100)]
    assert server.heard.next("disconnected") in ids
    assert len(server.get_connected_clients()) == 1


def test_50_clients_at_once_are_50_registered(net: Net) -> None:
    server = net.hooked(max_connections=50)
    clients = [net.client(server, connect=False) for _ in range(50)]
    threads = [threading.Thread(target=c.connect) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.wait_for_clients(50, SOON)
    infos = server.get_connected_clients()
    assert len({info.client_id for info in infos}) == 50
    told = {server.heard.next("connected").client_id for _ in range(50)}
    assert told == {info.client_id for info in infos}
    for client in clients:
        client.disconnect()
    gone = {server.heard.next("disconnected") for _ in range(50)}
    assert gone == told
    # An id is never given again.
    net.client(server)
    assert server.heard.next("connected").client_id not in told


def test_auto_reconnect_works_and_the_iterator_goes_on(net: Net) -> None:
    server, client = net.pair()
    messages = client.receive_iter()
    server.send({"run": 1})
    assert next(messages).data == {"run": 1}
    server.stop()
    until(lambda: not client.is_connected())
    keep_port(server)
    with pytest.raises(dotfiles_socket.ConnectionError, match="comes back"):
        client.connect()
    server.start()
    server.wait_for_clients(1, SOON)
    server.send({"run": 2})
    assert next(messages).data == {"run": 2}
    assert client.is_connected()


def test_a_frame_may_pause(net: Net) -> None:
    server = net.hooked()
    wire = old_client(net, server)
    server.heard.next("connected")
    whole = frame(body({"n": 1}))
    wire.socket.sendall(whole[:10])
    time.sleep(0.6)  # what the original did not survive
    wire.socket.sendall(whole[10:])
    wire.send({"n": 2})
    assert server.heard.next("message")[1].data == {"n": 1}
    assert server.heard.next("message")[1].data == {"n": 2}


def test_large_client_sends_are_whole(net: Net) -> None:
    server = net.hooked()
    client = net.client(server)
    server.heard.next("connected")
    blob = os.urandom(8 << 20)
    client.send({"blob": blob})
    assert server.heard.next("message")[1].data == {"blob": blob}


def test_stop_is_immediate_and_clients_see_the_end(net: Net) -> None:
    server = net.hooked()
    wires = [old_client(net, server) for _ in range(8)]
    ids = {server.heard.next("connected").client_id for _ in wires}
    start = time.monotonic()
    server.stop()
    assert time.monotonic() - start < 0.5
    for wire in wires:
        assert wire.receive() is None
    assert {server.heard.next("disconnected") for _ in wires} == ids


def test_the_port_is_free_at_once(tcp: Net) -> None:
    server, _ = tcp.pair()
    server.stop()
    other = tcp.server(event="other", port=server.port)
    assert other.port == server.port


def test_a_reader_that_does_not_read_holds_nobody_up(net: Net) -> None:
    server = net.hooked()
    old_client(net, server)  # never reads
    good = net.client(server)
    server.wait_for_clients(2, SOON)
    got: list[int] = []

    def read() -> None:
        while not got or got[-1] != 1999:
            got.append(good.receive(SOON).data["n"])

    reader = threading.Thread(target=read)
    reader.start()
    blob = bytes(16384)
    start = time.monotonic()
    for n in range(2000):
        server.send({"n": n, "blob": blob})
    spent = time.monotonic() - start
    reader.join(SOON)
    assert got[-1] == 1999
    assert spent < SOON / 4


def test_queue_and_live_messages_do_not_interleave(net: Net) -> None:
    for _ in range(5):
        server = net.server(message_queue_size=2000)
        server.send_many([{"n": n} for n in range(1000)])
        sender = threading.Thread(
            target=lambda s=server: [
                s.send({"n": n}) for n in range(1000, 1500)
            ]
        )
        client = net.client(server)
        sender.start()
        assert take(client, 1500) == [{"n": n} for n in range(1500)]
        sender.join()
        client.disconnect()
        server.stop()


def test_concurrent_client_sends_all_arrive(net: Net) -> None:
    server = net.hooked()
    client = net.client(server)
    server.heard.next("connected")
    threads = [
        threading.Thread(
            target=client.send, args=({"n": n, "blob": bytes(100_000)},)
        )
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    got = {server.heard.next("message")[1].data["n"] for _ in range(40)}
    for thread in threads:
        thread.join()
    assert got == set(range(40))


def test_queued_messages_are_delivered_once(net: Net) -> None:
    server = net.server()
    server.send({"queued": 1})
    first = net.client(server)
    assert take(first, 1) == [{"queued": 1}]
    second = net.client(server)
    first.disconnect()
    server.send({"live": 1})
    assert take(second, 1) == [{"live": 1}]


def test_history_is_for_those_who_ask_for_it(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__HISTORY_SIZE", "2")
    server, _ = net.pair()
    for n in range(5):
        server.send({"n": n})
    assert take(net.client(server), 2) == [{"n": 3}, {"n": 4}]


def test_a_unicast_to_nobody_is_an_error(net: Net) -> None:
    server = net.server()
    with pytest.raises(dotfiles_socket.ConnectionError, match="client_1"):
        server.send({"secret": 1}, "client_1")
    assert server.get_queue_size() == 0


# ---- receiving


def test_receive_is_woken_by_disconnect(net: Net) -> None:
    _, client = net.pair()
    failed: list[str] = []

    def receive() -> None:
        try:
            client.receive(None)
        except dotfiles_socket.ConnectionError as e:
            failed.append(str(e))

    thread = threading.Thread(target=receive)
    thread.start()
    until(lambda: client._waiting == 1)
    client.disconnect()
    thread.join(SOON)
    assert failed == ["Not connected to server"]


def test_no_receiver_times_out_while_another_takes_the_message(
    net: Net,
) -> None:
    server, client = net.pair()
    results: deque[Any] = deque()

    def receive() -> None:
        start = time.monotonic()
        try:
            results.append(client.receive(0.3).data)
        except dotfiles_socket.TimeoutError:
            results.append(time.monotonic() - start)

    threads = [threading.Thread(target=receive) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: client._waiting == 4)
    server.send({"n": 1})
    for thread in threads:
        thread.join(SOON)
    assert {"n": 1} in results
    times = [r for r in results if isinstance(r, float)]
    assert len(times) == 3
    assert min(times) >= 0.3


@pytest.mark.parametrize("way", ["receive", "receive_iter"])
def test_the_end_with_auto_reconnect_off(net: Net, way: str) -> None:
    server = net.server()
    client = net.client(server, auto_reconnect=False)
    server.wait_for_clients(1, SOON)
    for n in range(50):
        server.send({"n": n})
    server.stop()
    until(lambda: not client.is_connected())
    if way == "receive_iter":
        assert [m.data["n"] for m in client.receive_iter()] == list(range(50))
    else:
        assert take(client, 50) == [{"n": n} for n in range(50)]
    with pytest.raises(
        dotfiles_socket.ConnectionError, match=r"^Not connected to server"
    ):
        client.receive()
    keep_port(server)
    server.start()
    client.connect()
    server.wait_for_clients(1, SOON)
    server.send({"n": 50})
    assert take(client, 1) == [{"n": 50}]


# ---- arguments and messages


def test_validation_raises_both_kinds_of_error() -> None:
    for kind in (UnixSocketServer, TcpSocketServer):
        with pytest.raises(ValidationError) as caught:
            kind("a b")
        assert isinstance(caught.value, ValueError)


def test_a_newline_is_no_part_of_an_event_name() -> None:
    with pytest.raises(ValidationError, match="Invalid event name"):
        UnixSocketServer("event\n")


@pytest.mark.parametrize("data", [{1: 2}, {"a": [{None: 1}]}, {"a": {(): 1}}])
def test_map_keys_that_receivers_drop_are_refused(
    net: Net, data: dict[Any, Any]
) -> None:
    server, client = net.pair()
    message = create_message("event", MessageType.DATA, data)
    with pytest.raises(MessageError, match="Failed to serialize message: "):
        server.send(message)
    with pytest.raises(MessageError, match="Failed to send message: "):
        client.send(message)


def test_a_dict_can_be_sent(net: Net) -> None:
    server = net.hooked()
    client = net.client(server)
    server.heard.next("connected")
    client.send({"n": 1})
    server.send({"n": 2})
    got = server.heard.next("message")[1]
    assert (got.message_type, got.data) == (MessageType.DATA, {"n": 1})
    assert client.receive(SOON).data == {"n": 2}
