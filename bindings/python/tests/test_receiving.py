"""How clients receive, in one thread and in several."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import SOON, Heard, Net, take, until

import dotfiles_socket

NOT_CONNECTED = "^Not connected to server$"

pytestmark = pytest.mark.usefixtures("either_way")


# ---- receive


def test_receive_times_out(unix: Net, tcp: Net) -> None:
    _, client = unix.pair()
    for timeout in (0.01, 0, -1):
        with pytest.raises(
            dotfiles_socket.TimeoutError,
            match=r"^Timeout waiting for message$",
        ):
            client.receive(timeout)
    _, client = tcp.pair()
    for timeout in (0.01, 0, -1):
        with pytest.raises(
            dotfiles_socket.TimeoutError,
            match=f"^No message received within {timeout}s$",
        ):
            client.receive(timeout)


def test_timeout_zero_polls(net: Net) -> None:
    server, client = net.pair()
    server.send_many([{"n": 0}, {"n": 1}])
    assert take(client, 1) == [{"n": 0}]
    wait_buffered(client, 1)
    assert client.receive(0).data == {"n": 1}


def test_the_timeout_is_in_seconds(net: Net) -> None:
    _, client = net.pair()
    start = time.monotonic()
    with pytest.raises(dotfiles_socket.TimeoutError):
        client.receive(timeout=0.2)
    assert 0.2 <= time.monotonic() - start < 2


def test_receive_without_a_connection(net: Net) -> None:
    client = net.client(net.server(), connect=False)
    for timeout in (None, 0, 5):
        with pytest.raises(
            dotfiles_socket.ConnectionError, match=NOT_CONNECTED
        ):
            client.receive(timeout)


def test_receive_iter_without_a_connection(unix: Net, tcp: Net) -> None:
    client = unix.client(unix.server(), connect=False)
    messages = client.receive_iter()
    with pytest.raises(dotfiles_socket.ConnectionError, match=NOT_CONNECTED):
        next(messages)
    client = tcp.client(tcp.server(), connect=False)
    assert list(client.receive_iter()) == []


def test_receive_iter(net: Net) -> None:
    server, client = net.pair()
    server.send_many([{"n": n} for n in range(10)])
    messages = client.receive_iter()
    assert isinstance(messages, Iterator)
    assert [next(messages).data["n"] for _ in range(5)] == list(range(5))
    assert take(client, 1) == [{"n": 5}]
    for n, message in enumerate(client, 6):
        assert message.data == {"n": n}
        if n == 9:
            break


def test_receive_iter_ends_after_disconnect(net: Net) -> None:
    server, client = net.pair()
    server.send_many([{"n": n} for n in range(10)])
    got = []
    for message in client.receive_iter():
        got.append(message.data["n"])
        if len(got) == 3:
            client.disconnect()
    assert got == [0, 1, 2]


def test_an_iterator_does_not_take_from_the_next_connection(net: Net) -> None:
    server, client = net.pair()
    messages = client.receive_iter()
    server.send({"n": 1})
    assert next(messages).data == {"n": 1}
    client.disconnect()
    client.connect()
    assert list(messages) == []


def test_data_types_survive(net: Net) -> None:
    server, client = net.pair()
    data: dict[str, Any] = {
        "none": None,
        "bools": [True, False],
        "ints": [0, -1, 2**63, -(2**63), 2**64 - 1],
        "floats": [0.1, -0.0, float("inf")],
        "text": "日本語 🎉 \0",
        "bytes": b"\0\xff",
        "nested": {"a": {"b": [[], {}]}},
        "": 1,
    }
    server.send(data)
    assert take(client, 1) == [data]


# ---- the buffer


def wait_buffered(client: Any, count: int) -> None:
    until(lambda: client.get_buffer_size() >= count)


def test_the_buffer(net: Net) -> None:
    server, client = net.pair()
    assert client.get_buffer_size() == 0
    server.send_many([{"n": n} for n in range(5)])
    wait_buffered(client, 5)
    take(client, 2)
    assert client.get_buffer_size() == 3
    server.send({"n": 5})
    wait_buffered(client, 4)
    client.clear_buffer()
    assert client.get_buffer_size() == 0
    server.send({"n": 6})
    assert take(client, 1) == [{"n": 6}]


def test_a_full_buffer_loses_nothing(net: Net) -> None:
    server = net.server()
    client = net.client(server, buffer_size=10)
    server.wait_for_clients(1, SOON)
    server.send_many([{"n": n} for n in range(2000)])
    assert take(client, 2000) == [{"n": n} for n in range(2000)]


# ---- several threads


def test_several_threads_receive(net: Net) -> None:
    """Each message goes to one of them, and nobody times out or sleeps
    while there is one."""
    server, client = net.pair()
    got: list[list[int]] = [[] for _ in range(6)]

    def receive(mine: list[int]) -> None:
        try:
            while True:
                mine.append(client.receive(SOON).data["n"])
        except dotfiles_socket.ConnectionError:
            pass

    threads = [threading.Thread(target=receive, args=(m,)) for m in got]
    for thread in threads:
        thread.start()
    for burst in range(50):
        server.send_many([{"n": burst * 20 + n} for n in range(20)])
    until(lambda: sum(map(len, got)) == 1000)
    client.disconnect()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
    assert sorted(n for mine in got for n in mine) == list(range(1000))
    assert all(mine == sorted(mine) for mine in got)


def test_disconnect_wakes_all_receivers(net: Net) -> None:
    _, client = net.pair()
    heard = Heard()

    def receive() -> None:
        try:
            client.receive()
        except dotfiles_socket.ConnectionError as e:
            heard.put("error", str(e))

    def iterate() -> None:
        heard.put("ended", list(client.receive_iter()))

    targets = [receive, receive, iterate]
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    until(lambda: client._waiting == 3)
    client.disconnect()
    for thread in threads:
        thread.join(SOON)
    assert sorted(heard.rest(), key=repr) == [
        ("ended", []),
        ("error", "Not connected to server"),
        ("error", "Not connected to server"),
    ]
