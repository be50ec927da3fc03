"""_accelerator.c for type checkers."""

from collections.abc import Callable
from typing import Any

class Sender:
    def __init__(
        self,
        *,
        handle: int,
        event_name: str,
        packer: Callable[[], Callable[[Any], bytes]],
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
