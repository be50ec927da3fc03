"""Who takes part: the programs, and what is missing."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "bench"

Command = tuple[str, ...]


@dataclass(frozen=True)
class Contestant:
    """A pair of programs. The kinds are their kind= arguments."""

    name: str
    server: Command
    client: Command
    sends: str = ""
    receives: str = ""
    broker: Command = ()
    note: str = ""
    # What make did not find; "" when it is all there.
    missing: str = ""


def _built(name: str) -> Command:
    return (str(BUILT / name),)


def _python(name: str) -> Command:
    return (sys.executable, "-m", f"{__package__}.python.{name}")


GO, C, RAW = _built("go/libsocket"), _built("libsocket-c"), _built("raw")
ZMQ, NNG, NATS = _built("zmq"), _built("nng"), _built("go/nats")
SPINNING = ("/usr/bin/env", "SOCKET__SPIN_US=50")
OURS, PURE, PYZMQ = _python("ours"), _python("pure"), _python("peer_zmq")

_ABSENT = {
    ZMQ: "libzmq3-dev is not installed",
    NNG: "libnng-dev is not installed",
    NATS: "nats-server and nats.go were not built",
}


def _missing(command: Command) -> str:
    if command == PYZMQ and importlib.util.find_spec("zmq") is None:
        return "pyzmq is not installed"
    if command in _ABSENT and not Path(command[0]).exists():
        return _ABSENT[command]
    return ""


def _one(
    name: str,
    server: Command,
    client: Command = (),
    sends: str = "",
    receives: str = "",
    broker: Command = (),
    note: str = "",
) -> Contestant:
    return Contestant(
        name,
        server,
        client or server,
        sends,
        receives,
        broker,
        note,
        _missing(server),
    )


CONTESTANTS = {
    "go": _one("libsocket, Go", GO),
    "go-one": _one(
        "libsocket, Go, GOMAXPROCS=1", ("/usr/bin/env", "GOMAXPROCS=1", *GO)
    ),
    "go-messages": _one(
        "libsocket, Go, message by message", GO, receives="messages"
    ),
    "c-callback": _one("libsocket, C, callback", C, receives="callback"),
    "c-pull": _one("libsocket, C, pull", C, receives="pull"),
    "c-many": _one(
        "libsocket, C, send_many", C, sends="many", receives="callback"
    ),
    "c-json": _one(
        "libsocket, C, from JSON", C, sends="json", receives="callback"
    ),
    # Who looks for so long before it sleeps.
    "go-spin": _one("libsocket, Go, spin_us = 50", SPINNING + GO),
    "c-spin": _one("libsocket, C, pull, spin_us = 50", SPINNING + C),
    "go-tls": _one("libsocket, Go, TLS", GO, sends="tls", receives="tls"),
    # Values of slow_client. Under "latest", what is skipped counts as well.
    "go-block": _one("block", GO, sends="block"),
    "go-drop": _one("drop_oldest", GO, sends="drop_oldest"),
    "go-disconnect": _one("disconnect", GO, sends="disconnect"),
    "go-latest": _one("latest", GO, sends="latest", receives="skips"),
    "python": _one("libsocket, Python", OURS),
    "zmq": _one("libzmq", ZMQ),
    "nng": _one("NNG", NNG),
    "nats": _one(
        "NATS", NATS, broker=NATS, note="over TCP, through its server"
    ),
    "raw-each": _one("raw C, one write a message", RAW, sends="each"),
    "raw-batch": _one("raw C, 64 KiB a write", RAW, sends="batch"),
    # Python, for its own table.
    "py-message": _one("create_message and send", OURS, sends="message"),
    "py-dict": _one("send(dict)", OURS, sends="dict"),
    "py-many": _one("send_many of 64 dicts", OURS, sends="many"),
    "py-pure": _one("plain Python", PURE),
    "py-zmq": _one("pyzmq, the same five keys", PYZMQ),
    "py-zmq-bare": _one(
        "pyzmq, the dict alone", PYZMQ, sends="bare", receives="bare"
    ),
    "py-receives": _one("libsocket, from a C sender", C, OURS, sends="many"),
    "py-pure-receives": _one(
        "plain Python, from the same C sender", C, PURE, sends="many"
    ),
}
