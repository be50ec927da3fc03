"""What every client offers, whatever carries its messages."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from .types import SocketMessage


class SocketClient(ABC):
    """A client joins an event: it receives what the server sends, and may
    send to the server. Every method may be called from any thread.

    The on_... methods are hooks for subclasses. They are called by the thread
    that receives, in their place between the messages; an exception in one
    is logged and changes nothing else.
    """

    @abstractmethod
    def connect(self) -> None:
        """Connect to the server, or raise ConnectionError."""

    @abstractmethod
    def disconnect(self) -> None:
        """Leave the server; receivers in other threads are woken."""

    @abstractmethod
    def send(self, message: SocketMessage | Mapping[str, Any]) -> None:
        """Send a message to the server."""

    @abstractmethod
    def receive(self, timeout: float | None = None) -> SocketMessage:
        """Wait for a message, at most `timeout` seconds."""

    @abstractmethod
    def receive_iter(self) -> Iterator[SocketMessage]:
        """Yield messages as they arrive, until disconnect()."""

    @abstractmethod
    def is_connected(self) -> bool:
        """Tell whether there is a connection now."""

    @abstractmethod
    def get_buffer_size(self) -> int:
        """Return how many messages have arrived and were not received."""

    @abstractmethod
    def clear_buffer(self) -> None:
        """Drop the messages that have arrived and were not received."""

    @property
    @abstractmethod
    def event_name(self) -> str:
        """The event that is joined."""

    def on_connected(self) -> None:
        """There is a connection: the first, or another one."""

    def on_disconnected(self, reason: str) -> None:
        """The connection is gone; the client comes back by itself unless
        auto_reconnect is off."""

    def on_lagged(self, missed: int) -> None:
        """The server dropped so many messages because this client was slow
        or away."""

    def on_synced(self) -> None:
        """All that the server kept for newcomers has been received; what
        follows is live."""

    def on_refused(self, reason: str) -> None:
        """The server refused a message of this client."""
