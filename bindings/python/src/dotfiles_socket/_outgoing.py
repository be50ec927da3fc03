"""From what a caller sends to the documents of libsocket_..._send_packed."""

from __future__ import annotations

import time
from ctypes import byref, c_size_t

import msgpack  # type: ignore[import-untyped]

from ._errors import TIMEOUT
from ._lib import addresses
from .core.exceptions import BadMessageError, SocketError
from .core.types import MessageType, SocketMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Sendable = SocketMessage | Mapping[str, Any]
    Pack = Callable[[Any], bytes]
    Send = Callable[..., int | None]

# Documents of more bytes are sent without the interpreter's lock, and what
# encoded them is not kept, because its buffer has grown.
SHORT = 1 << 16

# Messages of one document of send_many(): what of it finds no room is encoded
# again, over and over, whatever the number of all.
TOGETHER = 256

# Seconds of one wait for room inside of the library: signal handlers run
# between two.
SLICE = 0.05


def packer() -> Pack:
    """Make a function that encodes as MessagePack: plain values by the
    accelerator, where there is one."""
    pack: Pack = msgpack.Packer().pack
    try:
        from ._accelerator import pack as pack_plain
    except ImportError:
        return pack

    def either(value: Any) -> bytes:
        document = pack_plain(value)
        return pack(value) if document is None else document

    return either


class Encoder:
    """Encodes the messages of a server or client; `bad` are the words for
    one that cannot be encoded."""

    def __init__(self, event_name: str, bad: str) -> None:
        self.event_name = event_name
        self.bad = bad
        # Those that no thread is using. That costs less than one a thread,
        # and a signal handler that sends in the middle of a send gets
        # another.
        self._packers: list[Pack] = []

    def document(
        self,
        message: Sendable,
        client: int | None = None,
        retain_key: str | None = None,
    ) -> bytes:
        """Return the document of one message. Raises BadMessageError."""
        pack = self._packer()
        try:
            if client is None and retain_key is None:
                row = message_row(message, self.event_name)
            else:
                row = addressed_row(
                    message, self.event_name, client, retain_key
                )
            document = pack((row,))
        except Exception as e:
            raise self.failure(e) from e
        return self._kept(pack, document)

    def together(self, messages: list[Sendable]) -> bytes:
        """Return the document of messages. Raises whatever msgpack or
        message_row() raises."""
        rows: Any = messages
        if not {dict}.issuperset(map(type, messages)):
            rows = [message_row(each, self.event_name) for each in messages]
        pack = self._packer()
        return self._kept(pack, pack(rows))

    def _packer(self) -> Pack:
        try:
            return self._packers.pop()
        except IndexError:
            return packer()

    def _kept(self, pack: Pack, document: bytes) -> bytes:
        if len(document) <= SHORT:
            self._packers.append(pack)
        return document

    def encodable(self, messages: list[Sendable]) -> list[Sendable]:
        """Return those before the first that cannot be encoded."""
        for number, message in enumerate(messages):
            try:
                self.together([message])
            except Exception:
                return messages[:number]
        return messages

    def failure(self, problem: Exception) -> BadMessageError:
        """Return what to raise for a message that has this problem."""
        return BadMessageError(f"{self.bad}: {problem}")


def sender(key: Any, event_name: str, waits: bool, *functions: str) -> Send:
    """Make send(message, client) of a handle: it sends what is usual in one
    step, by those functions of the library, and returns the status. It
    returns None where it leaves that to send_packed(), always where there is
    no accelerator.
    """
    try:
        from ._accelerator import Sender
    except ImportError:
        return _leave
    return Sender(
        handle=key.value,
        event_name=event_name,
        longest=SHORT,
        waits=waits,
        **addresses(*functions),
    ).send


def _leave(*_: object) -> None:
    pass


def message_row(message: Any, event_name: str) -> Any:
    """Return what stands for a message of the event in a document.

    Raises TypeError for what is no message.
    """
    if isinstance(message, dict):  # which may have any attribute, by magic
        return message
    try:
        milliseconds, iso = message.timestamp_ms, message.timestamp_iso
        code = message.message_type._code
    except AttributeError as e:
        return _data_of(message, e)
    if milliseconds is None or iso is None:
        # In a document nil is what the library is to fill in.
        raise TypeError("a field of the message is None")
    name = message.event_name
    if name == event_name:
        return code, milliseconds, iso, message.data
    if name is None:
        raise TypeError("a field of the message is None")
    return code, milliseconds, iso, message.data, name


def _data_of(message: Any, problem: AttributeError) -> dict[str, Any]:
    """Return the data of what is neither a message nor a dict, but like
    one."""
    from collections.abc import Mapping

    if isinstance(message, Mapping):
        return dict(message)
    if isinstance(message, SocketMessage):
        kind = message.message_type
        if isinstance(kind, MessageType):
            raise problem  # it is another attribute
        raise TypeError(f"message_type is {kind!r}, not a MessageType")
    raise TypeError(
        f"a {type(message).__name__} is neither a SocketMessage nor a dict"
    )


def addressed_row(
    message: Sendable,
    event_name: str,
    client: int | None,
    retain_key: str | None,
) -> Any:
    """The same for one client, or to be kept under a key."""
    row = message_row(message, event_name)
    if isinstance(row, dict):
        row = 0, 0, None, row
    name = row[4] if len(row) > 4 else None
    return *row[:4], name, client, retain_key


def size_of(document: bytes) -> Any:
    """Return the size of a document as ctypes takes it: an int is one of C,
    and that costs least."""
    size = len(document)
    return size if size <= SHORT else c_size_t(size)


def no_room(patience: float) -> str:
    """Say what the end of `patience` seconds means."""
    return (
        "Failed to send message: nothing was read at the other side for "
        f"{patience:g} s (send_timeout)"
    )


def go_on(status: int | None, send: Callable[[], int], patience: float) -> int:
    """Send what was left to Python (None), and go on with what found no room
    in the first SLICE of `patience` seconds; return the last status."""
    if status is None:
        status = send()
    if status == TIMEOUT:
        deadline = time.monotonic() + patience - SLICE
        while status == TIMEOUT and time.monotonic() < deadline:
            status = send()
    return status


def send_all(
    send: Callable[[Any, bytes], int],
    messages: list[Any],
    encoder: Encoder,
    patience: float,
    failure: Callable[[int], SocketError],
) -> None:
    """Send messages until one fails, each of which may wait for room as long
    as `patience` says.

    `send` sends a document and stores how many of it were sent. Raises the
    `failure` of its status, or that of the encoder for one that cannot be
    encoded; `sent` of both is how many were sent before.
    """
    total, count = 0, c_size_t()
    deadline: float | None = None
    while True:
        part = messages[total : total + TOGETHER]
        problem: Exception | None = None
        try:
            document = encoder.together(part)
        except Exception as e:
            problem = e
            document = encoder.together(encoder.encodable(part))
        status = send(byref(count), document)
        total += count.value
        if status == TIMEOUT:
            now = time.monotonic()
            if deadline is None or count.value:
                deadline = now + patience - SLICE
            if now < deadline:
                continue
        if status or problem is not None or total >= len(messages):
            break
        deadline = None
    error: SocketError
    if status:
        error, problem = failure(status), None
    elif problem is not None:
        error = encoder.failure(problem)
    else:
        return
    error.sent = total
    raise error from problem
