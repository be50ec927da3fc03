"""From the library's status codes to exceptions."""

from ._lib import quick
from .core.exceptions import SocketError, from_status

_FORKED = (
    "this process was made by fork() after libsocket was used; start it "
    'with multiprocessing\'s "spawn" method instead'
)


def last_error() -> str:
    """Return the text of the last failure in this thread."""
    text: bytes = quick.last_error()
    return text.decode(errors="replace")


def failure(
    status: int, prefix: str = "", kind: type[SocketError] | None = None
) -> SocketError:
    """Make the exception for a status the library has just returned.

    To be called before anything else of the library in this thread.
    """
    text = last_error()
    if status == -20:
        return from_status(status, _FORKED)
    return from_status(status, prefix + text, kind)


def check(status: int) -> None:
    """Raise the exception of a status that is not OK."""
    if status:
        raise failure(status)
