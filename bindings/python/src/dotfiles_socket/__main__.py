"""Events on the command line: what runs, and messages for shell scripts.

    python -m dotfiles_socket list
    python -m dotfiles_socket inspect EVENT
    python -m dotfiles_socket watch EVENT
    python -m dotfiles_socket send EVENT [JSON ...]
    python -m dotfiles_socket serve EVENT

The exit status is 0, one of sysexits.h, or 130: README.md lists them.
"""

import argparse
import io
import json
import math
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ._inspection import inspect_document, list_documents
from ._lines import nobody_reads, place, send, serve, watch
from ._settings import overrides, resolve
from ._tables import details, listing
from .core.exceptions import SocketError, Status
from .core.types import MessageType

# Seconds that a server which is stopped may hold up the answer.
PATIENCE = 1.0

_STATUSES = {
    Status.INVALID: os.EX_USAGE,
    Status.NO_SERVER: os.EX_UNAVAILABLE,
    Status.IN_USE: os.EX_UNAVAILABLE,
    Status.NO_PORT: os.EX_UNAVAILABLE,
    Status.IO: os.EX_IOERR,
    Status.NOT_CONNECTED: os.EX_TEMPFAIL,
    Status.MAX_CONNECTIONS: os.EX_TEMPFAIL,
    Status.TIMEOUT: os.EX_TEMPFAIL,
    Status.PROTOCOL: os.EX_PROTOCOL,
    Status.NOT_ALLOWED: os.EX_NOPERM,
    Status.SETTINGS: os.EX_CONFIG,
}
_INTERRUPTED = 130  # as a shell says it of Ctrl-C


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m dotfiles_socket",
        description="Shows which events are served and how their servers "
        "are, and takes part in one with lines of JSON. Settings are those "
        "of the programs.",
    )
    commands = parser.add_subparsers(
        dest="command", required=True, parser_class=_Parser
    )
    _add_inspections(commands)
    _add_lines(commands)
    return parser


def _add_inspections(commands: Any) -> None:
    asking = _Parser(add_help=False)
    asking.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        default=PATIENCE,
        help="for a server that does not answer (%(default)s)",
    )
    asking.add_argument(
        "--json", action="store_true", help="all that is known, as JSON"
    )
    every = commands.add_parser(
        "list", parents=[asking], help="every event in the directory"
    )
    _add_directory(every)
    every.set_defaults(run=_list)
    one = commands.add_parser(
        "inspect", parents=[asking], help="one event, and its clients"
    )
    _add_event(one)
    one.set_defaults(run=_inspect)


def _add_lines(commands: Any) -> None:
    watching = commands.add_parser(
        "watch", help="print what is sent, a line of JSON for each message"
    )
    watching.add_argument(
        "--wait", action="store_true", help="for the server to come"
    )
    watching.add_argument(
        "--once", action="store_true", help="end with the server"
    )
    watching.add_argument(
        "--count",
        type=_whole,
        metavar="N",
        default=-1,
        help="end after so many messages",
    )
    watching.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="end when nothing comes for so long, with the status 75",
    )
    watching.set_defaults(run=watch)
    sending = commands.add_parser(
        "send", help="send to the server, as one of its clients"
    )
    sending.set_defaults(run=send)
    serving = commands.add_parser(
        "serve",
        help="send each line of the standard input to all clients, and "
        "print what they send",
    )
    serving.add_argument(
        "--wait",
        type=_whole,
        metavar="N",
        default=0,
        help="for so many clients to come first",
    )
    serving.add_argument(
        "--retain",
        metavar="KEY",
        help="keep the last message of this key for clients that come later",
    )
    serving.set_defaults(run=serve)
    for command in (watching, sending, serving):
        _add_event(command)
    for command in (watching, serving):
        command.add_argument(
            "--whole",
            action="store_true",
            help="print messages with their times and type, not data alone",
        )
    for command in (sending, serving):
        command.add_argument(
            "--type",
            choices=[t.value for t in MessageType],
            default=MessageType.DATA.value,
            help="of the messages (%(default)s)",
        )
    sending.add_argument(
        "data",
        metavar="JSON",
        nargs="*",
        help="a message; without any, each line of the standard input is one",
    )


def _add_event(command: argparse.ArgumentParser) -> None:
    command.add_argument("event", metavar="EVENT")
    _add_directory(command)
    command.add_argument(
        "--port", type=int, help="the event is served by TCP, on this port"
    )
    command.add_argument("--host", help="the host of the port")


def _add_directory(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--socket-dir", metavar="DIR", help="where the sockets are"
    )


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds")
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = _parser()
    given, rest = parser.parse_known_args(arguments)
    if given.command == "send" and not any(t.startswith("--") for t in rest):
        given.data += rest  # argparse finds none behind "EVENT --port 1"
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        status: int = given.run(given)
    except SocketError as e:
        print(e, file=sys.stderr)
        return _STATUSES.get(e.status, os.EX_SOFTWARE)
    except ImportError as e:  # there is no library
        print(e, file=sys.stderr)
        return os.EX_OSERR
    except OSError as e:  # of the output
        if not isinstance(e, BrokenPipeError):
            why = e.strerror or "it is closed"
            print(f"cannot write the output: {why}", file=sys.stderr)
        nobody_reads()
        return os.EX_IOERR
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _list(given: argparse.Namespace) -> int:
    documents = list_documents(
        socket_dir=given.socket_dir, default_timeout=given.timeout
    )
    _print(documents, listing(documents), given.json)
    if not documents:
        text = overrides(socket_dir=given.socket_dir)
        place = resolve("unix", text)["socket_dir"]
        print(f"no events in {place}", file=sys.stderr)
    return os.EX_OK


def _inspect(given: argparse.Namespace) -> int:
    where = place(given)
    document = inspect_document(
        where.pop("socket_type"),
        where.pop("event_name"),
        **where,
        default_timeout=given.timeout,
    )
    _print(document, details(document), given.json)
    return os.EX_TEMPFAIL if document["state"] == "silent" else os.EX_OK


def _print(documents: Any, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        lines = [json.dumps(documents, indent=2)]
    for line in lines:
        print(line)
    sys.stdout.flush()


def _complete_streams() -> None:
    """Open those that the shell has closed: else the first socket would get
    their number. What is printed is UTF-8, as JSON has to be."""
    nothing = Path(os.devnull)
    sys.stdin = sys.stdin or nothing.open()
    sys.stdout = sys.stdout or nothing.open()  # whoever prints is told
    sys.stderr = sys.stderr or nothing.open("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    _complete_streams()
    sys.exit(main())
