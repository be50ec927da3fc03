"""How servers send, and what waits in the queue."""

import contextlib
import re
import threading
import time
from types import MappingProxyType
from typing import Any

import pytest
from conftest import SOON, Net, take, until

import dotfiles_socket
from dotfiles_socket import (
    MessageError,
    MessageType,
    SocketError,
    SocketMessage,
    Status,
    UnixSocketServer,
    create_message,
)

pytestmark = pytest.mark.usefixtures("either_way")


def message(data: Any, kind: MessageType = MessageType.DATA) -> SocketMessage:
    return create_message("event", kind, data)


def without(attribute: str) -> SocketMessage:
    made = message({})
    delattr(made, attribute)
    return made


# ---- sending


def test_not_running(net: Net) -> None:
    server = net.server(start=False)
    for what in (message({}), message({"a": object()}), {"a": 1}):
        with pytest.raises(SocketError, match=r"^Server is not running$"):
            server.send(what)
    with pytest.raises(SocketError, match=r"^Server is not running$"):
        server.send_many([{}])
    with pytest.raises(SocketError, match=r"^Server is not running$"):
        server.wait_for_clients()


def test_broadcast(net: Net) -> None:
    server = net.server()
    clients = [net.client(server) for _ in range(5)]
    server.wait_for_clients(5, SOON)
    for kind in MessageType:
        sent = message({"kind": kind.value, "nested": {"l": [1, None]}}, kind)
        server.send(sent)
        assert [c.receive(SOON) for c in clients] == [sent] * 5


def test_unicast(net: Net) -> None:
    server = net.server()
    first, second = net.client(server), net.client(server)
    server.wait_for_clients(2, SOON)
    ids = [info.client_id for info in server.get_connected_clients()]
    server.send(message({"to": 0}), client_id=ids[0])
    server.send({"to": 1}, ids[1])
    server.send({"to": "all"})
    assert take(first, 2) == [{"to": 0}, {"to": "all"}]
    assert take(second, 2) == [{"to": 1}, {"to": "all"}]


@pytest.mark.parametrize("client_id", ["client_5", "nobody", "", "client_x"])
def test_an_unknown_client(net: Net, client_id: str) -> None:
    server, client = net.pair()
    text = f"^Client not connected: {client_id}$"
    with pytest.raises(dotfiles_socket.ConnectionError, match=text):
        server.send({}, client_id)
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"a": object()}, "object"),
        ({"a": {1, 2}}, "set"),
        ({"a": 2**64}, "out of range"),
        ({"a": "\ud800"}, "surrogate"),
        ({"a": {1: 2}}, "key"),
        ({1.5: 2}, "key"),
    ],
)
def test_what_cannot_be_serialised(
    net: Net, data: dict[Any, Any], text: str
) -> None:
    server, client = net.pair()
    for what in (message(data), data):
        with pytest.raises(MessageError, match=text) as caught:
            server.send(what)
        assert str(caught.value).startswith("Failed to serialize message: ")
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]


@pytest.mark.parametrize(
    "what",
    [
        SocketMessage("event", 1, "iso", "data", {}),  # type: ignore[arg-type]
        SocketMessage("event", "1", "iso", MessageType.DATA, {}),  # type: ignore[arg-type]
        SocketMessage("event", 1, None, MessageType.DATA, {}),  # type: ignore[arg-type]
        SocketMessage("a\0b", 1, "iso", MessageType.DATA, {}),
        SocketMessage("event", 1, "i\0o", MessageType.DATA, {}),
        "text",
        None,
    ],
)
def test_what_is_no_message(unix: Net, what: Any) -> None:
    server = unix.server()
    with pytest.raises(MessageError, match="Failed to serialize message: "):
        server.send(what)
    assert server.get_queue_size() == 0


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("text", "a str is neither a SocketMessage nor a dict"),
        (
            SocketMessage("e", 1, "iso", "data", {}),  # type: ignore[arg-type]
            "message_type is 'data', not a MessageType",
        ),
        (without("timestamp_ms"), "no attribute 'timestamp_ms'"),
        (without("message_type"), "no attribute 'message_type'"),
        (without("data"), "no attribute 'data'"),
    ],
)
def test_the_text_names_what_is_no_message(
    unix: Net, what: Any, says: str
) -> None:
    server, client = unix.pair()
    for send in (server.send, client.send):
        with pytest.raises(MessageError, match=says):
            send(what)


