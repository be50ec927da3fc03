"""Messages, client infos, event names, timestamps, exceptions."""

import copy
import pickle
import time
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from dotfiles_socket import (
    ClientInfo,
    MessageType,
    SocketMessage,
    SocketType,
    ValidationError,
    create_message,
    get_timestamp_iso,
    get_timestamp_ms,
    validate_event_name,
)
from dotfiles_socket.core import types

MESSAGE = SocketMessage("event", 12, "iso", MessageType.ERROR, {"a": [1]})


def test_message_types() -> None:
    assert [(t.name, t.value) for t in MessageType] == [
        ("DATA", "data"),
        ("ERROR", "error"),
        ("CONTROL", "control"),
    ]
    assert MessageType("data") is MessageType.DATA


def test_socket_types() -> None:
    assert [(t.name, t.value) for t in SocketType] == [
        ("UNIX", "unix"),
        ("TCP", "tcp"),
    ]


def test_message_is_a_dataclass_of_five_positional_fields() -> None:
    assert is_dataclass(SocketMessage)
    assert [f.name for f in fields(SocketMessage)] == [
        "event_name",
        "timestamp_ms",
        "timestamp_iso",
        "message_type",
        "data",
    ]
    assert MESSAGE.data == {"a": [1]}


def test_message_is_compared_by_its_fields_and_mutable() -> None:
    other = SocketMessage("event", 12, "iso", MessageType.ERROR, {"a": [1]})
    assert other == MESSAGE
    other.timestamp_ms = 13
    assert other != MESSAGE
    assert replace(other, timestamp_ms=12) == MESSAGE
    assert "timestamp_ms=12" in repr(MESSAGE)


def test_message_can_be_copied_and_pickled() -> None:
    assert pickle.loads(pickle.dumps(MESSAGE)) == MESSAGE  # noqa: S301
    assert copy.deepcopy(MESSAGE) == MESSAGE


def test_to_dict_has_five_keys_in_order_and_the_same_data() -> None:
    first, second = MESSAGE.to_dict(), MESSAGE.to_dict()
    assert list(first.items()) == [
        ("event_name", "event"),
        ("timestamp_ms", 12),
        ("timestamp_iso", "iso"),
        ("message_type", "error"),
        ("data", {"a": [1]}),
    ]
    assert first is not second
    assert first["data"] is MESSAGE.data


def test_from_dict_reads_to_dict_and_ignores_other_keys() -> None:
    read = SocketMessage.from_dict({**MESSAGE.to_dict(), "extra": 1})
    assert read == MESSAGE


@pytest.mark.parametrize("key", MESSAGE.to_dict())
def test_from_dict_wants_every_key(key: str) -> None:
    given = MESSAGE.to_dict()
    del given[key]
    with pytest.raises(KeyError, match=key):
        SocketMessage.from_dict(given)


def test_from_dict_refuses_an_unknown_type() -> None:
    with pytest.raises(ValueError, match="bogus"):
        SocketMessage.from_dict({**MESSAGE.to_dict(), "message_type": "bogus"})


def test_client_info_has_three_fields() -> None:
    info = ClientInfo("client_1", 1700000000000, "/tmp/event.sock")  # noqa: S108
    assert [f.name for f in fields(ClientInfo)] == [
        "client_id",
        "connected_at",
        "address",
    ]
    assert info == ClientInfo("client_1", 1700000000000, "/tmp/event.sock")  # noqa: S108
    assert (info.name, info.pid, info.uid, info.gid) == ("", 0, -1, -1)


def test_create_message_stamps_now_and_copies_nothing() -> None:
    data = {"a": 1}
    before = time.time_ns() // 1_000_000
    message = create_message("not valid!", MessageType.CONTROL, data)
    after = time.time_ns() // 1_000_000
    assert message.event_name == "not valid!"
    assert message.message_type is MessageType.CONTROL
    assert message.data is data
    assert before <= message.timestamp_ms <= after
    stamp = datetime.fromisoformat(message.timestamp_iso)
    assert stamp.utcoffset() == timedelta(0)
    assert int(stamp.timestamp() * 1000) == pytest.approx(
        message.timestamp_ms, abs=1
    )


def test_timestamp_ms_is_now() -> None:
    before = time.time_ns() // 1_000_000
    now = get_timestamp_ms()
    assert isinstance(now, int)
    assert before <= now <= time.time_ns() // 1_000_000


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Stop the clock at that moment."""
    micros = round(
        (moment - datetime(1970, 1, 1, tzinfo=timezone.utc))
        / timedelta(microseconds=1)
    )
    monkeypatch.setattr(types, "time_ns", lambda: micros * 1000)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-07-23T12:10:20.000273+00:00"),
        ("Europe/Berlin", "2026-07-23T14:10:20.000273+02:00"),
        ("America/New_York", "2026-07-23T08:10:20.000273-04:00"),
        ("Asia/Kathmandu", "2026-07-23T17:55:20.000273+05:45"),
    ],
)
def test_timezone_is_honoured(
    monkeypatch: pytest.MonkeyPatch, zone: str, text: str
) -> None:
    moment = datetime(2026, 7, 23, 12, 10, 20, 273, timezone.utc)
    at(monkeypatch, moment)
    assert get_timestamp_iso(zone) == text
    assert (
        get_timestamp_iso(zone)
        == moment.astimezone(ZoneInfo(zone)).isoformat()
    )
    message = create_message("event", MessageType.DATA, {}, zone)
    assert message.timestamp_iso == text
    assert message.timestamp_ms == int(moment.timestamp() * 1000)


def test_no_fraction_when_it_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, datetime(2026, 7, 23, 12, 10, 20, 0, timezone.utc))
    assert get_timestamp_iso() == "2026-07-23T12:10:20+00:00"


def test_the_offset_follows_daylight_saving_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change = datetime(2026, 10, 25, 1, 0, 0, 0, timezone.utc)
    at(monkeypatch, change - timedelta(microseconds=1))
    assert get_timestamp_iso("Europe/Berlin").endswith("59.999999+02:00")
    at(monkeypatch, change)
    assert get_timestamp_iso("Europe/Berlin") == "2026-10-25T02:00:00+01:00"


@pytest.mark.parametrize("zone", ["Nope/Nowhere", "", "../../etc/passwd"])
def test_an_unknown_zone_is_a_value_error(zone: str) -> None:
    with pytest.raises(ValueError, match="Unknown time zone"):
        get_timestamp_iso(zone)


@pytest.mark.parametrize(
    "name", ["a", "A-Z_09", "wallpaper_progress", "x" * 64, "-", "_"]
)
def test_good_event_names(name: str) -> None:
    validate_event_name(name)
    assert types.EVENT_NAME_PATTERN.match(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "cannot be empty"),
        (None, "cannot be empty"),
        ("x" * 65, "Event name too long: 65 > 64"),
        ("a b", "Invalid event name: 'a b'"),
        ("a/b", "Invalid event name: 'a/b'"),
        ("é", "Invalid event name: 'é'"),
        ("٣", "Invalid event name: '٣'"),
        ("a\n", r"Invalid event name: 'a\n'"),
        ("a\0", r"Invalid event name: 'a\x00'"),
    ],
)
def test_bad_event_names(name: str, text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        validate_event_name(name)
    assert text in str(caught.value)
    assert isinstance(caught.value, ValidationError)


def test_the_longest_name_is_64() -> None:
    assert types.EVENT_NAME_MAX_LENGTH == 64
