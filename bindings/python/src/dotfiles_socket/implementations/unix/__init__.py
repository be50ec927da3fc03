"""Unix sockets: between the processes of one machine, by event name."""

from .client import UnixSocketClient
from .server import UnixSocketServer

__all__ = ["UnixSocketClient", "UnixSocketServer"]
