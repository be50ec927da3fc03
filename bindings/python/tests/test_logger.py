"""The logger of programs that use logging and of those that do not."""

import logging
import subprocess
import sys

import pytest

from dotfiles_socket._logging import Logger


def stderr_of(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
    ).stderr


LINES = """
from dotfiles_socket._logging import Logger
logger = Logger("dotfiles_socket.test")
logger.debug("debug %d", 1)
logger.info("info %d", 2)
logger.warning("warning %d", 3)
logger.error("error %s", "%d")
print(logger.isEnabledFor(20), logger.isEnabledFor(30), file=sys.stderr)
"""


def test_without_logging_as_with_it_unconfigured() -> None:
    with_it = stderr_of("import logging, sys\n" + LINES)
    assert with_it == "warning 3\nerror %d\nFalse True\n"
    assert stderr_of("import sys\n" + LINES) == with_it


EXCEPTION = """
from dotfiles_socket._logging import Logger
try:
    1 / 0
except ZeroDivisionError:
    Logger("dotfiles_socket.test").exception("a %s", "line")
"""


def test_an_exception_is_shown_with_its_traceback() -> None:
    for before in ("", "import logging\n"):
        lines = stderr_of(before + EXCEPTION).splitlines()
        assert lines[0] == "a line"
        assert lines[1] == "Traceback (most recent call last):"
        assert lines[-1] == "ZeroDivisionError: division by zero"


def test_no_standard_error_is_no_problem() -> None:
    stderr_of("import sys; sys.stderr = None\n" + EXCEPTION)


def test_lines_name_where_they_were_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = Logger("dotfiles_socket.test")
    with caplog.at_level(logging.DEBUG):
        logger.debug("one")
        logger.info("two")
        logger.warning("three")
        logger.error("four")
        logger.log(logging.INFO, "five")
    assert {r.filename for r in caplog.records} == {"test_logger.py"}
    assert {r.name for r in caplog.records} == {"dotfiles_socket.test"}
    assert [r.levelno for r in caplog.records] == [10, 20, 30, 40, 20]
