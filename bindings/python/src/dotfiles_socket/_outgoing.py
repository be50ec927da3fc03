"""From what a caller sends to the documents of libsocket_..._send_packed."""

from __future__ import annotations

from ctypes import c_size_t

import msgpack  # type: ignore[import-untyped]

from .core.types import SocketMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Sendable = SocketMessage | dict[str, Any]
    Pack = Callable[[Any], bytes]

# Documents of more bytes are sent without the interpreter's lock, and what
# encoded them is not kept, because its buffer has grown.
SHORT = 1 << 16


def packer() -> Pack:
    """Make a function that encodes as MessagePack.

    A server or client keeps those that no thread is using in a list: a send
    pops one and appends it afterwards. That costs less than one a thread,
    and a signal handler that sends in the middle of a send gets another.
    """
    pack: Pack = msgpack.Packer().pack
    return pack


def message_row(message: Sendable, event_name: str) -> Any:
    """Return what stands for a message of the event in a document.

    Raises AttributeError or TypeError for what is no message.
    """
    if isinstance(message, dict):
        return message
    milliseconds, iso = message.timestamp_ms, message.timestamp_iso
    if milliseconds is None or iso is None:
        # In a document nil is what the library is to fill in.
        raise TypeError("a field of the message is None")
    code = message.message_type._code
    name = message.event_name
    if name == event_name:
        return code, milliseconds, iso, message.data
    if name is None:
        raise TypeError("a field of the message is None")
    return code, milliseconds, iso, message.data, name


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


def document_of(messages: list[Sendable], event_name: str) -> bytes:
    """Encode messages. Raises whatever msgpack or message_row() raises."""
    rows: Any = messages
    if not {dict}.issuperset(map(type, messages)):
        rows = [message_row(message, event_name) for message in messages]
    return packer()(rows)
