"""Servers and clients on an event loop."""

from __future__ import annotations

import asyncio
import inspect
import random
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvloop
from conftest import SOON, Net, Times

import dotfiles_socket
from dotfiles_socket import (
    SocketMessage,
    SocketType,
    ValidationError,
    _outgoing,
    aio,
)
from dotfiles_socket.aio._loop import Opening

Main = Callable[[], Coroutine[Any, Any, None]]
Run = Callable[[Main], None]


def with_asyncio(main: Main) -> None:
    asyncio.run(asyncio.wait_for(main(), 3 * SOON))


def with_uvloop(main: Main) -> None:
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(main(), 3 * SOON))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def with_trio(main: Main) -> None:
    async def bounded() -> None:
        with anyio.fail_after(3 * SOON):
            await main()

    anyio.run(bounded, backend="trio")


@pytest.fixture(params=[with_asyncio, with_uvloop])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function on a loop."""
    chosen: Run = request.param
    return chosen


@pytest.fixture(params=[with_asyncio, with_uvloop, with_trio])
def run_client(request: pytest.FixtureRequest) -> Run:
    """The same where a client works and a server does not."""
    chosen: Run = request.param
    return chosen


@pytest.fixture(params=["unix", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


class Place:
    """Makes servers and clients that find each other."""

    def __init__(self, transport: str, directory: Path) -> None:
        self.transport = transport
        self.directory = directory

    def server(self, kind: Any = None, **arguments: Any) -> Any:
        if self.transport == "unix":
            arguments["socket_dir"] = self.directory
            return (kind or aio.UnixSocketServer)("event", **arguments)
        arguments["port"] = 0
        return (kind or aio.TcpSocketServer)("event", **arguments)

    def client(self, server: Any, kind: Any = None, **arguments: Any) -> Any:
        if self.transport == "unix":
            arguments["socket_dir"] = self.directory
            return (kind or aio.UnixSocketClient)("event", **arguments)
        arguments["port"] = server.port
        return (kind or aio.TcpSocketClient)("event", **arguments)


@pytest.fixture
def place(transport: str, directory: Path) -> Place:
    return Place(transport, directory)


async def take(client: Any, count: int) -> list[Any]:
    return [(await client.receive(SOON)).data for _ in range(count)]


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0)


# ---- there and back


def test_both_ways(run: Run, place: Place) -> None:
    async def main() -> None:
        async with place.server() as server:
            heard: list[Any] = []

            def answer(client_id: str, message: SocketMessage) -> Any:
                heard.append(message.data)
                return server.send({"answer": message.data}, client_id)

            server.on_message_received = answer
            async with place.client(server) as client:
                await server.wait_for_clients()
                await server.send({"n": 1})
                await server.send_many([{"n": 2}, {"n": 3}])
                assert await take(client, 3) == [{"n": 1}, {"n": 2}, {"n": 3}]
                await client.send({"n": 4})
                await client.send_many([{"n": 5}, {"n": 6}])
                assert await take(client, 3) == [
                    {"answer": {"n": n}} for n in (4, 5, 6)
                ]
                assert heard == [{"n": n} for n in (4, 5, 6)]
                assert client.is_connected()
                assert server.is_running()
                assert len(server.get_connected_clients()) == 1
                assert server.get_stats()["clients"] == 1
                assert server.address
            assert not client.is_connected()
        assert not server.is_running()
        assert server.address is None

    run(main)


def test_iteration_ends_with_the_connection(run: Run, place: Place) -> None:
    async def main() -> None:
        server = place.server()
        await server.start()
        client = place.client(server, auto_reconnect=False)
        await client.connect()
        await server.wait_for_clients()
        await server.send_many([{"n": n} for n in range(1000)])
        await server.stop()
        got = [message.data["n"] async for message in client]
        assert got == list(range(1000))
        with pytest.raises(dotfiles_socket.ConnectionError):
            await client.receive()
        with pytest.raises(dotfiles_socket.ConnectionError):
            async for _ in client:
                pass

    run(main)


def test_disconnect_wakes_every_task(run: Run, place: Place) -> None:
    async def main() -> None:
        async with place.server() as server:
            client = place.client(server)
            await client.connect()

            async def receive() -> str:
                try:
                    await client.receive()
                except dotfiles_socket.ConnectionError as e:
                    return str(e)
                return ""

            async def iterate() -> list[Any]:
                return [message async for message in client]

            waiting = [receive(), receive(), iterate()]
            tasks = [asyncio.ensure_future(each) for each in waiting]
            readable = client._readable
            await until(lambda: len(readable._waiters) == 3)
            await client.disconnect()
            assert await asyncio.gather(*tasks) == [
                "Not connected to server",
                "Not connected to server",
                [],
            ]
            await client.connect()
            await server.wait_for_clients()
            await server.send({"n": 1})
            assert await take(client, 1) == [{"n": 1}]
            await client.disconnect()

    run(main)


def test_timeouts(run: Run, place: Place) -> None:
    async def main() -> None:
        async with place.server() as server, place.client(server) as client:
            for timeout in (0, -1, 0.01):
                with pytest.raises(dotfiles_socket.TimeoutError):
                    await client.receive(timeout)
            start = time.monotonic()
            with pytest.raises(dotfiles_socket.TimeoutError):
                await client.receive(0.2)
            assert 0.2 <= time.monotonic() - start < 5
            await server.wait_for_clients(1, 0)
            with pytest.raises(
                dotfiles_socket.TimeoutError,
                match=r"fewer than 2 clients after 0\.05 s",
            ):
                await server.wait_for_clients(2, 0.05)
            await server.send({"n": 1})
            assert await take(client, 1) == [{"n": 1}]

    run(main)


def test_a_reader_that_hurries_lets_others_run(run: Run, place: Place) -> None:
    async def main() -> None:
        server = place.server(message_queue_size=100_000)
        async with server, place.client(server) as client:
            await server.wait_for_clients()
            turns = 0

            async def other() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            task = asyncio.ensure_future(other())
            await server.send_many([{"n": n} for n in range(10_000)])
            await until(lambda: client.get_buffer_size() >= 1000)
            turns = 0
            await take(client, 10_000)
            assert turns > 10
            task.cancel()

    run(main)


def test_no_thread_but_to_open_and_close(run: Run, place: Place) -> None:
    async def main() -> None:
        async with place.server() as server, place.client(server) as client:
            await server.wait_for_clients()
            threads = set(threading.enumerate())
            for n in range(20):
                await server.send({"n": n})
                assert await take(client, 1) == [{"n": n}]
                await client.send({"n": n})
            assert set(threading.enumerate()) == threads

    run(main)


# ---- what goes wrong


def test_errors_are_those_of_the_others(run: Run, place: Place) -> None:
    async def main() -> None:
        server = place.server(max_connections=1)
        for waits in (server.send({}), server.wait_for_clients()):
            with pytest.raises(dotfiles_socket.ClosedError):
                await waits
        async with server, place.client(server) as client:
            await server.wait_for_clients()
            with pytest.raises(dotfiles_socket.MessageError):
                await server.send({"x": object()})
            with pytest.raises(dotfiles_socket.MessageError):
                await client.send_many([{1: 2}])
            with pytest.raises(dotfiles_socket.UnknownClientError):
                await server.send({}, "client_0")
            with pytest.raises(dotfiles_socket.MaxConnectionsError):
                await place.client(server).connect()
            again = place.server()
            if place.transport == "unix":
                with pytest.raises(dotfiles_socket.InUseError):
                    await again.start()
        with pytest.raises(dotfiles_socket.ConnectionError):
            await client.send({})
        with pytest.raises(dotfiles_socket.NotConnectedError):
            await client.receive(0)

    run(main)


def test_stop_ends_the_wait_for_clients(run: Run, place: Place) -> None:
    async def main() -> None:
        server = place.server()
        await server.start()
        task = asyncio.ensure_future(server.wait_for_clients())
        await until(lambda: server._watchers)
        await server.stop()
        with pytest.raises(dotfiles_socket.ClosedError):
            await task
        await server.stop()
        await server.start()
        await server.stop()

    run(main)


def test_a_connection_without_room_is_waited_for(
    run: Run, directory: Path
) -> None:
    """Without holding up the loop."""

    async def main() -> None:
        arguments: Any = {
            "socket_dir": directory,
            "slow_client": "block",
            "log_bytes": 65536,
        }
        server = aio.UnixSocketServer("event", send_timeout=SOON, **arguments)
        client = aio.UnixSocketClient("event", socket_dir=directory)
        async with server, client:
            await server.wait_for_clients()
            sent = asyncio.ensure_future(
                server.send_many(
                    {"n": n, "x": bytes(999)} for n in range(9999)
                )
            )
            await asyncio.sleep(0.1)
            assert not sent.done()
            got = [data["n"] for data in await take(client, 9999)]
            assert got == list(range(9999))
            await sent
        short = aio.UnixSocketServer("short", send_timeout=0.05, **arguments)
        idle = aio.UnixSocketClient("short", socket_dir=directory)
        async with short, idle:
            await short.wait_for_clients()
            with pytest.raises(
                dotfiles_socket.TimeoutError, match=r"0.05 s \(send_timeout\)"
            ):
                await short.send_many([{"x": bytes(9999)}] * 10_000)

    run(main)


# ---- hooks


class Hooked(aio.UnixSocketServer):
    """Some hooks are coroutines and some are not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.heard: list[Any] = []
        super().__init__(*args, **kwargs)

    async def on_client_connected(self, client_info: Any) -> None:
        await self.send({"hello": client_info.name}, client_info.client_id)
        await asyncio.sleep(0.05)
        self.heard.append("connected")

    def on_message_received(self, _: str, message: Any) -> Any:
        self.heard.append(message.data["n"])
        if message.data["n"] == 1:
            raise ZeroDivisionError
        return asyncio.sleep(0.01)

    async def on_client_disconnected(self, *_: str) -> None:
        self.heard.append("disconnected")

    def on_first_client(self, *_: str) -> None:
        self.heard.append("first")

    async def on_last_client(self, *_: str) -> None:
        self.heard.append("last")


