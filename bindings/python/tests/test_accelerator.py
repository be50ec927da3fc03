"""The accelerator: it sends what ctypes would send, or nothing, and takes
what ctypes would take."""

import gc
import signal
import sys
import sysconfig
from abc import ABC, abstractmethod
from collections import OrderedDict
from pathlib import Path
from random import Random
from types import MappingProxyType, SimpleNamespace
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from conftest import SOON, Net, take, until
from peer import STAMP, OldServer, old_client

from dotfiles_socket import (
    BadMessageError,
    MessageType,
    SocketMessage,
    Status,
    create_message,
)

try:
    from dotfiles_socket._accelerator import Sender, Taker, new, pack, unpack
except ImportError:
    if (Path(sysconfig.get_path("include")) / "Python.h").exists():
        raise
    pytest.skip("this Python has no headers", allow_module_level=True)

LONGEST = 1 << 16
DATA = {
    "none": None,
    "numbers": [0, -1, 2**63, -(2**63), 1.5, True, False],
    "text": "x\u00e9\u4e16\U0001f600",
    "bytes": b"\x00\xff",
    "nested": {"list": [[], {}, [1, [2]]], "tuple": (6, 7)},
}


def message(data: Any = None, **changes: Any) -> SocketMessage:
    """A message of the event, as usual but for the changes."""
    made = SocketMessage(
        "event", *STAMP, MessageType.DATA, DATA if data is None else data
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


class Talkative(SocketMessage):
    """Does something while it is taken apart."""

    says: Any = None

    @property
    def timestamp_iso(self) -> str:
        self.says()
        return STAMP[1]

    @timestamp_iso.setter
    def timestamp_iso(self, _: str) -> None:
        pass


def talkative(says: Any) -> SocketMessage:
    made = Talkative("event", *STAMP, MessageType.DATA, {"who": "outer"})
    made.says = says
    return made


# ---- what it sends


USUAL = {
    "a message": message(),
    "an error": message(message_type=MessageType.ERROR),
    "a control message": message(message_type=MessageType.CONTROL),
    "a moment without a name": message(timestamp_ms=0),
    "before 1970": message(timestamp_ms=-1),
    "a name without a moment": message(timestamp_iso=""),
    "a name in other letters": message(timestamp_iso="M\u00e4rz"),
    "the same name twice": message(event_name="".join(["ev", "ent"])),
    "nothing": message({}),
    "what is long": message({"x": "y" * LONGEST}),
    "the like of a message": SimpleNamespace(**vars(message())),
}


@pytest.mark.parametrize("name", USUAL)
def test_the_same_bytes(
    net: Net, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server = net.server()
    wire = old_client(net, server)
    server.wait_for_clients(1, SOON)
    sent = USUAL[name]
    [info] = server.get_connected_clients()
    number = int(info.client_id.removeprefix("client_"))
    assert server._handle.send(sent) == Status.OK
    assert server._handle.send(sent, number) == Status.OK
    to_all, to_one = wire.frame(), wire.frame()
    monkeypatch.setattr(server._handle, "send", lambda *_: None)
    server.send(sent)
    server.send(sent, info.client_id)
    assert wire.frame() == to_all
    assert wire.frame() == to_one


@pytest.mark.parametrize("name", USUAL)
def test_the_same_bytes_from_a_client(
    net: Net, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with OldServer(net) as server:
        client = net.client(server, connect=False)
        client.connect()
        wire = server.accept()
        assert client._handle.send(USUAL[name]) == Status.OK
        monkeypatch.setattr(client._handle, "send", lambda *_: None)
        client.send(USUAL[name])
        # What comes first is the handshake, which an old server ignores.
        _, quick, full = wire.frame(), wire.frame(), wire.frame()
        assert quick == full


def test_a_dict_is_stamped(net: Net) -> None:
    server, client = net.pair()
    before = create_message("event", MessageType.DATA, {})
    assert server._handle.send(DATA) == Status.OK
    received = client.receive(SOON)
    after = create_message("event", MessageType.DATA, {})
    assert received.data == DATA | {
        "nested": {"list": [[], {}, [1, [2]]], "tuple": [6, 7]}
    }
    assert received.message_type is MessageType.DATA
    assert before.timestamp_ms <= received.timestamp_ms <= after.timestamp_ms
    assert before.timestamp_iso <= received.timestamp_iso


# ---- what it leaves to Python


UNUSUAL = {
    "another event": message(event_name="other"),
    "an event that is no text": message(event_name=5),
    "no event": message(event_name=None),
    "no moment": message(timestamp_ms=None),
    "no name of the moment": message(timestamp_iso=None),
    "a moment that is no int": message(timestamp_ms=1.5),
    "a moment that is a bool": message(timestamp_ms=True),
    "a moment out of range": message(timestamp_ms=2**63),
    "a name with a NUL": message(timestamp_iso="a\0b"),
    "a name that is no text": message(timestamp_iso=b"a"),
    "a name that is not UTF-8": message(timestamp_iso="\ud800"),
    "no type": message(message_type="data"),
    "an unknown type": message(message_type=SimpleNamespace(_code=3)),
    "a type out of range": message(message_type=SimpleNamespace(_code=2**32)),
    "a type that is no int": message(message_type=SimpleNamespace(_code="0")),
    "what cannot be encoded": message({"x": object()}),
    "a subclass in its data": message({"x": OrderedDict(a=1)}),
    "a circle": message(),
    "a dict that cannot be encoded": {"x": {1, 2}},
    "another mapping": MappingProxyType({"a": 1}),
    "a subclass of dict": OrderedDict(a=1),
    "a number": 5,
    "None": None,
}
UNUSUAL["a circle"].data = {}  # type: ignore[attr-defined]
UNUSUAL["a circle"].data["x"] = UNUSUAL["a circle"].data  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", UNUSUAL)
def test_it_leaves_what_is_not_usual(net: Net, name: str) -> None:
    server, client = net.pair()
    for handle in (server._handle, client._handle):
        assert handle.send(UNUSUAL[name]) is None
    server.send({"n": 1})
    assert take(client, 1) == [{"n": 1}]


def test_the_status_is_that_of_the_library(net: Net) -> None:
    server, client = net.pair()
    handle, joined = server._handle, client._handle
    assert handle.send({}, 99) == Status.UNKNOWN_CLIENT
    assert handle.send({5: 1}) == Status.BAD_MESSAGE
    assert handle.send({"x": bytes(20 << 20)}) == Status.TOO_LARGE
    server.stop()
    assert handle.send({}) == Status.BAD_HANDLE
    client.disconnect()
    assert joined.send({}) == Status.BAD_HANDLE


@pytest.mark.parametrize("arguments", [(), ({}, 1, 2)])
def test_how_many_arguments(unix: Net, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"^send\(\) takes 1 or 2 arguments$"):
        unix.server()._handle.send(*arguments)


@pytest.mark.parametrize("client", ["1", -1, 2**64, None])
def test_a_client_is_a_number(unix: Net, client: Any) -> None:
    with pytest.raises((TypeError, OverflowError)):
        unix.server()._handle.send({}, client)


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_name": None},
        {"server_send": 1, "client_send": 0},
        {"client_send": 0},
        {"server_send": 1, "server_send_to": 1},
    ],
)
def test_what_a_sender_needs(wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {
        "handle": 1,
        "event_name": "event",
        "longest": LONGEST,
        "waits": False,
        "client_send": 1,
    }
    arguments.update(wrong)
    if "event_name" in wrong:
        del arguments["event_name"]
    with pytest.raises(TypeError, match=r"^a Sender needs an event_name"):
        Sender(**arguments)


# ---- what it takes


def test_what_was_taken_stays(net: Net) -> None:
    server, client = net.pair()
    taker = client._handle.intake._taker
    assert isinstance(taker, Taker)
    assert taker.document is None
    server.send({"n": 1})
    until(lambda: client.get_buffer_size() == 1)
    while taker.take(1) == Status.OK:
        first = taker.document
        if first is not None and b"\x81\xa1n\x01" in first:
            break
        taker.clear()  # the connection itself
    server.send({"n": 2})
    until(lambda: client.get_buffer_size() == 1)
    assert taker.take(0) == Status.OK
    assert taker.document is first
    assert take(client, 2) == [{"n": 1}, {"n": 2}]
    assert taker.document is None
    assert taker.take(0) == Status.TIMEOUT
    assert taker.document is None
    client.disconnect()
    assert taker.take(0) == Status.BAD_HANDLE


@pytest.mark.parametrize("limit", ["1", -1, 2**64, None])
def test_a_limit_is_a_number(unix: Net, limit: Any) -> None:
    _, client = unix.pair()
    with pytest.raises((TypeError, OverflowError)):
        client._handle.intake._taker.take(limit)


@pytest.mark.parametrize(
    "functions",
    [
        {},
        {"free": 1},
        {"client_receive_packed": 1},
        {"free": 1, "client_receive_packed": 1, "server_receive_packed": 1},
    ],
)
def test_what_a_taker_needs(functions: dict[str, int]) -> None:
    with pytest.raises(TypeError, match=r"^a Taker needs free"):
        Taker(handle=1, **functions)


# ---- making objects


def test_new_objects() -> None:
    made = new(SocketMessage)
    assert type(made) is SocketMessage
    assert vars(made) == {}
    assert new(dict) == {}


def test_new_objects_of_what_refuses() -> None:
    class Refusing:
        def __new__(cls) -> "Refusing":
            raise LookupError

    with pytest.raises(LookupError):
        new(Refusing)
    with pytest.raises(TypeError, match="abstract"):
        new(Abstract)  # type: ignore[type-abstract]
    with pytest.raises(TypeError, match="takes a class"):
        new(5)  # type: ignore[arg-type]


class Abstract(ABC):
    @abstractmethod
    def method(self) -> None: ...


# ---- MessagePack of plain values


PLAIN: dict[str, Any] = {
    "constants": [None, True, False],
    "numbers": [
        sign * (2**bits + more)
        for bits in range(64)
        for more in (-1, 0, 1)
        for sign in (1, -1)
        if -(2**63) <= sign * (2**bits + more) < 2**64
    ],
    "fractions": [0.0, -0.0, 0.1, -1e300, float("inf"), float("-inf")],
    "texts": ["x" * n for n in (0, 1, 31, 32, 255, 256, 65535, 65536)],
    "letters": ["caf\u00e9", "\u4e16", "\U0001f600", "a\0b", "\x7f"],
    "bytes": [bytes(n) for n in (0, 1, 255, 256, 65535, 65536)],
    "lists": [[0] * n for n in (0, 15, 16, 65535, 65536)],
    "tuples": [(0,) * n for n in (0, 15, 16, 65535, 65536)],
    "dicts": [{str(n): n for n in range(k)} for k in (0, 15, 16, 65536)],
    "keys": {letter * n: n for letter in "x\u00e9" for n in range(1, 40)},
    "other keys": {"": 0, b"": 1, b"bytes": 2},
    "equal keys": [{"progress": 1}, {"progress": 2}, {"progresS": 3}] * 2,
    "levels": [[[[[{"a": [{"b": ({},)}]}]]]]],
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_values(name: str) -> None:
    document = msgpack.packb(PLAIN[name])
    assert pack(PLAIN[name]) == document
    unpacked = unpack(document)
    assert unpacked == msgpack.unpackb(document, strict_map_key=False)
    assert repr(unpacked) == repr(msgpack.unpackb(document))  # types as well


def test_a_number_that_is_none() -> None:
    [read] = unpack(pack([float("nan")]) or b"")
    assert read != read


def test_short_floats_are_read() -> None:
    document = msgpack.packb([0.1, -2.5], use_single_float=True)
    assert unpack(document) == msgpack.unpackb(document)


def random_value(random: Random, levels: int) -> Any:
    """Return any plain value."""
    kind = random.randrange(9 if levels else 6)
    if kind == 0:
        return random.choice([None, True, False])
    if kind == 1:
        return random.getrandbits(random.randrange(1, 65))
    if kind == 2:
        return -random.getrandbits(random.randrange(1, 64))
    if kind == 3:
        return random.uniform(-1e9, 1e9)
    if kind == 4:
        return random.randbytes(random.randrange(40))
    if kind == 5:
        return random_text(random)
    length = random.randrange(20)
    if kind == 6:
        return {
            random_text(random): random_value(random, levels - 1)
            for _ in range(length)
        }
    values = [random_value(random, levels - 1) for _ in range(length)]
    return values if kind == 7 else tuple(values)


def random_text(random: Random) -> str:
    letters = random.choice(["ab", "xyz\u00e9\u4e16\U0001f600"])
    return "".join(random.choices(letters, k=random.randrange(40)))


def test_any_plain_value() -> None:
    random = Random(7)  # noqa: S311
    for _ in range(1000):
        value = random_value(random, 3)
        document = msgpack.packb(value)
        assert pack(value) == document
        expected = msgpack.unpackb(document)
        assert expected is None or repr(unpack(document)) == repr(expected)


def test_any_damaged_document() -> None:
    """Its end is missing, or one of its bytes is another: what is read of it
    is what msgpack reads."""
    random = Random(8)  # noqa: S311
    for _ in range(200):
        document = msgpack.packb([random_value(random, 2)])
        for at in range(len(document)):
            assert unpack(document[:at]) is None
        for _ in range(20):
            damaged = bytearray(document)
            damaged[random.randrange(len(damaged))] = random.randrange(256)
            read = unpack(bytes(damaged))
            if read is not None:
                expected = msgpack.unpackb(damaged, strict_map_key=False)
                assert repr(read) == repr(expected)


@pytest.mark.parametrize(
    "value",
    [
        OrderedDict(a=1),
        SimpleNamespace(),
        bytearray(3),
        MessageType.DATA,
        Status.OK,
        "\ud800",
        2**64,
        -(2**63) - 1,
        msgpack.ExtType(5, b"x"),
        msgpack.Timestamp(1, 2),
    ],
    ids=lambda value: f"{type(value).__name__} {value}",
)
def test_what_is_not_plain_is_left(value: Any) -> None:
    for holder in (value, [1, value], {"a": (value,)}):
        assert pack(holder) is None


def test_levels_beyond_are_left() -> None:
    value: Any = 1
    for _ in range(64):
        value = [value]
    assert pack(value) == msgpack.packb(value)
    assert unpack(msgpack.packb(value)) == value
    assert pack([value]) is None
    assert unpack(msgpack.packb([value])) is None
    circle: list[Any] = []
    circle.append(circle)
    assert pack(circle) is None


@pytest.mark.parametrize(
    "document",
    [
        msgpack.packb(msgpack.ExtType(5, b"x")),
        msgpack.packb([msgpack.Timestamp(1, 2)]),
        b"\xc1",
        b"\xa1\xff",
        b"\x81\xa1\xff\x01",
        b"\x81\x90\x01",
        b"\x01\x02",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"",
    ],
    ids=bytes.hex,
)
def test_documents_that_are_left(document: bytes) -> None:
    assert unpack(document) is None


def test_only_bytes_are_unpacked() -> None:
    with pytest.raises(TypeError):
        unpack(bytearray(b"\x01"))  # type: ignore[arg-type]


def test_nothing_is_kept_of_values() -> None:
    """Of documents, some hundred keys are."""
    key, text = "a_key_of_this_test", "".join(["a ", "text"])
    document = msgpack.packb([{key: text, "b": b"x", "c": [1 << 40]}] * 9)
    damaged = document[:-1]
    plain, refused = {key: [text]}, {key: [text, object()]}
    keys = [msgpack.packb([{f"key {n}": n}]) for n in range(4000)]
    for each in [*keys[:2000], document]:
        unpack(each)
    counts = list(map(sys.getrefcount, [key, text, plain, refused]))
    gc.collect()
    blocks = sys.getallocatedblocks()
    for each in keys[2000:]:
        assert unpack(each)
        assert pack(plain)
        assert pack(refused) is None
        assert unpack(document)
        assert unpack(damaged) is None
    assert list(map(sys.getrefcount, [key, text, plain, refused])) == counts
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 100


# ---- what happens meanwhile


def test_a_send_in_the_middle_of_a_send(net: Net) -> None:
    server, client = net.pair()
    server.send(talkative(lambda: server.send({"who": "inner"})))
    assert [d["who"] for d in take(client, 2)] == ["inner", "outer"]


def test_what_a_signal_handler_raises(net: Net) -> None:
    """It is raised, and the message is not sent."""
    server, client = net.pair()
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            server.send(talkative(lambda: signal.raise_signal(signal.SIGUSR1)))
    finally:
        signal.signal(signal.SIGUSR1, before)
    server.send({"who": "next"})
    assert take(client, 1) == [{"who": "next"}]


def test_what_a_signal_handler_raises_while_an_encoder_is_made(
    unix: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no fault of the message."""

    def late(*_: object) -> None:
        raise TimeoutError("late")

    signals: list[signal.Signals] = []

    def packer() -> Any:
        while signals:
            signal.raise_signal(signals.pop())
        return msgpack.Packer().pack

    monkeypatch.setattr("dotfiles_socket._outgoing.packer", packer)
    server = unix.server()
    server._encoder._packers.clear()  # start() has made one
    before = signal.signal(signal.SIGALRM, late)
    signals.append(signal.SIGALRM)
    try:
        with pytest.raises(TimeoutError, match=r"^late$"):
            server.send({"n": OrderedDict()})
    finally:
        signal.signal(signal.SIGALRM, before)
    assert server.get_queue_size() == 0


def test_nothing_is_kept(unix: Net) -> None:
    """Neither of what was sent nor of what was refused."""
    server, client = unix.pair()
    watched: list[Any] = [
        object(),
        "".join(["a long ", "text"]),
        10**15 + 7,
        "".join(["20", "25"]),
        {},
    ]
    refuses, text, number, name, data = watched
    data["text"] = text
    sent = message(data, timestamp_ms=number, timestamp_iso=name)
    refused = [
        message(refuses, timestamp_ms=number, timestamp_iso=name),
        message(data, timestamp_ms=number, timestamp_iso=name, event_name=0),
        message([data, refuses]),
        {"data": data, "refuses": refuses},
    ]
    counts = list(map(sys.getrefcount, [*watched, sent, *refused]))
    for _ in range(1000):
        assert server._handle.send(sent) == Status.OK
        assert server._handle.send({"x": text}) == Status.OK
        assert server._handle.send({5: text}) == Status.BAD_MESSAGE
        for each in refused:
            assert server._handle.send(each) is None
    del each
    assert list(map(sys.getrefcount, [*watched, sent, *refused])) == counts
    take(client, 2000)


def test_a_sender_goes_with_its_handle(unix: Net) -> None:
    gc.collect()  # those of other tests
    kind = sys.getrefcount(Sender)
    servers = [unix.server(event=f"event{n}") for n in range(10)]
    for server in servers:
        server.send({})
        server.stop()
    unix.made.clear()
    del server, servers
    until(lambda: sys.getrefcount(Sender) == kind)


def test_an_error_says_what_it_says_without(net: Net) -> None:
    server, _ = net.pair()
    with pytest.raises(BadMessageError) as quick:
        server.send({"x": {5: 1}})
    server._handle.send = lambda *_: None
    with pytest.raises(BadMessageError) as full:
        server.send({"x": {5: 1}})
    assert str(quick.value) == str(full.value)
