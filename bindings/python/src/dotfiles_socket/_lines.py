"""Messages as lines of JSON, for shell scripts."""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from ctypes import byref, c_void_p, string_at
from typing import Any

import msgpack  # type: ignore[import-untyped]

from ._errors import check
from ._lib import quick
from ._packed import fetch
from .core.exceptions import ConnectionError, MessageError
from .core.types import MessageType, SocketMessage, create_message
from .factory import create_client, create_server


def watch(given: Namespace) -> int:
    """Print what the server sends, until `count` messages have come, or with
    `once` the server is gone."""
    keywords = place(given)
    if given.once:
        keywords["auto_reconnect"] = False
    with create_client(
        **keywords, wait_for_server=given.wait or None
    ) as client:
        left = given.count
        while left != 0:
            try:
                message = client.receive(given.timeout)
            except ConnectionError:
                break
            _show(message, given.whole)
            left -= 1
    return os.EX_OK


def send(given: Namespace) -> int:
    """Send to the server, as its client: what is given, or each line of the
    standard input."""
    with create_client(**place(given)) as client:
        return _send_each(given, given.data or sys.stdin.buffer, client.send)


def serve(given: Namespace) -> int:
    """Send each line of the standard input to all clients, and print what
    they send, until there are no more lines."""
    server = create_server(**place(given))

    def heard(_: str, message: SocketMessage) -> None:
        try:
            _show(message, given.whole)
        except BrokenPipeError:
            nobody_reads()

    server.on_message_received = heard
    with server:
        if given.wait:
            server.wait_for_clients(given.wait)
        return _send_each(
            given,
            sys.stdin.buffer,
            lambda message: server.send(message, retain_key=given.retain),
        )


def nobody_reads() -> None:
    """Have what is printed go nowhere: who was reading has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def place(given: Namespace) -> dict[str, Any]:
    """Return the arguments that say which event is meant, and where."""
    where = {"socket_type": "unix", "event_name": given.event}
    if given.port is not None:
        where.update(socket_type="tcp", host=given.host, port=given.port)
    elif given.socket_dir is not None:
        where.update(socket_dir=given.socket_dir)
    return where


def _send_each(
    given: Namespace,
    texts: Iterable[str | bytes],
    send: Callable[[SocketMessage], None],
) -> int:
    """Send each text that is JSON; say of the others why not."""
    status = os.EX_OK
    message_type = MessageType(given.type)
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            send(create_message(given.event, message_type, _of_json(text)))
        except MessageError as e:
            print(f"message {number} was not sent: {e}", file=sys.stderr)
            status = os.EX_DATAERR
    return status


def _show(message: SocketMessage, whole: bool) -> None:
    try:
        line = _to_json(message.to_dict() if whole else message.data)
    except MessageError as e:
        print(f"a message was not printed: {e}", file=sys.stderr)
    else:
        print(line, flush=True)


def _of_json(text: str | bytes) -> Any:
    """Return the value; raise BadMessageError, which says where the fault
    is."""
    if isinstance(text, str):
        text = text.encode(errors="surrogateescape")
    text = text.strip()
    return fetch(quick.json_to_msgpack, text, len(text))


def _to_json(value: object) -> str:
    """Return the text; raise BadMessageError for what has no JSON."""
    packed = msgpack.packb(value)
    block = c_void_p()
    check(quick.msgpack_to_json(byref(block), packed, len(packed)))
    try:
        return string_at(block).decode()
    finally:
        quick.free(block)
