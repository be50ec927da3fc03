"""TCP: by host and port."""

from .client import TcpSocketClient
from .server import TcpSocketServer

__all__ = ["TcpSocketClient", "TcpSocketServer"]
