"""What libsocket has set itself, and what a run says to it."""

from collections.abc import Callable
from dataclasses import dataclass

from .measures import IDLE_CLIENTS, MANY_IDLE_CLIENTS, Results
from .ratios import Spread, absolute, figures, ratio

Ask = Callable[[Results], Spread | None]


@dataclass(frozen=True)
class Target:
    """A bound, and a better one that is aimed at."""

    what: str
    required: float
    aim: float | None
    ask: Ask
    lower: bool = False  # lower is better
    unit: str = ""

    def verdict(self, found: Spread | None) -> str:
        if found is None:
            return "not measured"
        if self.aim is not None and self._holds(found.middle, self.aim):
            return "aim reached"
        return (
            "met" if self._holds(found.middle, self.required) else "**missed**"
        )

    def _holds(self, figure: float, bound: float) -> bool:
        return figure <= bound if self.lower else figure >= bound


def _rate(measure: str, who: str, base: str) -> Ask:
    return lambda r: ratio(r, measure, "rate", who, base)


def _cpu(measure: str, who: str, base: str) -> Ask:
    return lambda r: ratio(r, measure, "cpu", who, base)


def _trip(measure: str, metric: str, who: str, base: str) -> Ask:
    return lambda r: ratio(r, measure, metric, who, base)


def per_client(
    results: Results, who: str, first: int = 0, last: int = IDLE_CLIENTS
) -> Spread | None:
    """Bytes that an idle client costs its server, of those from the first to
    the last."""
    few = figures(results, f"idle-{first}", "rss", who)
    many = figures(results, f"idle-{last}", "rss", who)
    return Spread.of(
        [
            (b - a) / (last - first)
            for a, b in zip(few, many, strict=False)
            if a and b
        ]
    )


def _one_more_kb(results: Results) -> Spread | None:
    found = per_client(results, "go", IDLE_CLIENTS, MANY_IDLE_CLIENTS)
    return found and Spread(
        found.middle / 1000, found.least / 1000, found.greatest / 1000
    )


