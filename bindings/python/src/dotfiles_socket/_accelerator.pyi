"""The accelerator for type checkers."""

from typing import Any, TypeVar

_T = TypeVar("_T")

class Sender:
    def __init__(
        self,
        *,
        handle: int,
        event_name: str,
        longest: int,
        waits: bool,
        server_send: int = 0,
        server_send_to: int = 0,
        client_send: int = 0,
    ) -> None: ...
    def send(self, message: object, client: int = 0, /) -> int | None: ...

class Taker:
    document: bytes | None
    def __init__(
        self,
        *,
        handle: int,
        free: int,
        server_receive_packed: int = 0,
        client_receive_packed: int = 0,
    ) -> None: ...
    def take(self, limit: int, /) -> int: ...
    def clear(self) -> None: ...

def new(cls: type[_T], /) -> _T: ...
def pack(value: object, /) -> bytes | None: ...
def unpack(document: bytes, /) -> Any: ...
