"""What every server offers, whatever carries its messages."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .types import ClientInfo, SocketMessage


class SocketServer(ABC):
    """A server owns an event: it sends to its clients and hears from them.

    Every method may be called from any thread, and inside a hook. Hooks are
    the on_... methods: a subclass overrides them. They run one at a time and
    in order, on a thread of the server; an exception in one is logged and
    changes nothing else.
    """

    @abstractmethod
    def start(self) -> None:
        """Start serving; in blocking mode return only after stop()."""

    @abstractmethod
    def stop(self) -> None:
        """Stop serving. What was sent before is delivered first."""

    @abstractmethod
    def send(
        self,
        message: SocketMessage | Mapping[str, Any],
        client_id: str | None = None,
    ) -> None:
        """Send to all clients, or to one."""

    @abstractmethod
    def is_running(self) -> bool:
        """Tell whether clients can connect."""

    @abstractmethod
    def get_connected_clients(self) -> list[ClientInfo]:
        """Return the connected clients in the order they came."""

    @abstractmethod
    def get_queue_size(self) -> int:
        """Return how many messages wait for the first client."""

    @abstractmethod
    def clear_queue(self) -> None:
        """Drop the messages that wait for the first client."""

    @property
    @abstractmethod
    def event_name(self) -> str:
        """The event that is served."""

    def on_client_connected(self, client_info: ClientInfo) -> None:
        """A client has connected. What is sent to it from here arrives
        before everything else."""

    def on_client_disconnected(self, client_id: str) -> None:
        """A client has gone."""

    def on_message_received(
        self, client_id: str, message: SocketMessage
    ) -> None:
        """A client has sent a message."""

    def on_first_client(self, client_id: str) -> None:
        """There is a client after there was none."""

    def on_last_client(self, client_id: str) -> None:
        """The last client has gone."""
