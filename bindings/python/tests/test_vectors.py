"""The golden vectors: what the original wrote and read, byte for byte.

The library is tested with them by itself; here they go through msgpack and
this package, to and from a raw socket.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from conftest import SOON, Net
from peer import OldServer, Wire, body, frame, old_client

import dotfiles_socket
from dotfiles_socket import MessageError, MessageType, SocketMessage

VECTORS = json.loads(
    (
        Path(__file__).parents[3] / "socket" / "testdata" / "frames.json"
    ).read_text()
)
FRAMES = {vector["name"]: vector for vector in VECTORS["frames"]}
MALFORMED = {vector["name"]: vector for vector in VECTORS["malformed"]}

# What the original wrote and no receiver accepts is refused when it is sent.
REFUSED = {"int_keys", "float_key"}

# Where ours differs from the original on purpose: a body whose five keys have
# values of other types is dropped, because no program can have meant it.
DROPPED_BY_OURS = {
    "event_name_int",
    "event_name_nil",
    "timestamp_ms_str",
    "timestamp_iso_int",
}


def value_of(node: dict[str, Any]) -> Any:
    """The value that a node of the vectors describes."""
    kind, value = node["t"], node.get("v")
    if kind == "nil":
        return None
    if kind == "bool":
        return value
    if kind == "int":
        return int(str(value))
    if kind == "float":
        return struct.unpack(">d", bytes.fromhex(node["bits"]))[0]
    if kind == "str":
        return value if "n" not in node else node["repeat"] * node["n"]
    if kind == "bin":
        if "n" in node:
            return bytes((i * 7 + 3) % 256 for i in range(node["n"]))
        return bytes.fromhex(value or "")
    if kind == "list":
        if "n" in node:
            return [value_of(node["repeat"])] * node["n"]
        return [value_of(item) for item in value or []]
    if kind == "map":
        if "n" in node:
            return {f"k{i}": i for i in range(node["n"])}
        return {value_of(k): value_of(v) for k, v in value or []}
    assert kind == "timestamp", node
    return msgpack.Timestamp(node["s"], node["ns"])


def message_of(vector: dict[str, Any]) -> SocketMessage:
    given = vector["message"]
    data = value_of(given["data"])
    if vector["name"] == "ext":
        # Written down as the pair that it is in Python.
        data = {"v": msgpack.ExtType(*data["v"])}
    return SocketMessage(
        given["event_name"],
        given["timestamp_ms"],
        given["timestamp_iso"],
        MessageType(given["message_type"]),
        data,
    )


def check_frame(written: bytes, vector: dict[str, Any]) -> None:
    assert len(written) == vector["frame_len"]
    assert hashlib.sha256(written).hexdigest() == vector["sha256"]
    if "frame_hex" in vector:
        assert written.hex() == vector["frame_hex"]


def bytes_of(vector: dict[str, Any]) -> bytes:
    """The frame of a vector, built by its rule where it is not given."""
    if "frame_hex" in vector:
        return bytes.fromhex(vector["frame_hex"])
    if vector["name"].startswith("depth_"):
        depth = int(vector["name"].removeprefix("depth_"))
        head = bytes.fromhex(vector["frame_hex_head"])
        event = msgpack.unpackb(
            head[head.index(b"\xb2") : head.index(b"\xb2") + 19]
        )
        content = body(None, event=event)[:-1] + b"\x91" * depth + b"\xc0"
        return frame(content)
    raise AssertionError(vector["name"])


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types; nan is nan."""
    return bool(msgpack.packb(one) == msgpack.packb(other))


