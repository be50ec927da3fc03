"""SocketMessage and ClientInfo beside what dataclasses makes of the same."""

import copy
import dataclasses
import inspect
import pickle
from typing import Any, get_type_hints

import pytest

from dotfiles_socket import ClientInfo, MessageType, SocketMessage


@dataclasses.dataclass
class Real:
    """SocketMessage as dataclasses makes it."""

    event_name: str
    timestamp_ms: int
    timestamp_iso: str
    message_type: MessageType
    data: dict[str, object]


ARGUMENTS: tuple[str, int, str, MessageType, dict[str, Any]] = (
    "event",
    12,
    "iso",
    MessageType.ERROR,
    {"a": [1]},
)
MESSAGE, REAL = SocketMessage(*ARGUMENTS), Real(*ARGUMENTS)


def test_fields_and_parameters() -> None:
    for mine, real in zip(
        dataclasses.fields(SocketMessage),
        dataclasses.fields(Real),
        strict=True,
    ):
        for part in ("name", "type", "default", "init", "repr", "compare"):
            assert getattr(mine, part) == getattr(real, part)
    assert dataclasses.fields(MESSAGE) == dataclasses.fields(SocketMessage)
    parameters: Any = SocketMessage
    assert repr(parameters.__dataclass_params__) == repr(
        Real.__dataclass_params__  # type: ignore[attr-defined]
    )
    assert SocketMessage.__match_args__ == Real.__match_args__
    assert dataclasses.is_dataclass(MESSAGE)
    assert [f.name for f in dataclasses.fields(ClientInfo)] == [
        "client_id",
        "connected_at",
        "address",
    ]


def test_the_module_s_functions() -> None:
    assert dataclasses.asdict(MESSAGE) == dataclasses.asdict(REAL)
    assert dataclasses.astuple(MESSAGE) == dataclasses.astuple(REAL)
    changed = dataclasses.replace(MESSAGE, timestamp_ms=13)
    assert changed.timestamp_ms == 13
    assert changed.data is MESSAGE.data
    with pytest.raises(TypeError):
        dataclasses.replace(MESSAGE, nonsense=1)  # type: ignore[call-arg]
    replaced: Any = MESSAGE
    assert replaced.__replace__(timestamp_ms=13) == changed


def test_repr_and_equality() -> None:
    assert repr(MESSAGE) == repr(REAL).replace("Real", "SocketMessage")
    assert SocketMessage(*ARGUMENTS) == MESSAGE
    assert SocketMessage("other", *ARGUMENTS[1:]) != MESSAGE
    others: list[Any] = [REAL, ARGUMENTS]
    assert MESSAGE not in others
    with pytest.raises(TypeError, match="unhashable"):
        hash(MESSAGE)
    loop: dict[str, Any] = {}
    message = SocketMessage(*ARGUMENTS[:4], loop)
    loop["itself"] = message
    assert "..." in repr(message)


def test_arguments() -> None:
    mine = inspect.signature(SocketMessage).parameters
    assert list(mine) == list(inspect.signature(Real).parameters)
    assert get_type_hints(SocketMessage) == get_type_hints(Real)
    keywords: Any = dict(zip(mine, ARGUMENTS, strict=True))
    assert SocketMessage(**keywords) == MESSAGE
    with pytest.raises(TypeError):
        SocketMessage("event")  # type: ignore[call-arg]


def test_copies_and_pickles() -> None:
    for copied in (
        copy.copy(MESSAGE),
        copy.deepcopy(MESSAGE),
        pickle.loads(pickle.dumps(MESSAGE)),  # noqa: S301
    ):
        assert copied == MESSAGE
        assert copied is not MESSAGE
    assert copy.copy(MESSAGE).data is MESSAGE.data
    assert copy.deepcopy(MESSAGE).data is not MESSAGE.data
    assert vars(MESSAGE) == vars(REAL)


def test_matching() -> None:
    match MESSAGE:
        case SocketMessage("event", 12, _, MessageType.ERROR, {"a": [one]}):
            assert one == 1
        case _:
            raise AssertionError(MESSAGE)


def test_a_subclass_may_be_a_dataclass_with_more_fields() -> None:
    @dataclasses.dataclass
    class More(SocketMessage):
        note: str = ""

    more = More(*ARGUMENTS, note="x")
    assert [f.name for f in dataclasses.fields(More)][-2:] == ["data", "note"]
    assert more.event_name == "event"
    assert more != MESSAGE
    assert more == More(*ARGUMENTS, "x")
    assert len(dataclasses.fields(SocketMessage)) == 5


def test_a_plain_subclass_is_one_too() -> None:
    class Plain(SocketMessage):
        pass

    plain = Plain(*ARGUMENTS)
    assert [f.name for f in dataclasses.fields(plain)] == [
        f.name for f in dataclasses.fields(Real)
    ]
    assert dataclasses.replace(plain, data={}) == Plain(*ARGUMENTS[:4], {})
    assert "Plain(event_name=" in repr(plain)
