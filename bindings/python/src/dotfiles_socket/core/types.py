"""Messages, clients, event names and timestamps."""

import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from enum import Enum
from typing import Any

from .exceptions import ValidationError

__all__ = [
    "EVENT_NAME_MAX_LENGTH",
    "EVENT_NAME_PATTERN",
    "ClientInfo",
    "MessageType",
    "SocketMessage",
    "create_message",
    "get_timestamp_iso",
    "get_timestamp_ms",
    "validate_event_name",
]

EVENT_NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]+\Z")
EVENT_NAME_MAX_LENGTH = 64


class MessageType(Enum):
    """What a message is about; the values are those of the wire."""

    DATA = "data"
    ERROR = "error"
    CONTROL = "control"

    # The number of the type in the C API, on the member because looking a
    # member up in a dict costs a call of Enum.__hash__.
    _code: int


for _code, _member in enumerate(MessageType):
    _member._code = _code


@dataclass
class SocketMessage:
    """One message. Nothing is checked before it is sent.

    timestamp_ms is Unix time in milliseconds, timestamp_iso the same moment
    as ISO 8601 with offset.
    """

    event_name: str
    timestamp_ms: int
    timestamp_iso: str
    message_type: MessageType
    data: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the message as it is on the wire; `data` is not copied."""
        return {
            "event_name": self.event_name,
            "timestamp_ms": self.timestamp_ms,
            "timestamp_iso": self.timestamp_iso,
            "message_type": self.message_type.value,
            "data": self.data,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "SocketMessage":
        """Build a message from to_dict()'s form; other keys are ignored.

        Raises KeyError for a missing key and ValueError for an unknown
        message type.
        """
        return cls(
            data["event_name"],
            data["timestamp_ms"],
            data["timestamp_iso"],
            MessageType(data["message_type"]),
            data["data"],
        )


@dataclass
class ClientInfo:
    """A connected client; connected_at is Unix time in milliseconds.

    `name` is what the client calls itself, "" for an old one. `pid`, `uid`
    and `gid` are what the system says of its process; over TCP it says
    nothing, and they are 0, -1 and -1. Of the messages to all since it
    joined, so many as `delivered` were handed to its connection, it `missed`
    some, and `backlog` wait for it, when this was asked for. In the hook
    on_client_connected they are 0.
    """

    client_id: str
    connected_at: int
    address: str

    # Not annotated, and so no fields: those stay the original's three.
    name = ""
    pid = 0
    uid = -1
    gid = -1
    delivered = 0
    missed = 0
    backlog = 0


def validate_event_name(event_name: str) -> None:
    """Raise ValidationError, a ValueError, unless the name is 1 to 64 of
    A-Z a-z 0-9 _ and -."""
    if not event_name:
        raise ValidationError("Event name cannot be empty")
    if len(event_name) > EVENT_NAME_MAX_LENGTH:
        raise ValidationError(
            f"Event name too long: {len(event_name)} > {EVENT_NAME_MAX_LENGTH}"
        )
    if not EVENT_NAME_PATTERN.match(event_name):
        raise ValidationError(
            f"Invalid event name: {event_name!r}: only letters, digits, "
            "underscore and hyphen"
        )


def get_timestamp_ms() -> int:
    """Return the Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def get_timestamp_iso(tz_name: str = "UTC") -> str:
    """Return the time as ISO 8601 in microseconds, in the zone of that IANA
    name. Raises ValidationError for an unknown zone."""
    return _iso(time.time_ns() // 1000, tz_name)


def create_message(
    event_name: str,
    message_type: MessageType,
    data: dict[str, Any],
    tz_name: str = "UTC",
) -> SocketMessage:
    """Make a message stamped with the current time.

    Neither checks the name nor copies `data`. Raises ValidationError for an
    unknown time zone.
    """
    micros = time.time_ns() // 1000
    return SocketMessage(
        event_name,
        micros // 1000,
        _iso(micros, tz_name),
        message_type,
        data,
    )


# The text before and after the fraction, for the last second asked for in
# each zone: formatting a date costs more than packing a message.
_seconds: dict[str, tuple[int, str, str]] = {}


def _iso(micros: int, tz_name: str) -> str:
    second, fraction = divmod(micros, 1_000_000)
    last = _seconds.get(tz_name)
    if last is None or last[0] != second:
        text = datetime.fromtimestamp(second, zone(tz_name)).isoformat()
        last = _seconds[tz_name] = second, text[:19], text[19:]
    if fraction:
        return f"{last[1]}.{fraction:06d}{last[2]}"
    return last[1] + last[2]


def zone(name: str) -> tzinfo:
    """Return the time zone of that IANA name, or raise ValidationError."""
    if name == "UTC":
        return timezone.utc
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError) as e:
        raise ValidationError(f"Unknown time zone: {name!r}") from e
