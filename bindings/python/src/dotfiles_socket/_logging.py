"""Python's logging, and the library's log lines in it."""

from __future__ import annotations

import sys

from ._lib import LOG_INFO

# logging's numbers.
_DEBUG, _INFO, _WARNING, _ERROR = 10, 20, 30, 40

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

    Logger = logging.Logger
else:

    class Logger:
        """logging.getLogger(name) for a program that has imported logging,
        and for another one what it would do there: print warnings.

        That import takes as long as all others here, and as late as in an
        error it could fail, with no descriptor left to read a file.
        """

        def __init__(self, name):
            self._name = name

        def isEnabledFor(self, level):  # noqa: N802
            if "logging" not in sys.modules:
                return level >= _WARNING
            import logging

            return logging.getLogger(self._name).isEnabledFor(level)

        def log(self, level, message, *args, stacklevel=1, **kwargs):
            if "logging" in sys.modules:
                import logging

                logging.getLogger(self._name).log(
                    level, message, *args, stacklevel=stacklevel + 1, **kwargs
                )
            elif level >= _WARNING and sys.stderr is not None:
                print(message % args, file=sys.stderr)
                if kwargs.get("exc_info"):
                    sys.__excepthook__(*sys.exc_info())

        def debug(self, *args):
            self.log(_DEBUG, *args, stacklevel=2)

        def info(self, *args):
            self.log(_INFO, *args, stacklevel=2)

        def warning(self, *args):
            self.log(_WARNING, *args, stacklevel=2)

        def error(self, *args):
            self.log(_ERROR, *args, stacklevel=2)

        def exception(self, *args):
            self.log(_ERROR, *args, stacklevel=2, exc_info=True)


# The library's levels are this many times finer than Python's.
_FINER = 2.5


def log_level(logger: Logger) -> str:
    """Return the setting log_level for what the logger wants to know.

    The lines of INFO are this package's own; the library adds its warnings
    and errors, and to whoever debugs, everything.
    """
    if logger.isEnabledFor(_DEBUG):
        return "debug"
    if logger.isEnabledFor(_WARNING):
        return "warn"
    return "error" if logger.isEnabledFor(_ERROR) else "off"


def log_line(logger: Logger, row: list[Any]) -> None:
    """Log a LOG row."""
    level = _INFO + int((row[8] - LOG_INFO) * _FINER)
    logger.log(level, "%s", row[6])