# ---- both ways through our server and an old client


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of ours and an old client of it."""
    from conftest import HookedUnix

    net = Net("unix", tmp_path_factory.mktemp("vectors") / "sockets")
    server = net.server(HookedUnix, event="wallpaper_progress")
    wire = old_client(net, server)
    server.heard.next("connected")
    yield server, wire
    wire.close()
    net.end()


@pytest.mark.parametrize("name", sorted(set(FRAMES) - REFUSED))
def test_what_the_server_writes(line: Any, name: str) -> None:
    server, wire = line
    server.send(message_of(FRAMES[name]))
    check_frame(wire.frame(), FRAMES[name])


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_the_server_refuses(line: Any, name: str) -> None:
    server, _ = line
    with pytest.raises(MessageError, match="key"):
        server.send(message_of(FRAMES[name]))


@pytest.mark.parametrize("name", sorted(set(FRAMES) - REFUSED))
def test_what_the_server_reads(line: Any, name: str) -> None:
    server, wire = line
    expected = message_of(FRAMES[name])
    wire.socket.sendall(frame(msgpack.packb(expected.to_dict())))
    _, got = server.heard.next("message")
    assert same(got.to_dict(), expected.to_dict())


@pytest.mark.parametrize(
    "case", VECTORS["encode_errors"], ids=lambda case: case["name"]
)
def test_what_cannot_be_encoded(line: Any, case: dict[str, Any]) -> None:
    from datetime import datetime, timezone

    server, wire = line
    name = case["name"]
    values = {
        "int_2**64": 2**64,
        "int_-2**63-1": -(2**63) - 1,
        "lone_surrogate": "\ud800",
        "set": {1},
        "datetime": datetime(2026, 1, 1, tzinfo=timezone.utc),
        "path": Path("/tmp"),  # noqa: S108
        "object": object(),
    }
    if name in values:
        value = values[name]
    else:
        value = None
        for _ in range(int(name.split("_")[2])):
            value = [value]
    message = SocketMessage(
        "wallpaper_progress", 1, "iso", MessageType.DATA, {"v": value}
    )
    if case["packb"] == "ok":
        server.send(message)
        assert wire.receive() is not None
        return
    # How deep msgpack goes depends on its version; receivers take twice as
    # much.
    if name.startswith("list_depth"):
        return
    with pytest.raises(MessageError, match="Failed to serialize message: "):
        server.send(message)


# ---- both ways through our client and an old server


@pytest.fixture(scope="module")
def other_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of ours and an old server of it."""
    net = Net("unix", tmp_path_factory.mktemp("vectors") / "sockets")
    with OldServer(net, "wallpaper_progress") as server:
        client = net.client(server)
        wire = server.accept()
        yield client, wire
        wire.close()
        net.end()


@pytest.mark.parametrize("name", sorted(set(FRAMES) - REFUSED))
def test_what_the_client_writes(other_line: Any, name: str) -> None:
    client, wire = other_line
    client.send(message_of(FRAMES[name]))
    while b"libsocket" in (written := wire.frame())[:32]:
        pass
    check_frame(written, FRAMES[name])


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_the_client_refuses(other_line: Any, name: str) -> None:
    client, _ = other_line
    with pytest.raises(MessageError, match="key"):
        client.send(message_of(FRAMES[name]))


@pytest.mark.parametrize("name", sorted(set(FRAMES) - REFUSED))
def test_what_the_client_reads(other_line: Any, name: str) -> None:
    client, wire = other_line
    expected = message_of(FRAMES[name])
    wire.socket.sendall(frame(msgpack.packb(expected.to_dict())))
    assert same(client.receive(SOON).to_dict(), expected.to_dict())


# ---- malformed frames


def expected_of(name: str, side: str) -> tuple[int, bool]:
    """How many messages a malformed frame brings, and whether the one after
    it arrives."""
    did = MALFORMED[name]["what_the_original_does"][side]
    count = len(did["messages"])
    return 0 if name in DROPPED_BY_OURS else count, did["marker_received"]


def play(wire: Wire, name: str) -> bool:
    """Send the malformed frame and what follows it; False when the peer has
    closed the connection."""
    wire.socket.sendall(bytes_of(MALFORMED[name]))
    if MALFORMED[name]["then"] == "peer closes":
        wire.close()
        return False
    if MALFORMED[name]["then"] == "peer sends a valid marker frame":
        try:
            wire.send({"marker": True})
        except OSError:
            return False
    return True


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_a_malformed_frame_at_the_server(net: Net, name: str) -> None:
    server = net.hooked(event="event")
    wire = old_client(net, server)
    info = server.heard.next("connected")
    count, marker = expected_of(name, "server_unix")
    play(wire, name)
    for _ in range(count):
        _, got = server.heard.next("message")
        assert got.data != {"marker": True}
    if marker:
        _, got = server.heard.next("message")
        assert got.data == {"marker": True}
        assert server.is_running()
    else:
        # Nothing more can come of the connection: it is closed.
        if MALFORMED[name]["then"] != "peer closes":
            assert wire.receive() is None
        assert server.heard.next("disconnected") == info.client_id


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_a_malformed_frame_at_the_client(net: Net, name: str) -> None:
    with OldServer(net) as server:
        client = net.client(server, auto_reconnect=False)
        wire = server.accept()
        count, marker = expected_of(name, f"client_{net.transport}")
        play(wire, name)
        for _ in range(count):
            assert client.receive(SOON).data != {"marker": True}
        if marker:
            assert client.receive(SOON).data == {"marker": True}
            assert client.is_connected()
        else:
            with pytest.raises(dotfiles_socket.ConnectionError):
                client.receive(SOON)
        wire.close()
