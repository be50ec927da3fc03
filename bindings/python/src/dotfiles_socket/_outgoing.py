"""From what a caller sends to libsocket_messages."""

from collections.abc import Callable, Sequence
from ctypes import Array, byref
from typing import Any

import msgpack  # type: ignore[import-untyped]

from ._lib import Message
from .core.types import SocketMessage

Sendable = SocketMessage | dict[str, Any]
Pack = Callable[[Any], bytes]

# A message to fill again and again, msgpack's function to encode its data,
# and the reference that a call of the library takes. A server or client keeps
# those that no thread is using in a list: a send pops one and appends it
# afterwards. That costs less than one a thread, and a signal handler that
# sends in the middle of a send gets another.
Outgoing = tuple[Message, Pack, Any]

# One with more bytes of data is not kept, nor are its buffers.
KEPT = 1 << 16


def outgoing() -> Outgoing:
    """Make an Outgoing."""
    message = Message()
    return message, msgpack.Packer().pack, byref(message)


def fill(
    target: Message, message: Sendable, event_name: str, pack: Pack
) -> int:
    """Encode a message of the event, or the data of one that the library is
    to stamp. Return the size of the data.

    Raises whatever msgpack or a field of the message raises.
    """
    if isinstance(message, dict):
        packed = pack(message)
        target.type = 0
        target.event_name = None
        target.timestamp_iso = None
        target.timestamp_ms = 0
    else:
        packed = pack(message.data)
        name = message.event_name
        target.type = message.message_type._code
        target.event_name = None if name == event_name else text(name)
        target.timestamp_iso = text(message.timestamp_iso)
        target.timestamp_ms = message.timestamp_ms
    target.data = packed
    target.data_size = size = len(packed)
    return size


def array_of(messages: Sequence[Sendable], event_name: str) -> Array[Message]:
    """Encode messages for a ..._send_many function."""
    pack = msgpack.Packer().pack
    array = (Message * len(messages))()
    for target, message in zip(array, messages, strict=True):
        fill(target, message, event_name, pack)
    return array


def text(value: str) -> bytes:
    """Encode a string for a field of a message."""
    if "\0" in value:
        raise ValueError("embedded null character")
    return value.encode()
