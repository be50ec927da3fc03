"""Log lines: whose logger, at which level, and how many."""

from __future__ import annotations

import logging

import pytest
from conftest import SOON, Net

import dotfiles_socket
from dotfiles_socket import SocketError
from dotfiles_socket._logging import log_level, log_line

ROOT = "dotfiles_socket.implementations"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (-4, logging.DEBUG),
        (-2, 15),
        (0, logging.INFO),
        (2, 25),
        (4, logging.WARNING),
        (8, logging.ERROR),
        (12, logging.CRITICAL),
    ],
)
def test_levels_are_mapped(
    caplog: pytest.LogCaptureFixture, theirs: int, ours: int
) -> None:
    logger = logging.getLogger("dotfiles_socket.of.a.test")
    caplog.set_level(1, logger.name)
    log_line(logger, [9, 0, 0, 0, 0, 0, "100 % of it", "", theirs])
    assert [
        (record.levelno, record.getMessage()) for record in caplog.records
    ] == [(ours, "100 % of it")]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (logging.DEBUG, "debug"),
        (logging.INFO, "warn"),  # those of INFO are this package's own
        (logging.WARNING, "warn"),
        (logging.ERROR, "error"),
        (logging.CRITICAL, "off"),
    ],
)
def test_the_library_tells_what_the_logger_wants(
    wanted: int, told: str
) -> None:
    logger = logging.getLogger("dotfiles_socket.of.another.test")
    logger.setLevel(wanted)
    assert log_level(logger) == told


def test_the_loggers_are_the_originals(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    """And a warning of the library comes as one, to both ends."""
    caplog.set_level(logging.INFO)
    server = net.server(max_connections=1)
    client = net.client(server)
    with pytest.raises(SocketError):
        net.client(server)
    client.connect()
    server.send({"n": 1})
    client.receive(SOON)
    client.disconnect()
    server.start()
    server.stop()
    names = {record.name for record in caplog.records}
    assert names == {
        f"{ROOT}.{net.transport}.server",
        f"{ROOT}.{net.transport}.client",
    }
    warnings = [
        (record.name.rpartition(".")[2], record.getMessage())
        for record in caplog.records
        if record.levelno == logging.WARNING
    ]
    assert ("client", "Client of 'event' is already connected") in warnings
    assert ("server", "Server of 'event' is already running") in warnings
    assert any(
        end == "server" and "max_connections" in text for end, text in warnings
    ), warnings


def test_no_line_is_logged_twice(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    """INFO is this package's; the library does not tell it once more."""
    caplog.set_level(logging.INFO)
    server, client = net.pair()
    client.disconnect()
    server.stop()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == len(set(lines)) == 6, lines


def test_nothing_is_configured_for_the_user() -> None:
    logger = logging.getLogger(dotfiles_socket.__name__)
    assert logger.handlers == []
    assert logger.level == logging.NOTSET
    assert logger.propagate
