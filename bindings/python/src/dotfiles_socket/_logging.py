"""The library's log lines in Python's logging."""

import logging
from typing import Any

from ._lib import LOG_INFO

# The library's levels are this many times finer than Python's.
_FINER = 2.5


def log_level(logger: logging.Logger) -> str:
    """Return the setting log_level for what the logger wants to know.

    The lines of INFO are this package's own; the library adds its warnings
    and errors, and to whoever debugs, everything.
    """
    if logger.isEnabledFor(logging.DEBUG):
        return "debug"
    if logger.isEnabledFor(logging.WARNING):
        return "warn"
    return "error" if logger.isEnabledFor(logging.ERROR) else "off"


def log_line(logger: logging.Logger, row: list[Any]) -> None:
    """Log a LOG row."""
    level = logging.INFO + int((row[8] - LOG_INFO) * _FINER)
    logger.log(level, "%s", row[6])
