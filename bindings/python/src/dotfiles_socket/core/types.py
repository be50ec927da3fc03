"""Messages, clients, event names and timestamps."""

from datetime import datetime, timezone, tzinfo
from enum import Enum
from time import time_ns

from .._dataclass import new
from .exceptions import ValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from dataclasses import dataclass
    from typing import Any

    EVENT_NAME_PATTERN: re.Pattern[str]
else:
    from .._dataclass import dataclass

    Any = object  # for who evaluates annotations

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

EVENT_NAME_MAX_LENGTH = 64

_NAME_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
)


if not TYPE_CHECKING:

    def __getattr__(name):
        # Nothing here needs the pattern, and it needs a large import.
        if name == "EVENT_NAME_PATTERN":
            import re

            pattern = globals()[name] = re.compile(r"[A-Za-z0-9_-]+\Z")
            return pattern
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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

    def __init__(
        self,
        event_name: str,
        timestamp_ms: int,
        timestamp_iso: str,
        message_type: MessageType,
        data: dict[str, Any],
    ) -> None:
        self.event_name = event_name
        self.timestamp_ms = timestamp_ms
        self.timestamp_iso = timestamp_iso
        self.message_type = message_type
        self.data = data

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

    def __init__(
        self, client_id: str, connected_at: int, address: str
    ) -> None:
        self.client_id = client_id
        self.connected_at = connected_at
        self.address = address

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
    if not _NAME_CHARACTERS.issuperset(event_name):
        raise ValidationError(
            f"Invalid event name: {event_name!r}: only letters, digits, "
            "underscore and hyphen"
        )


def get_timestamp_ms() -> int:
    """Return the Unix time in milliseconds."""
    return time_ns() // 1_000_000


def get_timestamp_iso(tz_name: str = "UTC") -> str:
    """Return the time as ISO 8601 in microseconds, in the zone of that IANA
    name. Raises ValidationError for an unknown zone."""
    return create_message("", MessageType.DATA, {}, tz_name).timestamp_iso


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
    now = time_ns()
    try:
        begin, milliseconds, start, ends = _milliseconds[tz_name]
    except KeyError:
        begin = 0
    passed = now - begin
    if not 0 <= passed < 1_000_000:
        begin, milliseconds, start, ends = _format(now, tz_name)
        passed = now - begin
    message = new(SocketMessage)  # which spares a call of its __init__
    message.event_name = event_name
    message.timestamp_ms = milliseconds
    message.timestamp_iso = start + ends[passed // 1000]
    message.message_type = message_type
    message.data = data
    return message


# The last millisecond asked for in each zone: when it began in nanoseconds,
# its number, the text up to it, and the rest of the text for each microsecond
# in it. Formatting a date costs more than packing a message, and dividing a
# large number as much as all else that is done once this is known.
_milliseconds: "dict[str, tuple[int, int, str, list[str]]]" = {}


def _format(
    nanoseconds: int, tz_name: str
) -> "tuple[int, int, str, list[str]]":
    milliseconds = nanoseconds // 1_000_000
    second, fraction = divmod(milliseconds, 1000)
    text = datetime.fromtimestamp(second, zone(tz_name)).isoformat()
    start, offset = text[:19], text[19:]
    if fraction:
        start = f"{start}.{fraction:03d}"
    ends = _ends(offset, fraction == 0)
    last = milliseconds * 1_000_000, milliseconds, start, ends
    _milliseconds[tz_name] = last
    return last


_known_ends: "dict[tuple[str, bool], list[str]]" = {}


def _ends(offset: str, with_fraction: bool) -> "list[str]":
    """Return what follows the millisecond, with the fraction of the second
    where that has not begun: a fraction of 0 is not written."""
    ends = _known_ends.get((offset, with_fraction))
    if ends is None:
        ends = [f"{n:03d}{offset}" for n in range(1000)]
        if with_fraction:
            ends = [offset, *(f".000{end}" for end in ends[1:])]
        _known_ends[offset, with_fraction] = ends
    return ends


def zone(name: str) -> tzinfo:
    """Return the time zone of that IANA name, or raise ValidationError."""
    if name == "UTC":
        return timezone.utc
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError) as e:
        raise ValidationError(f"Unknown time zone: {name!r}") from e
