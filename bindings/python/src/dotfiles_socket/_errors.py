"""From the library's status codes to exceptions."""

from __future__ import annotations

from ._lib import quick
from .core.exceptions import ForkedError, SocketError, Status, from_status

_FORKED = (
    "this process was made by fork() after its parent had used libsocket, "
    'and cannot use it; start it with multiprocessing\'s "spawn" method '
    "instead, or fork before the first server or client"
)


# Those that are looked for at every message, as numbers: a member of Status
# takes ten times as long to find and compare.
OK, TIMEOUT, INTERRUPTED = (
    status.value for status in (Status.OK, Status.TIMEOUT, Status.INTERRUPTED)
)


def last_error() -> str:
    """Return the text of the last failure in this thread."""
    text: bytes = quick.last_error()
    return text.decode(errors="replace")


def failure(
    status: int, prefix: str = "", kind: type[SocketError] | None = None
) -> SocketError:
    """Make the exception for a status the library has just returned, which
    is one of `kind` as well.

    To be called before anything else of the library in this thread.
    """
    text = last_error()
    if status == Status.FORKED:
        return ForkedError(_FORKED)
    return from_status(status, prefix + text, kind)


def check(status: int) -> None:
    """Raise the exception of a status that is not OK."""
    if status:
        raise failure(status)
