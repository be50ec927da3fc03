"""What runs, on the command line.

    python -m dotfiles_socket list
    python -m dotfiles_socket inspect EVENT

The exit status is 0, or one of sysexits.h: README.md lists them.
"""

import argparse
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from ._inspection import Document, inspect_document, list_documents
from .core.exceptions import SocketError, Status

# Seconds that a server which is stopped may hold up the answer.
PATIENCE = 1.0

_STATUSES = {
    Status.INVALID: os.EX_USAGE,
    Status.NO_SERVER: os.EX_UNAVAILABLE,
    Status.IO: os.EX_IOERR,
    Status.NOT_CONNECTED: os.EX_TEMPFAIL,
    Status.MAX_CONNECTIONS: os.EX_TEMPFAIL,
    Status.TIMEOUT: os.EX_TEMPFAIL,
    Status.PROTOCOL: os.EX_PROTOCOL,
    Status.NOT_ALLOWED: os.EX_NOPERM,
    Status.SETTINGS: os.EX_CONFIG,
}
_INTERRUPTED = 130  # as a shell says it of Ctrl-C

Row = Sequence[object]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument(
        "--socket-dir", metavar="DIR", help="where the sockets are"
    )
    common.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        default=PATIENCE,
        help="for a server that does not answer (%(default)s)",
    )
    common.add_argument(
        "--json", action="store_true", help="all that is known, as JSON"
    )
    parser = _Parser(
        prog="python -m dotfiles_socket",
        description="Shows which events are served, and how their servers "
        "are. Settings are those of the programs.",
    )
    commands = parser.add_subparsers(
        dest="command", required=True, parser_class=_Parser
    )
    commands.add_parser(
        "list", parents=[common], help="every event in the directory"
    )
    one = commands.add_parser(
        "inspect", parents=[common], help="one event, and its clients"
    )
    one.add_argument("event", metavar="EVENT")
    one.add_argument(
        "--port", type=int, help="the event is served by TCP, on this port"
    )
    one.add_argument("--host", help="the host of the port")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    given = _parser().parse_args(arguments)
    settings = {
        "socket_dir": given.socket_dir,
        "default_timeout": given.timeout,
    }
    try:
        if given.command == "list":
            documents = list_documents(**settings)
            _print(documents, _listing(documents), given.json)
            return os.EX_OK
        by_tcp = given.port is not None
        document = inspect_document(
            "tcp" if by_tcp else "unix",
            given.event,
            **({"host": given.host, "port": given.port} if by_tcp else {}),
            **settings,
        )
        _print(document, _details(document), given.json)
    except SocketError as e:
        print(e, file=sys.stderr)
        return _STATUSES.get(e.status, os.EX_SOFTWARE)
    except ImportError as e:  # there is no library
        print(e, file=sys.stderr)
        return os.EX_OSERR
    except BrokenPipeError:  # who was reading has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return os.EX_IOERR
    except KeyboardInterrupt:
        return _INTERRUPTED
    return os.EX_TEMPFAIL if document["state"] == "silent" else os.EX_OK


def _print(documents: Any, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        lines = [json.dumps(documents, indent=2)]
    for line in lines:
        print(line)
    sys.stdout.flush()


def _listing(documents: list[Document]) -> list[str]:
    columns: dict[str, Callable[[Document], object]] = {
        "EVENT": lambda d: d["event"],
        "STATE": lambda d: d["state"],
        "PID": lambda d: d["pid"] or "-",
        "USER": lambda d: _user(d["uid"]),
        "UP": lambda d: _duration(d["uptime_ms"]),
        "CLIENTS": lambda d: d["stats"]["clients"],
        "SENT": lambda d: d["stats"]["sent"],
        "DROPPED": lambda d: d["stats"]["dropped"],
        "RECEIVED": lambda d: d["stats"]["received"],
    }
    return _table(columns, documents)


def _details(document: Document) -> list[str]:
    keys = ["event", "state", "transport", "address"]
    rows: list[Row] = [(key, document[key]) for key in keys]
    rows += [("pid", document["pid"] or "-"), ("user", _user(document["uid"]))]
    if document["state"] != "live":
        return _aligned(rows)
    stats = document["stats"]
    rows += [
        ("library", document["library"]),
        ("up", _duration(document["uptime_ms"])),
        *stats.items(),
    ]
    columns: dict[str, Callable[[Document], object]] = {
        "CLIENT": lambda c: c["client"],
        "NAME": lambda c: c["name"] or "-",
        "PID": lambda c: c["pid"] or "-",
        "USER": lambda c: _user(c["uid"]),
        "DELIVERED": lambda c: c["delivered"],
        "MISSED": lambda c: c["missed"],
        "BACKLOG": lambda c: c["backlog"],
        "ADDRESS": lambda c: c["address"],
    }
    lines = _aligned(rows)
    if document["clients"]:
        lines += ["", *_table(columns, document["clients"])]
    missing = stats["clients"] - len(document["clients"])
    return [*lines, f"and {missing} more"] if missing > 0 else lines


def _table(
    columns: dict[str, Callable[[Document], object]], documents: list[Document]
) -> list[str]:
    """Return a line for the names of the columns, and one a document; what
    a document does not have is a dash."""

    def cell(value: Callable[[Document], object], of: Document) -> object:
        try:
            return value(of)
        except KeyError:
            return "-"

    rows = [[cell(v, d) for v in columns.values()] for d in documents]
    return _aligned([list(columns), *rows])


def _aligned(rows: Sequence[Row]) -> list[str]:
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in texts]


def _user(uid: int) -> str:
    if uid < 0:
        return "-"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _duration(milliseconds: int) -> str:
    """Return the two largest units of a time."""
    seconds = milliseconds // 1000
    units = [
        (f"{seconds // 86400}d", seconds // 86400),
        (f"{seconds // 3600 % 24}h", seconds // 3600 % 24),
        (f"{seconds // 60 % 60}m", seconds // 60 % 60),
        (f"{seconds % 60}s", 1),
    ]
    while len(units) > 1 and not units[0][1]:
        units = units[1:]
    return "".join(text for text, _ in units[:2])


if __name__ == "__main__":
    sys.exit(main())
