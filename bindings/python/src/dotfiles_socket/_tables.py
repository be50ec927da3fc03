"""Documents of inspections, as lines for people."""

import pwd
from collections.abc import Callable, Sequence

from ._inspection import Document

Row = Sequence[object]


def listing(documents: list[Document]) -> list[str]:
    """Return a table of servers."""
    columns: dict[str, Callable[[Document], object]] = {
        "EVENT": lambda d: d["event"],
        "STATE": lambda d: d["state"],
        "PID": lambda d: d["pid"] or "-",
        "USER": lambda d: _user(d["uid"]),
        "UP": lambda d: duration(d["uptime_ms"]),
        "CLIENTS": lambda d: d["stats"]["clients"],
        "SENT": lambda d: d["stats"]["sent"],
        "DROPPED": lambda d: d["stats"]["dropped"],
        "RECEIVED": lambda d: d["stats"]["received"],
    }
    return _table(columns, documents)


def details(document: Document) -> list[str]:
    """Return what is known of one server, and a table of its clients."""
    keys = ["event", "state", "transport", "address"]
    rows: list[Row] = [(key, document[key]) for key in keys]
    rows += [("pid", document["pid"] or "-"), ("user", _user(document["uid"]))]
    if document["state"] != "live":
        return _aligned(rows)
    stats = document["stats"]
    rows += [
        ("library", document["library"]),
        ("up", duration(document["uptime_ms"])),
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


def duration(milliseconds: int) -> str:
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