TARGETS = [
    Target(
        "one to one, 180 B, Go: rate, of libzmq's",
        4.5,
        6,
        _rate("unix-180", "go", "zmq"),
    ),
    Target(
        "… of raw C in batches",
        0.45,
        0.6,
        _rate("unix-180", "go", "raw-batch"),
    ),
    Target(
        "… CPU a message, of libzmq's",
        0.333,
        None,
        _cpu("unix-180", "go", "zmq"),
        True,
    ),
    Target(
        "through C, callback: rate, of libzmq's",
        2.2,
        3.5,
        _rate("unix-180", "c-callback", "zmq"),
    ),
    Target(
        "… CPU a message",
        0.5,
        None,
        _cpu("unix-180", "c-callback", "zmq"),
        True,
    ),
    Target(
        "through C, pull: rate, of libzmq's",
        2.2,
        3.5,
        _rate("unix-180", "c-pull", "zmq"),
    ),
    Target(
        "… CPU a message", 0.5, None, _cpu("unix-180", "c-pull", "zmq"), True
    ),
    Target(
        "payload of 16 B: rate, of libzmq's",
        1,
        1.5,
        _rate("unix-16", "go", "zmq"),
    ),
    Target("1 KiB: rate, of libzmq's", 2, 3, _rate("unix-1024", "go", "zmq")),
    Target(
        "… of raw C in batches",
        0.5,
        0.8,
        _rate("unix-1024", "go", "raw-batch"),
    ),
    Target(
        "64 KiB: rate, of libzmq's", 2, 3, _rate("unix-65536", "go", "zmq")
    ),
    Target("… of raw C", 0.5, 0.8, _rate("unix-65536", "go", "raw-batch")),
    Target(
        "10 clients: deliveries, of libzmq's",
        4,
        6,
        _rate("fan-10", "go", "zmq"),
    ),
    Target(
        "100 clients: deliveries, of libzmq's",
        6.5,
        9,
        _rate("fan-100", "go", "zmq"),
    ),
    Target(
        "TCP, 180 B: rate, of libzmq's",
        2.5,
        3.5,
        _rate("tcp-180", "go", "zmq"),
    ),
    Target(
        "round trip, same core, p50, of raw C's",
        2.4,
        1.6,
        _trip("trip-same", "p50", "go", "raw-each"),
        True,
    ),
    Target(
        "… of libzmq's",
        0.5,
        None,
        _trip("trip-same", "p50", "go", "zmq"),
        True,
    ),
    Target(
        "… p99, of libzmq's",
        0.7,
        None,
        _trip("trip-same", "p99", "go", "zmq"),
        True,
    ),
    Target(
        "… p99 through C, of libzmq's",
        1,
        None,
        _trip("trip-same", "p99", "c-pull", "zmq"),
        True,
    ),
    Target(
        "round trip, across cores, p50, of raw C's",
        1.1,
        None,
        _trip("trip-across", "p50", "go", "raw-each"),
        True,
    ),
    Target(
        "… of libzmq's",
        1,
        None,
        _trip("trip-across", "p50", "go", "zmq"),
        True,
    ),
    Target(
        "memory of an idle server",
        10,
        8,
        lambda r: absolute(r, "idle-0", "rss", "go", 1e6),
        True,
        " MB",
    ),
    Target(
        "memory of one idle client more, from 1 000 to 10 000",
        5,
        1.5,
        _one_more_kb,
        True,
        " KB",
    ),
    Target(
        "a server with 10 000 idle clients",
        64,
        None,
        lambda r: absolute(r, f"idle-{MANY_IDLE_CLIENTS}", "rss", "go", 1e6),
        True,
        " MB",
    ),
    Target(
        "start to first message, of libzmq's",
        1,
        None,
        _trip("first", "ns", "go", "zmq"),
        True,
    ),
    Target(
        "one stalled client among 10: the others' rate",
        0.95,
        0.99,
        lambda r: ratio(r, "stalled-1", "rate", "go", "go", "stalled-0"),
    ),
    Target(
        "inspected once a second, with 10 clients: CPU of the server",
        1,
        0.1,
        lambda r: absolute(r, "inspected", "share", "go", 0.01),
        True,
        " %",
    ),
    Target(
        "Python, create_message and send: rate, of plain Python's",
        2,
        3,
        _rate("python", "py-message", "py-pure"),
    ),
    Target(
        "… of pyzmq's with the same envelope",
        1.8,
        2.5,
        _rate("python", "py-message", "py-zmq"),
    ),
    Target(
        "Python, send(dict)", 2.5, 3.5, _rate("python", "py-dict", "py-pure")
    ),
    Target(
        "Python, send_many of dicts",
        4,
        6,
        _rate("python", "py-many", "py-pure"),
    ),
    Target(
        "Python, receiver alone, from a C sender",
        1.5,
        2,
        _rate("python", "py-receives", "py-pure-receives"),
    ),
    Target(
        "Python, 10 clients in 10 processes",
        2,
        4,
        _rate("python-10", "py-message", "py-pure"),
    ),
    Target(
        "Python, round trip, same core, p50, of pyzmq's",
        1.3,
        None,
        _trip("python-trip-same", "p50", "python", "py-zmq"),
        True,
    ),
    Target(
        "… p99",
        1.3,
        None,
        _trip("python-trip-same", "p99", "python", "py-zmq"),
        True,
    ),
    Target(
        "Python, round trip, across cores, p50, of pyzmq's",
        1,
        None,
        _trip("python-trip-across", "p50", "python", "py-zmq"),
        True,
    ),
    Target(
        "… p99",
        1,
        None,
        _trip("python-trip-across", "p99", "python", "py-zmq"),
        True,
    ),
    Target(
        "Python, import, of pyzmq's",
        1,
        None,
        _trip("python-import", "ns", "python", "py-zmq"),
        True,
    ),
]