def test_hooks_may_be_coroutines(
    run: Run, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        server = Hooked("event", socket_dir=directory)
        async with server:
            client = aio.UnixSocketClient(
                "event", socket_dir=directory, name="me"
            )
            async with client:
                await server.wait_for_clients()
                await server.send({"n": 1})
                # What the hook sends is first.
                assert await take(client, 2) == [{"hello": "me"}, {"n": 1}]
                await client.send_many([{"n": n} for n in range(5)])
                await until(lambda: 4 in server.heard)
            await until(lambda: "last" in server.heard)
        assert server.heard == [
            "connected",
            "first",
            *range(5),
            "disconnected",
            "last",
        ]

    run(main)
    assert "ZeroDivisionError" in caplog.text


def test_hooks_hear_of_every_client_that_stop_ends(
    run: Run, directory: Path
) -> None:
    async def main() -> None:
        server = Hooked("event", socket_dir=directory)
        await server.start()
        clients = [
            aio.UnixSocketClient("event", socket_dir=directory)
            for _ in range(3)
        ]
        for client in clients:
            await client.connect()
        await until(lambda: server.heard.count("connected") == 3)
        await server.stop()
        assert server.heard.count("disconnected") == 3
        assert server.heard[-1] == "last"
        for client in clients:
            await client.disconnect()

    run(main)


def test_any_method_in_a_hook(run: Run, directory: Path) -> None:
    async def main() -> None:
        done = asyncio.Event()

        class Server(aio.UnixSocketServer):
            async def on_message_received(self, *_: Any) -> None:
                await self.wait_for_clients(2, SOON)
                await self.stop()
                done.set()

        server = Server("event", socket_dir=directory)
        await server.start()
        first = aio.UnixSocketClient("event", socket_dir=directory)
        async with first:
            await first.send({})
            async with aio.UnixSocketClient("event", socket_dir=directory):
                await asyncio.wait_for(done.wait(), SOON)
                assert not server.is_running()

    run(main)


def test_hooks_of_a_client(run_client: Run, unix: Net) -> None:
    server = unix.server()
    heard: list[str] = []

    class Client(aio.UnixSocketClient):
        async def on_connected(self) -> None:
            heard.append("connected")

        def on_synced(self) -> None:
            heard.append("synced")

        async def on_disconnected(self, *_: str) -> None:
            heard.append("disconnected")

    async def main() -> None:
        client = Client(
            "event", socket_dir=unix.directory, auto_reconnect=False
        )
        async with client:
            server.wait_for_clients(1, SOON)
            server.send({"n": 1})
            server.stop()
            assert [m.data async for m in client] == [{"n": 1}]

    run_client(main)
    assert heard == ["connected", "synced", "disconnected"]


# ---- cancellation


def numbers_are(got: list[int], count: int) -> None:
    assert len(got) == len(set(got)), "one was received twice"
    assert got == list(range(count)), "one was lost"


def cancelling(
    net: Net, cancellations: int, receive: Callable[[Any], Awaitable[Any]]
) -> Main:
    """Receive numbered messages while receiving is cancelled at random."""
    server = net.server(slow_client="block", send_timeout=10 * SOON)

    async def main() -> None:
        client = aio.UnixSocketClient("event", socket_dir=net.directory)
        async with client:
            await asyncio.get_running_loop().run_in_executor(
                None, server.wait_for_clients, 1, SOON
            )
            ending = threading.Event()
            sent = 0

            def send() -> None:
                nonlocal sent
                chance = random.Random(1)  # noqa: S311
                while not ending.is_set():
                    burst = chance.choice([1, 1, 2, 5, 50])
                    server.send_many([{"n": sent + n} for n in range(burst)])
                    sent += burst
                    # At any distance, so that cancellations meet every state.
                    time.sleep(chance.choice([0, 0, 0.0001, 0.001]))
                server.send({"n": -1})

            sender = threading.Thread(target=send)
            sender.start()
            got: list[int] = []
            cancelled = 0
            chance = random.Random(2)  # noqa: S311
            while cancelled < cancellations:
                task = asyncio.ensure_future(receive(client))
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                if chance.random() < 0.1:
                    await asyncio.sleep(chance.random() / 1000)
                task.cancel()
                try:
                    got.append((await task).data["n"])
                except asyncio.CancelledError:
                    cancelled += 1
            ending.set()
            while not got or got[-1] >= 0:
                got.append((await client.receive(SOON)).data["n"])
            sender.join()
            numbers_are(got[:-1], sent)

    return main


async def waited_for(client: Any) -> Any:
    return await asyncio.wait_for(client.receive(), SOON)


@pytest.mark.parametrize(
    "receive",
    [
        lambda client: client.receive(),
        lambda client: client.receive(SOON),
        lambda client: client.__anext__(),
        waited_for,
    ],
    ids=["receive", "with a timeout", "async for", "wait_for"],
)
def test_a_cancelled_task_takes_no_message_with_it(
    run: Run, unix: Net, times: Times, receive: Any
) -> None:
    main = cancelling(unix, times(500, 100_000), receive)
    if times(0, 1):
        asyncio.run(main())
    else:
        run(main)


def test_cancelled_where_tasks_compete(
    run: Run, unix: Net, times: Times
) -> None:
    """Each message goes to one of them, and none to one that is gone."""
    rounds = times(200, 20_000)
    server = unix.server(slow_client="block", send_timeout=10 * SOON)

    async def main() -> None:
        client = aio.UnixSocketClient("event", socket_dir=unix.directory)
        got: list[int] = []

        async def receive() -> None:
            got.append((await client.receive()).data["n"])

        async with client:
            await asyncio.get_running_loop().run_in_executor(
                None, server.wait_for_clients, 1, SOON
            )
            chance = random.Random(3)  # noqa: S311
            for n in range(rounds):
                tasks = [asyncio.ensure_future(receive()) for _ in range(5)]
                if chance.random() < 0.7:
                    await until(lambda: len(client._readable._waiters) == 5)  # type: ignore[union-attr]
                server.send({"n": n})
                for task in chance.sample(tasks, 4):
                    await asyncio.sleep(0)
                    task.cancel()
                await until(lambda n=n: len(got) == n + 1)  # type: ignore[misc]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            numbers_are(got, rounds)

    if times(0, 1):
        asyncio.run(main())
    else:
        run(main)


async def cancelled(
    chance: random.Random, work: Coroutine[Any, Any, object]
) -> bool:
    """Cancel the work at some moment; tell whether it was before its end."""
    task = asyncio.ensure_future(work)
    for _ in range(chance.randrange(3)):
        await asyncio.sleep(chance.random() / 500)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


def test_a_cancelled_connect_leaves_no_connection(run: Run, unix: Net) -> None:
    server = unix.server()

    async def main() -> None:
        chance = random.Random(4)  # noqa: S311
        for _ in range(50):
            client = aio.UnixSocketClient("event", socket_dir=unix.directory)
            if await cancelled(chance, client.connect()):
                await until(lambda: not server.get_connected_clients())
                assert not client.is_connected()
            else:
                await client.disconnect()
            await until(lambda: not server.get_connected_clients())

    run(main)


def test_a_cancelled_start_leaves_no_server(run: Run, directory: Path) -> None:
    async def main() -> None:
        chance = random.Random(5)  # noqa: S311
        for n in range(30):
            server = aio.UnixSocketServer(f"event{n}", socket_dir=directory)
            if not await cancelled(chance, server.start()):
                await server.stop()
        await until(lambda: not list(directory.glob("*.sock")))

    run(main)


def test_a_cancelled_attempt_closes_nothing_that_was_open(
    run: Run, directory: Path
) -> None:
    async def main() -> None:
        chance = random.Random(6)  # noqa: S311
        async with (
            aio.UnixSocketServer("event", socket_dir=directory) as server,
            aio.UnixSocketClient("event", socket_dir=directory) as client,
        ):
            for _ in range(50):
                await cancelled(chance, client.connect())
                await cancelled(chance, server.start())
            # Those that were cancelled go on: they are done before this one.
            await client.connect()
            await server.start()
            assert len(server.get_connected_clients()) == 1
            await server.send({"n": 1})
            assert (await client.receive()).data == {"n": 1}

    run(main)


def test_of_two_attempts_both_must_be_cancelled(
    run: Run, directory: Path
) -> None:
    async def main() -> None:
        chance = random.Random(7)  # noqa: S311
        server = aio.UnixSocketServer("event", socket_dir=directory)
        for _ in range(30):
            other = asyncio.ensure_future(cancelled(chance, server.start()))
            alone = await cancelled(chance, server.start())
            if await other and alone:
                await until(lambda: not server.is_running())
            else:
                await until(server.is_running)
            await server.start()
            assert server.is_running()
            await server.stop()

    run(main)


# ---- other loops


def test_a_client_under_trio_and_the_others(
    run_client: Run, unix: Net
) -> None:
    server = unix.hooked()

    async def main() -> None:
        client = aio.create_client("unix", "event", socket_dir=unix.directory)
        with pytest.raises(dotfiles_socket.TimeoutError):
            async with client:
                await client.receive(0.01)
        async with client:
            assert client.is_connected()
            server.wait_for_clients(1, SOON)
            server.send({"n": -1})
            assert await take(client, 1) == [{"n": -1}]
            got: list[int] = []

            async def receive() -> None:
                while True:
                    n = (await client.receive()).data["n"]
                    if n < 0:
                        return
                    got.append(n)

            async def send() -> None:
                for n in range(0, 1000, 100):
                    server.send_many([{"n": n + m} for m in range(100)])
                    await anyio.sleep(0.001)
                server.send_many([{"n": -1}] * 3)

            async with anyio.create_task_group() as group:
                for task in (receive, receive, receive, send):
                    group.start_soon(task)
            assert sorted(got) == list(range(1000))
            await client.send({"n": 7})
        assert server.heard.next("connected")
        server.stop()

    run_client(main)


def test_a_wait_under_trio_is_cancelled(unix: Net) -> None:
    server = unix.server()

    async def main() -> None:
        client = aio.UnixSocketClient("event", socket_dir=unix.directory)
        async with client:
            with anyio.move_on_after(0.05):
                await client.receive()
            server.wait_for_clients(1, SOON)
            server.send({"n": 1})
            assert await take(client, 1) == [{"n": 1}]
            with anyio.move_on_after(0.05):
                async with client:
                    await client.receive()
        assert not client.is_connected()

    with_trio(main)


def test_one_client_on_one_loop_after_another(unix: Net) -> None:
    server = unix.server()
    client = aio.UnixSocketClient("event", socket_dir=unix.directory)

    async def first() -> None:
        await client.connect()
        server.wait_for_clients(1, SOON)
        with pytest.raises(dotfiles_socket.TimeoutError):
            await client.receive(0.01)

    async def second() -> None:
        server.send({"n": 1})
        assert await take(client, 1) == [{"n": 1}]
        await client.disconnect()

    asyncio.run(first())
    asyncio.run(second())


# ---- the same words


@pytest.mark.parametrize(
    "name",
    ["UnixSocketServer", "UnixSocketClient", "TcpSocketServer",
     "TcpSocketClient"],
)  # fmt: skip
def test_what_the_other_classes_have_is_there(name: str) -> None:
    other, own = getattr(dotfiles_socket, name), getattr(aio, name)
    theirs = {n for n in dir(other) if not n.startswith("_")}
    # `async for` stands for the one.
    assert theirs - {"receive_iter"} == {
        n for n in dir(own) if not n.startswith("_")
    }
    for each in theirs - {"receive_iter", "event_name", "address", "port"}:
        expected = inspect.signature(getattr(other, each)).parameters
        assert list(inspect.signature(getattr(own, each)).parameters) == list(
            expected
        ), each


def test_the_factories() -> None:
    server = aio.create_server(SocketType.TCP, "event", port=0)
    assert type(server) is aio.TcpSocketServer
    assert server.port is None
    assert type(aio.create_server("UNIX", "event")) is aio.UnixSocketServer
    assert type(aio.create_client("unix", "x")) is aio.UnixSocketClient
    client = aio.create_client("tcp", "event", port=4000)
    assert type(client) is aio.TcpSocketClient
    assert client.event_name == "event"
    assert repr(client).startswith("<aio.TcpSocketClient of 'event', not")
    with pytest.raises(ValidationError):
        aio.create_client("carrier pigeon", "event")
    with pytest.raises(TypeError, match="nonsense"):
        aio.create_client("unix", "event", nonsense=1)  # type: ignore[call-overload]
    with pytest.raises(ValidationError):
        aio.create_server("unix", "not valid!")


# ---- turns


def test_a_sender_that_hurries_lets_others_run(run: Run, place: Place) -> None:
    async def main() -> None:
        async with place.server() as server:
            ran: list[int] = []

            async def other() -> None:
                ran.append(1)

            task = asyncio.create_task(other())
            for _ in range(1000):
                await server.send({})
            assert ran
            await task

    run(main)


@pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="Python 3.10 does not tell who was cancelled",
)
def test_a_hook_whose_task_is_cancelled_changes_nothing_else(
    run: Run, place: Place
) -> None:
    async def main() -> None:
        async with place.server() as server:
            heard: list[Any] = []
            forever = asyncio.create_task(asyncio.sleep(3600))

            async def hear(_: str, message: SocketMessage) -> None:
                heard.append(message.data)
                await forever

            server.on_message_received = hear
            async with place.client(server) as client:
                await client.send({"n": 1})
                await until(lambda: heard)
                forever.cancel()
                await client.send({"n": 2})
                await until(lambda: len(heard) == 2)
                async with place.client(server):
                    await server.wait_for_clients(2, SOON)

    run(main)


