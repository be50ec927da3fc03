"""Hooks and log lines of servers."""

import logging
import os
import threading
from typing import Any

import pytest
from conftest import SOON, Heard, Net, keep_port, take, until

import dotfiles_socket
from dotfiles_socket import (
    ClientInfo,
    MessageType,
    SocketMessage,
    Status,
    TcpSocketServer,
    UnixSocketServer,
    create_message,
)
from dotfiles_socket._hooks import Events
from dotfiles_socket._lib import (
    EVENT_CONNECTED,
    EVENT_DISCONNECTED,
    EVENT_FIRST_CLIENT,
)


def message(data: Any, kind: MessageType = MessageType.DATA) -> SocketMessage:
    return create_message("event", kind, data)


# ---- hooks


def test_hooks(net: Net) -> None:
    server = net.hooked()
    client = net.client(server)
    info = server.heard.next("connected")
    listed = server.get_connected_clients()[0]
    assert info == listed
    assert info.name
    for known in ("name", "pid", "uid", "gid"):
        assert getattr(info, known) == getattr(listed, known)
    if net.transport == "unix":
        assert (info.pid, info.uid) == (os.getpid(), os.getuid())
    sent = message({"hello": 1}, MessageType.CONTROL)
    client.send(sent)
    assert server.heard.next("message") == (info.client_id, sent)
    client.disconnect()
    assert server.heard.next("disconnected") == info.client_id
    assert server.get_connected_clients() == []


def test_messages_of_a_client_are_in_order(net: Net) -> None:
    server = net.hooked()
    clients = [net.client(server) for _ in range(4)]

    def send(client: Any, number: int) -> None:
        for n in range(100):
            client.send({"client": number, "n": n})

    threads = [
        threading.Thread(target=send, args=(client, number))
        for number, client in enumerate(clients)
    ]
    for _ in clients:
        server.heard.next("connected")
    for thread in threads:
        thread.start()
    got: dict[str, list[Any]] = {}
    for _ in range(400):
        client_id, received = server.heard.next("message")
        got.setdefault(client_id, []).append(received.data)
    for thread in threads:
        thread.join()
    for data in got.values():
        assert data == [
            {"client": data[0]["client"], "n": n} for n in range(100)
        ]


def test_a_unicast_of_the_connect_hook_arrives_first(net: Net) -> None:
    kind = UnixSocketServer if net.transport == "unix" else TcpSocketServer

    class Greeter(kind):  # type: ignore[misc,valid-type]
        def on_client_connected(self, client_info: ClientInfo) -> None:
            self.send(
                {"welcome": client_info.client_id}, client_info.client_id
            )

    server = net.server(Greeter)
    server.send({"queued": 1})
    server.send({"queued": 2})
    client = net.client(server)
    assert take(client, 3)[1:] == [{"queued": 1}, {"queued": 2}]
    other = net.client(server)
    server.wait_for_clients(2, SOON)
    assert list(other.receive(SOON).data) == ["welcome"]


def test_hooks_are_looked_up_at_call_time(net: Net) -> None:
    server = net.server()
    heard = Heard()
    server.on_message_received = lambda _, m: heard.put("first", m.data)
    client = net.client(server)
    client.send({"n": 1})
    assert heard.next("first") == {"n": 1}
    server.on_message_received = lambda _, m: heard.put("second", m.data)
    client.send({"n": 2})
    assert heard.next("second") == {"n": 2}


@pytest.mark.parametrize(
    "problem", [ValueError("a bug"), SystemExit(3), KeyboardInterrupt()]
)
def test_an_exception_in_a_hook_is_logged_and_changes_nothing(
    net: Net, caplog: pytest.LogCaptureFixture, problem: BaseException
) -> None:
    server = net.hooked(start=False)
    heard = server.heard

    def fail(*_: object) -> None:
        heard.put("called")
        raise problem

    server.on_client_connected = fail
    server.on_message_received = fail
    server.on_client_disconnected = fail
    server.start()
    client = net.client(server)
    client.send({})
    client.send({})
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]
    for _ in range(3):
        heard.next("called")
    client.disconnect()
    heard.next("called")
    server.stop()
    errors = [r for r in caplog.records if r.levelname == "ERROR"]
    assert [r.exc_info[1] for r in errors if r.exc_info] == [problem] * 4
    assert errors[0].name.endswith(f"{net.transport}.server")


def test_any_method_may_be_called_in_a_hook(net: Net) -> None:
    server = net.hooked(start=False)
    heard = server.heard

    def connected(_: ClientInfo) -> None:
        heard.put("clients", server.get_connected_clients())
        heard.put("running", server.is_running())
        server.send({"all": 1})
        heard.put("queue", server.get_queue_size())
        server.clear_queue()
        server.start()

    server.on_client_connected = connected
    server.start()
    client = net.client(server)
    [info] = heard.next("clients")
    assert info.client_id.startswith("client_")
    assert heard.next("running") is True
    assert take(client, 1) == [{"all": 1}]
    assert heard.next("queue") == 0


def test_the_first_hook_finds_a_running_server(net: Net) -> None:
    """However early the first client comes."""
    server = net.hooked()
    client = net.client(server, wait_for_server=True)
    server.heard.next("connected")
    for _ in range(20):
        server.stop()
        server.heard.next("disconnected")
        keep_port(server)
        server.on_client_connected = lambda info: server.send(
            {"hello": 1}, info.client_id
        )
        server.start()
        assert take(client, 1) == [{"hello": 1}]


