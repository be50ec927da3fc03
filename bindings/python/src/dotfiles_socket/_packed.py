"""What the library hands over as MessagePack: documents, and rows in them."""

from __future__ import annotations

from ctypes import POINTER, byref, c_char, c_int, c_size_t, c_void_p

import msgpack  # type: ignore[import-untyped]

from ._dataclass import new
from ._errors import check
from ._lib import addresses, quick
from ._logging import Logger
from .core.types import MessageType, SocketMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterator
    from typing import Any

    # A row as libsocket_server_receive_packed() describes it.
    Row = list[Any]

# Limits of Intake.take(): one row, or as many as the library thinks good.
ONE = 1
MANY = 0

_NOW = c_int(0)

_TYPES = tuple(MessageType)
_logger = Logger("dotfiles_socket")


class Block:
    """The out parameters of a function that stores a block."""

    __slots__ = ("at", "out", "size", "start")

    def __init__(self) -> None:
        # Its value is None while no block is stored.
        self.at = c_void_p()
        self.size = c_size_t()
        self.out = byref(self.at), byref(self.size)
        # The same pointer: a slice of it is bytes, which costs a third of
        # string_at().
        self.start: Any = POINTER(c_char).from_buffer(self.at)

    def clear(self) -> None:
        """Release the block that is stored, if there is one."""
        stored = self.at.value
        self.at.value = None
        quick.free(stored)

    def __del__(self) -> None:
        self.clear()


class PythonTaker:
    """Takes blocks out of a handle, one after the other; accelerated, it is
    the Taker of the accelerator."""

    def __init__(self, key: Any, function: Any) -> None:
        self._function = function
        self._key = key
        self._block = Block()
        # What is in the block, after take() has returned 0.
        self.document: bytes | None = None

    def take(self, limit: int) -> int:
        """Take a block unless there is one; return the library's status."""
        block = self._block
        if block.at.value is None:
            status: int = self._function(
                *block.out, self._key, c_size_t(limit), _NOW
            )
            if status:
                return status
        # No handler runs in the middle of this, but one may have before.
        if block.at.value is not None:
            self.document = block.start[: block.size.value]
        return 0

    def clear(self) -> None:
        """Release the block."""
        self.document = None
        self._block.clear()


def _taker(key: Any, function: str) -> Any:
    """Make what takes blocks out of a handle, by that function of the
    library."""
    try:
        from ._accelerator import Taker
    except ImportError:
        return PythonTaker(key, getattr(quick, function))
    return Taker(handle=key.value, **addresses("free", function))


def _unpacker() -> Callable[[bytes], list[Row]]:
    """Make what decodes an array of rows."""
    try:
        from ._accelerator import unpack
    except ImportError:
        return unpack_rows

    def unpack_quickly(document: bytes) -> list[Row]:
        rows: list[Row] | None = unpack(document)
        return unpack_rows(document) if rows is None else rows

    return unpack_quickly


class Intake:
    """Moves rows from a handle to a deque, one thread at a time.

    A signal handler may raise between any two steps, or call this again:
    what was taken out of the library is then finished by the next call, and
    neither lost nor doubled.
    """

    def __init__(self, key: Any, function: str, target: deque[Row]) -> None:
        self._key = key
        self._function = function
        self._target = target
        self._unpack = _unpacker()
        # How many blocks were finished.
        self._done = 0
        self.forget()

    def forget(self) -> None:
        """Drop what was taken halfway when the process forked: that is for
        the parent to finish."""
        self._taker = _taker(self._key, self._function)
        # The rows of its block, while they are on their way to the target.
        self._rows: Iterator[Row] | None = None

    def take(self, limit: int) -> int:
        """Take what is there; return the library's status."""
        rows = self._rows
        if rows is None:
            taker, done = self._taker, self._done
            status: int = taker.take(limit)
            if status:
                return status
            document = taker.document
            if document is None:
                return 0  # a signal handler took it
            rows = iter(self._unpack(document))
            if self._done != done or self._rows is not None:
                return 0
            self._rows = rows
        # One step, after which the iterator is empty.
        self._target.extend(rows)
        self._taker.clear()
        self._done += 1
        self._rows = None
        return 0


def fetch(function: Any, *arguments: Any) -> Any:
    """Call a function that stores a MessagePack document; decode that."""
    return msgpack.unpackb(_stored(function, *arguments))


def fetch_rows(function: Any, *arguments: Any) -> list[Row]:
    """The same for one that stores rows with data of messages."""
    return unpack_rows(_stored(function, *arguments))


def _stored(function: Any, *arguments: Any) -> bytes:
    block = Block()
    check(function(*block.out, *arguments))
    document: bytes = block.start[: block.size.value]
    return document


def unpack_rows(document: bytes) -> list[Row]:
    """Decode an array of rows with msgpack."""
    try:
        rows: list[Row] = msgpack.unpackb(document, strict_map_key=False)
    except ValueError:
        return list(_unpack_apart(document))
    return rows


def _unpack_apart(document: bytes) -> Iterator[Row]:
    """Decode value by value what cannot be decoded at once: data nested to
    the last level that a message allows is too deep inside of rows, and an
    extension type may be one that msgpack refuses."""
    position = 0

    def reader() -> msgpack.Unpacker:
        unpacker = msgpack.Unpacker(
            strict_map_key=False, max_buffer_size=len(document)
        )
        unpacker.feed(document[position:])
        return unpacker

    unpacker = reader()
    for _ in range(unpacker.read_array_header()):
        row: Row | None = []
        for _ in range(unpacker.read_array_header()):
            before = unpacker.tell()
            try:
                value = unpacker.unpack()
            except ValueError as e:
                _logger.error("Failed to deserialize message: %r", e)
                row = None
                position += before
                unpacker = reader()
                unpacker.skip()
            else:
                if row is not None:
                    row.append(value)
        if row is not None:
            yield row


def message_of(row: Row, event_name: str) -> SocketMessage:
    """Make the message of a MESSAGE row; event_name is the handle's own."""
    _, code, milliseconds, iso, data, _, _, _, name = row
    message = new(SocketMessage)
    message.event_name = event_name if name is None else name
    message.timestamp_ms = milliseconds
    message.timestamp_iso = iso
    message.message_type = _TYPES[code]
    message.data = data
    return message