def test_what_is_like_a_dict(unix: Net) -> None:
    server, client = unix.pair()
    server.send(MappingProxyType({"n": 1}))
    server.send_many([MappingProxyType({"n": 2}), {"n": 3}])
    assert take(client, 3) == [{"n": 1}, {"n": 2}, {"n": 3}]


class Magic(dict[str, Any]):
    """Has its keys as attributes, and every other attribute too."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name, Magic())


def test_a_dict_with_attributes(unix: Net) -> None:
    server, client = unix.pair()
    # It has all that a message has, and is data all the same.
    whole = Magic(vars(message({"n": 2})), message_type=Magic(_code=0))
    server.send(Magic(n=1))
    server.send(whole)
    server.send_many([Magic(n=3)])
    assert take(client, 3) == [{"n": 1}, whole, {"n": 3}]


@pytest.mark.parametrize("bad", [{"n": object()}, {7: 1}, {"n": 1 << 64}])
def test_send_many_tells_how_many_were_sent(
    net: Net, bad: dict[Any, Any]
) -> None:
    server = net.hooked()
    client = net.client(server)
    server.heard.next("connected")
    many = [{"n": 1}, {"n": 2}, bad, {"n": 4}]
    for send_many in (server.send_many, client.send_many):
        with pytest.raises(MessageError) as caught:
            send_many(many)
        assert caught.value.sent == 2
    assert take(client, 2) == [{"n": 1}, {"n": 2}]
    heard = [server.heard.next("message")[1].data for _ in range(2)]
    assert heard == [{"n": 1}, {"n": 2}]
    server.send({"n": 5})
    assert take(client, 1) == [{"n": 5}]


def test_a_send_waits_for_as_long_as_it_may(unix: Net) -> None:
    """Longer than one wait inside of the library, and no message of many is
    sent twice. The one that cannot be encoded, which it does not come to, is
    not the cause."""
    server = unix.server(slow_client="block", send_timeout=0.2, log_messages=9)
    client = unix.client(server, buffer_size=1)
    server.wait_for_clients(1, SOON)
    many = [{"n": n, "blob": bytes(50_000)} for n in range(200)]
    before = time.monotonic()
    with pytest.raises(
        dotfiles_socket.TimeoutError, match=r"for 0\.2 s"
    ) as caught:
        server.send_many([*many, {"n": object()}])
    assert time.monotonic() - before >= 0.2
    assert caught.value.__cause__ is None
    sent = caught.value.sent
    assert 0 < sent < 200
    received = [row["n"] for row in take(client, sent)]
    assert received == list(range(sent))
    server.send({"n": "last"})
    assert take(client, 1) == [{"n": "last"}]


def test_too_large(unix: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKET__MAX_MESSAGE_SIZE", "2000")
    server, client = unix.pair()
    with pytest.raises(MessageError, match="2000") as caught:
        server.send({"blob": bytes(3000)})
    assert caught.value.status == Status.TOO_LARGE
    server.send({"blob": bytes(1000)})
    assert take(client, 1) == [{"blob": bytes(1000)}]


def test_large_messages(net: Net) -> None:
    server, client = net.pair()
    blob = bytes(range(256)) * 16384
    server.send({"blob": blob})
    assert take(client, 1) == [{"blob": blob}]


def test_a_dict_is_sent_as_data_and_stamped(net: Net) -> None:
    server, client = net.pair()
    before = dotfiles_socket.get_timestamp_ms()
    server.send({"n": 1})
    got = client.receive(SOON)
    after = dotfiles_socket.get_timestamp_ms()
    assert got.event_name == "event"
    assert got.message_type is MessageType.DATA
    assert got.data == {"n": 1}
    assert before <= got.timestamp_ms <= after
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00", got.timestamp_iso
    )


def test_a_message_arrives_as_it_was_sent(net: Net) -> None:
    server, client = net.pair()
    sent = [
        SocketMessage("other event!", -5, "yesterday", MessageType.ERROR, {}),
        SocketMessage("event", 0, "then", MessageType.CONTROL, {"": None}),
        SocketMessage("é🎉", 2**53, "é🎉", MessageType.DATA, {"k": [{}]}),
    ]
    for each in sent:
        server.send(each)
    server.send({"after": "a full message"})
    assert [client.receive(SOON) for _ in sent] == sent
    plain = client.receive(SOON)
    assert plain.event_name == "event"
    assert plain.timestamp_ms > 0


def test_send_many(net: Net) -> None:
    server, client = net.pair()
    sent = [message({"n": n}, MessageType.ERROR) for n in range(200)]
    server.send_many(sent)
    server.send_many({"n": n} for n in range(200))
    server.send_many([])
    assert [client.receive(SOON) for _ in sent] == sent
    assert take(client, 200) == [{"n": n} for n in range(200)]
    with pytest.raises(MessageError, match="Failed to serialize message: "):
        server.send_many([{"n": 1}, {"n": object()}])


def test_several_threads_send_at_once(net: Net) -> None:
    server, client = net.pair()

    def send(thread: int) -> None:
        for n in range(200):
            server.send({"thread": thread, "n": n})

    threads = [threading.Thread(target=send, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    got = take(client, 1600)
    for thread in threads:
        thread.join()
    for t in range(8):
        numbers = [d["n"] for d in got if d["thread"] == t]
        assert numbers == list(range(200))


def test_retained_messages_reach_who_comes_later(net: Net) -> None:
    server, early = net.pair()
    server.send({"light": "red"}, retain_key="light")
    server.send({"light": "green"}, retain_key="light")
    server.send({"door": "open"}, retain_key="door")
    server.send({"not": "kept"})
    take(early, 4)
    late = net.client(server)
    assert take(late, 2) == [{"light": "green"}, {"door": "open"}]
    with pytest.raises(dotfiles_socket.TimeoutError):
        late.receive(0)


def test_what_is_for_one_client_is_not_retained(net: Net) -> None:
    server, client = net.pair()
    [info] = server.get_connected_clients()
    with pytest.raises(dotfiles_socket.MessageError, match="retain_key"):
        server.send({"n": 1}, info.client_id, retain_key="key")
    server.send({"n": 2}, info.client_id)
    assert take(client, 1) == [{"n": 2}]


# ---- the queue


def test_the_queue_keeps_what_nobody_hears(net: Net) -> None:
    server = net.server()
    for n in range(3):
        server.send({"n": n})
        assert server.get_queue_size() == n + 1
    client = net.client(server)
    assert take(client, 3) == [{"n": n} for n in range(3)]
    assert server.get_queue_size() == 0


def test_the_queue_drops_its_oldest(net: Net) -> None:
    server = net.server(message_queue_size=3)
    for n in range(10):
        server.send({"n": n})
    assert server.get_queue_size() == 3
    client = net.client(server)
    assert take(client, 3) == [{"n": n} for n in (7, 8, 9)]


def test_the_queue_is_bounded_by_100() -> None:
    with UnixSocketServer("event") as server:
        server.send_many([{}] * 250)
        assert server.get_queue_size() == 100


def test_clear_queue(net: Net) -> None:
    server = net.server()
    server.send({})
    server.clear_queue()
    assert server.get_queue_size() == 0
    server.send({"n": 1})
    assert take(net.client(server), 1) == [{"n": 1}]


def test_the_queue_survives_stop_and_start(net: Net) -> None:
    server = net.server()
    sent = [message({"n": n}, MessageType.ERROR) for n in range(3)]
    sent[1].event_name = "another"
    for each in sent:
        server.send(each)
    for _ in range(2):
        server.stop()
        assert server.get_queue_size() == 3
        server.start()
        assert server.get_queue_size() == 3
    server.send({"n": 3})
    client = net.client(server)
    assert [client.receive(SOON) for _ in sent] == sent
    assert take(client, 1) == [{"n": 3}]


def test_what_is_sent_beside_a_stop_is_kept_or_refused(unix: Net) -> None:
    server = unix.server(
        message_queue_size=1_000_000,
        log_messages=1_000_000,
        log_bytes=1 << 28,
    )
    accepted: list[int] = []

    def send() -> None:
        with contextlib.suppress(SocketError):
            while True:
                server.send({"n": 1})
                accepted.append(1)

    for _ in range(20):
        accepted.clear()
        senders = [threading.Thread(target=send) for _ in range(3)]
        for sender in senders:
            sender.start()
        until(lambda: len(accepted) > 100)
        server.stop()
        for sender in senders:
            sender.join()
        assert server.get_queue_size() == len(accepted)
        server.clear_queue()
        server.start()


def test_clear_queue_while_stopped(net: Net) -> None:
    server = net.server()
    server.send({})
    server.stop()
    server.clear_queue()
    assert server.get_queue_size() == 0
    server.start()
    assert server.get_queue_size() == 0