@pytest.mark.parametrize("hook", ["connected", "message", "disconnected"])
def test_stop_inside_a_hook(net: Net, hook: str) -> None:
    server = net.hooked(start=False)
    heard = server.heard

    def stop(*_: object) -> None:
        server.stop()
        heard.put("stopped", server.is_running())

    names = {
        "connected": "on_client_connected",
        "message": "on_message_received",
        "disconnected": "on_client_disconnected",
    }
    setattr(server, names[hook], stop)
    server.start()
    client = net.client(server)
    if hook != "connected":
        heard.next("connected")
    if hook == "message":
        client.send({})
    if hook == "disconnected":
        client.disconnect()
    assert heard.next("stopped") is False
    server.start()
    assert server.is_running()


def test_stop_calls_on_client_disconnected_for_everyone(net: Net) -> None:
    server = net.hooked()
    clients = [net.client(server) for _ in range(8)]
    ids = [server.heard.next("connected").client_id for _ in clients]
    server.stop()
    gone = [server.heard.next("disconnected") for _ in clients]
    assert sorted(gone) == sorted(ids)
    assert server.heard.rest() == []


def test_what_arrived_before_stop_is_heard_also_behind_a_slow_hook(
    net: Net,
) -> None:
    server = net.hooked(start=False)
    heard, entered, leave = server.heard, threading.Event(), threading.Event()
    usual = server.on_message_received

    def slow(client_id: str, got: SocketMessage) -> None:
        entered.set()
        leave.wait(SOON)
        usual(client_id, got)

    server.on_message_received = slow
    server.start()
    client = net.client(server)
    info = heard.next("connected")
    client.send({"n": 0})
    entered.wait(SOON)
    client.send_many([{"n": n} for n in range(1, 50)])
    # What the server answers comes after what it has read.
    until(lambda: server.get_stats()["received"] == 50)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    until(lambda: not server.is_running())
    leave.set()
    stopper.join(SOON)
    got = [heard.next("message")[1].data["n"] for _ in range(50)]
    assert got == list(range(50))
    assert heard.next("disconnected") == info.client_id


def test_stop_waits_for_a_running_hook_at_most_for_linger(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCKET__LINGER", "0.05")
    server = net.hooked(start=False)
    entered, leave = threading.Event(), threading.Event()

    def stuck(_: str) -> None:
        entered.set()
        leave.wait(SOON)

    server.on_client_disconnected = stuck
    server.start()
    client = net.client(server)
    server.heard.next("connected")
    client.disconnect()
    entered.wait(SOON)
    server.stop()
    assert not leave.is_set()
    leave.set()


def test_hooks_of_two_starts_do_not_overlap(net: Net) -> None:
    """Those of the start before go on for longer than stop() waits."""
    server = net.hooked(linger=0.01)
    go_on, at_once, most = threading.Event(), 0, 0
    hear = server.on_client_connected

    def slow(info: Any) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        hear(info)
        assert go_on.wait(SOON)
        at_once -= 1

    server.on_client_connected = slow
    with net.client(server, auto_reconnect=False):
        first = server.heard.next("connected")
        server.stop()
    keep_port(server)
    server.start()
    net.client(server)
    server.wait_for_clients(1, SOON)
    assert server.heard.rest() == []
    go_on.set()
    assert server.heard.next("disconnected") == first.client_id
    server.heard.next("connected")
    assert most == 1


def test_a_server_with_hooks_lives_without_a_reference(unix: Net) -> None:
    heard = Heard()

    class Echo(UnixSocketServer):
        def on_message_received(
            self, client_id: str, message: SocketMessage
        ) -> None:
            self.send(message, client_id)
            if message.data == {"n": 2}:
                self.stop()
                heard.put("stopped")

    Echo("event", unix.directory).start()
    client = dotfiles_socket.UnixSocketClient(
        "event", unix.directory, auto_reconnect=False
    )
    with client:
        client.send({"n": 1})
        assert take(client, 1) == [{"n": 1}]
        client.send({"n": 2})
        assert take(client, 1) == [{"n": 2}]
        heard.next("stopped")


# ---- logging


def test_what_is_logged(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = net.hooked()
    client = net.client(server)
    info = server.heard.next("connected")
    client.disconnect()
    server.heard.next("disconnected")
    server.stop()
    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.endswith("server") and record.levelname == "INFO"
    ]
    assert lines == [
        "Server of 'event' started",
        f"Client connected: {info.client_id}",
        f"Client disconnected: {info.client_id}",
        "Server of 'event' stopped",
    ]


def test_the_librarys_lines_are_there_for_who_debugs(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = net.hooked()
    net.client(server)
    server.heard.next("connected")
    server.stop()
    lines = [record.getMessage() for record in caplog.records]
    assert any("client connected event=event" in line for line in lines)


def test_the_last_client_is_heard_of_also_when_the_close_was_quicker(
    unix: Net,
) -> None:
    """The close takes what had not been taken: here the row that follows."""
    handle = unix.server()._handle
    events = Events(handle, "event", logging.getLogger("test"))
    for kind in (EVENT_CONNECTED, EVENT_FIRST_CLIENT, EVENT_DISCONNECTED):
        events.hook([kind, 0, 0, 0, 0, 7, "", "", 0, 0, 0, 0])
    events.end(Status.CLOSED)
    told = [events.hook(row) for row in events.rows]
    assert told == [("on_last_client", ("client_7",))]
    events.rows.clear()
    events.end(Status.CLOSED)
    assert not events.rows
