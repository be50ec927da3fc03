"""What moves rows out of the library, when it is called in its own middle."""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from conftest import Net, take, until

from dotfiles_socket import _packed
from dotfiles_socket._packed import MANY, Intake, PythonTaker

ROWS = [[[3, 0, n]] for n in range(3)]
EMPTY = -8


class Library:
    """Stores a block a call; `after` is what a signal handler does then."""

    def __init__(self) -> None:
        self.blocks = [msgpack.packb(rows) for rows in ROWS]
        self.kept: list[Any] = []
        self.after: Any = lambda: None

    def receive(self, at: Any, size: Any, *_: object) -> int:
        if not self.blocks:
            return EMPTY
        document = self.blocks.pop(0)
        self.kept.append(ctypes.create_string_buffer(document, len(document)))
        at._obj.value = ctypes.addressof(self.kept[-1])
        size._obj.value = len(document)
        self.after()
        return 0


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()

    class Quick:
        @staticmethod
        def free(_: object) -> None: ...

        receive = library.receive

    monkeypatch.setattr(_packed, "quick", Quick)
    monkeypatch.setitem(sys.modules, "dotfiles_socket._accelerator", None)
    return library


def rest(intake: Intake) -> None:
    while intake.take(MANY) == 0:
        pass


@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_handler_that_receives(library: Library, times: int) -> None:
    target: deque[Any] = deque()
    intake = Intake(None, "receive", target)

    def handler() -> None:
        library.after = lambda: None
        for _ in range(times):
            assert intake.take(MANY) == 0

    library.after = handler
    assert intake.take(MANY) == 0
    rest(intake)
    assert list(target) == [row for rows in ROWS for row in rows]


def test_a_signal_handler_that_raises(library: Library) -> None:
    target: deque[Any] = deque()
    intake = Intake(None, "receive", target)

    def handler() -> None:
        library.after = lambda: None
        raise KeyboardInterrupt

    library.after = handler
    with pytest.raises(KeyboardInterrupt):
        intake.take(MANY)
    rest(intake)
    assert list(target) == [row for rows in ROWS for row in rows]


@pytest.mark.parametrize("raises", [False, True])
def test_a_signal_handler_while_rows_are_decoded(
    either_way: str,
    unix: Net,
    monkeypatch: pytest.MonkeyPatch,
    raises: bool,
) -> None:
    """It may receive, or raise, and nothing is lost or comes twice."""
    server, client = unix.pair()
    intake = client._handle.intake
    decode, depth = intake._unpack, 0

    def interrupted(document: bytes) -> Any:
        nonlocal depth
        depth += 1
        if depth == 1:
            if raises:
                raise KeyboardInterrupt
            assert client._fill(client._handle)
        return decode(document)

    server.send_many([{"n": n} for n in range(3)])
    until(lambda: client.get_buffer_size() == 3)
    monkeypatch.setattr(intake, "_unpack", interrupted)
    received: list[Any] = []
    while len(received) < 3:
        try:
            received += take(client, 1)
        except KeyboardInterrupt:
            assert raises
    assert received == [{"n": n} for n in range(3)]
    is_python = isinstance(client._handle.intake._taker, PythonTaker)
    assert is_python is (either_way == "ctypes")
    assert client.get_buffer_size() == 0