def test_two_starts_run_the_hooks_once(run: Run, place: Place) -> None:
    def hook_tasks() -> int:
        return sum("_attend" in repr(task) for task in asyncio.all_tasks())

    async def main() -> None:
        server = place.server()
        await asyncio.gather(server.start(), server.start())
        assert hook_tasks() == 1
        await server.stop()
        assert hook_tasks() == 0

    run(main)


def test_an_attempt_is_undone_before_the_next(run: Run) -> None:
    done: list[str] = []
    opened: list[object] = [None]
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go_on.wait(SOON)
        done.append("opened")
        opened[0] = object()

    def undo() -> None:
        done.append("undone")
        opened[0] = None

    async def main() -> None:
        opening = Opening(work, undo, lambda: opened[0])
        first = asyncio.create_task(opening.attempt())
        await until(begun.is_set)
        first.cancel()
        await asyncio.wait({first})
        second = asyncio.create_task(opening.attempt())
        go_on.set()
        await second
        assert done == ["opened", "undone", "opened"]

    run(main)


def test_send_many_tells_how_many_were_sent(run: Run, place: Place) -> None:
    async def main() -> None:
        async with place.server() as server, place.client(server) as client:
            many = [{"n": 1}, {"n": 2}, {"n": object()}]
            for side in (server, client):
                with pytest.raises(dotfiles_socket.MessageError) as caught:
                    await side.send_many(many)
                assert caught.value.sent == 2

    run(main)


def test_what_finds_no_room_is_sent_part_by_part(
    run: Run, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each message may wait as long as send_timeout, and what is encoded
    again holds up the loop no longer when there are more."""
    encoded = []
    encode = _outgoing.Encoder.together

    def together(encoder: _outgoing.Encoder, messages: list[Any]) -> bytes:
        encoded.append(len(messages))
        return encode(encoder, messages)

    monkeypatch.setattr(_outgoing.Encoder, "together", together)
    count = 9999

    async def main() -> None:
        server = aio.UnixSocketServer(
            "event",
            socket_dir=directory,
            slow_client="block",
            log_bytes=65536,
            send_timeout=1,
        )
        client = aio.UnixSocketClient(
            "event", socket_dir=directory, buffer_size=10
        )
        async with server, client:
            await server.wait_for_clients()
            sent = asyncio.ensure_future(
                server.send_many(
                    {"n": n, "x": bytes(999)} for n in range(count)
                )
            )
            got: list[int] = []
            while len(got) < count:
                if len(got) % 600 == 0:
                    await asyncio.sleep(0.1)  # 1.7 s in all
                got.append((await client.receive(SOON)).data["n"])
            assert got == list(range(count))
            await sent

    run(main)
    assert max(encoded) < 1000
