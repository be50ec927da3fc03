"""The tables of docs/performance.md: each between two markers, and replaced
as a whole."""

import os
import re
from collections.abc import Callable, Sequence

from .contestants import CONTESTANTS
from .machine import Machine
from .measures import (
    ANSWERING,
    EVERYBODY,
    FANNED,
    FANS,
    GIVING,
    IDLE_CLIENTS,
    MANY_IDLE_CLIENTS,
    POLICIES,
    PYTHON,
    PYTHON_ANSWERING,
    PYTHON_FAN,
    SIZES,
    SPREADING,
    STARTING,
    Results,
)
from .ratios import Spread, absolute, ratio
from .targets import TARGETS, per_client

NOTHING = "-"
# What other work may take of each core.
QUIET = 0.05
# How much slower than at best a processor may ordinarily be.
STEADY = 1.3
SIZE_NAMES = {
    16: "16 B",
    180: "180 B",
    1024: "1 KiB",
    65536: "64 KiB",
    1 << 20: "1 MiB",
}

# A column: its heading, the measures it is from, and the cell of a contestant.
Cell = Callable[[str], Spread | None]
Column = tuple[str, Sequence[str], Cell]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _contest(
    results: Results, who: Sequence[str], columns: Sequence[Column]
) -> str:
    """A row each contestant, and below, what is wrong with any."""
    problems = []
    rows = []
    for name in who:
        contestant = CONTESTANTS[name]
        outcomes = [
            results.get(m, {}).get(name) for _, ms, _ in columns for m in ms
        ]
        failed = sorted({o.problem for o in outcomes if o and o.problem})
        problems += [f"- {contestant.name}: {problem}" for problem in failed]
        cells = [cell(name) for _, _, cell in columns]
        title = contestant.name + (
            f" ({contestant.note})" if contestant.note else ""
        )
        rows.append(
            [title, *(NOTHING if c is None else str(c) for c in cells)]
        )
    table = _table(["", *(title for title, _, _ in columns)], rows)
    if problems:
        table += "\n\nNot complete:\n\n" + "\n".join(problems)
    return table


def _against(
    results: Results, title: str, measure: str, metric: str, base: str
) -> Column:
    return (
        title,
        (measure,),
        lambda who: ratio(results, measure, metric, who, base),
    )


def _one_way(results: Results, transport: str, metric: str) -> str:
    columns = [
        _against(
            results, SIZE_NAMES[size], f"{transport}-{size}", metric, "zmq"
        )
        for size in SIZES
    ]
    return _contest(results, EVERYBODY, columns)


def _fans(results: Results) -> str:
    titles = {"rate": "deliveries", "cpu": "CPU a delivery"}
    columns = [
        _against(results, f"{n} clients, {title}", f"fan-{n}", metric, "zmq")
        for n in FANS
        for metric, title in titles.items()
    ]
    return _contest(results, FANNED, columns)


def _trips(
    results: Results, prefix: str, who: Sequence[str], base: str
) -> str:
    columns = [
        _against(
            results, f"{title}, {metric}", f"{prefix}-{place}", metric, base
        )
        for place, title in (("same", "same core"), ("across", "across cores"))
        for metric in ("p50", "p99")
    ]
    return _contest(results, who, columns)


def _paced(results: Results) -> str:
    columns = [
        _against(results, f"asked, {metric}", "paced-across", metric, "zmq")
        for metric in ("p50", "p99", "p999")
    ]
    return _contest(results, ANSWERING, columns)


def _spread(results: Results) -> str:
    columns = [
        _against(results, metric, "spread-100", metric, "zmq")
        for metric in ("p50", "p99", "p999")
    ]
    return _contest(results, SPREADING, columns)


def _many(results: Results) -> str:
    columns = [
        _against(results, "messages", "many-10", "rate", "zmq"),
        _against(results, "CPU a message", "many-10", "cpu", "zmq"),
    ]
    return _contest(results, GIVING, columns)


def _policies(results: Results) -> str:
    columns = [
        _against(results, "rate", "policies", "rate", "go-block"),
        _against(results, "CPU a message", "policies", "cpu", "go-block"),
    ]
    return _contest(results, POLICIES, columns)


def _costs(results: Results) -> str:
    """What something costs: a row each, against the same without it."""
    rows = []
    for what, measure, who, base, base_measure in COSTS:
        found = [
            ratio(results, measure, metric, who, base, base_measure)
            for metric in ("rate", "cpu")
        ]
        rows.append([what, *(NOTHING if f is None else str(f) for f in found)])
    return _table(["", "rate", "CPU a message"], rows)


# What, its measure and contestant, and those it is compared with.
COSTS = (
    (
        "data that is converted from JSON, in C",
        "json",
        "c-json",
        "c-callback",
        "json",
    ),
    ("TLS, over TCP, in Go", "tls", "go-tls", "go", "tls"),
    ("four senders at once, in Go", "senders-4", "go", "go", "senders-1"),
)


def _rest(results: Results) -> str:
    many = f"idle-{IDLE_CLIENTS}"

    def client_kb(who: str) -> Spread | None:
        found = per_client(results, who)
        return found and Spread(
            *(f / 1000 for f in (found.middle, found.least, found.greatest))
        )

    columns: list[Column] = [
        (
            "idle, MB",
            ("idle-0",),
            lambda w: absolute(results, "idle-0", "rss", w, 1e6),
        ),
        ("an idle client, KB", ("idle-0", many), client_kb),
        (
            f"with {MANY_IDLE_CLIENTS} of them, MB",
            (f"idle-{MANY_IDLE_CLIENTS}",),
            lambda w: absolute(
                results, f"idle-{MANY_IDLE_CLIENTS}", "rss", w, 1e6
            ),
        ),
        (
            "after traffic to 10, MB",
            ("fan-10",),
            lambda w: absolute(results, "fan-10", "rss", w, 1e6),
        ),
        _against(results, "start to first message", "first", "ns", "zmq"),
    ]
    return _contest(results, STARTING, columns)


def _python(results: Results) -> str:
    return _contest(
        results,
        PYTHON,
        [
            _against(results, "rate", "python", "rate", "py-pure"),
            _against(results, "CPU a message", "python", "cpu", "py-pure"),
        ],
    )


def _python_fan(results: Results) -> str:
    return _contest(
        results,
        PYTHON_FAN,
        [
            _against(results, "deliveries", "python-10", "rate", "py-pure"),
            _against(results, "CPU a delivery", "python-10", "cpu", "py-pure"),
        ],
    )


def _python_rest(results: Results) -> str:
    return _contest(
        results,
        PYTHON_ANSWERING,
        [
            _against(
                results, "start and import", "python-import", "ns", "py-zmq"
            ),
            _against(
                results,
                "memory of an idle server",
                "python-idle",
                "rss",
                "py-pure",
            ),
        ],
    )


def _targets(results: Results) -> str:
    rows = []
    for target in TARGETS:
        found = target.ask(results)
        sign = "≤" if target.lower else "≥"
        bounds = [
            NOTHING if bound is None else f"{sign} {bound:g}{target.unit}"
            for bound in (target.required, target.aim)
        ]
        measured = NOTHING if found is None else f"{found}{target.unit}"
        rows.append([target.what, *bounds, measured, target.verdict(found)])
    return _table(["", "required", "aim", "measured", ""], rows)


def tables(results: Results) -> dict[str, str]:
    """Every table, under the name of its markers."""
    return {
        "targets": _targets(results),
        "unix": _one_way(results, "unix", "rate"),
        "unix-cpu": _one_way(results, "unix", "cpu"),
        "tcp": _one_way(results, "tcp", "rate"),
        "fans": _fans(results),
        "trips": _trips(results, "trip", ANSWERING, "zmq"),
        "paced": _paced(results),
        "spread": _spread(results),
        "many": _many(results),
        "policies": _policies(results),
        "costs": _costs(results),
        "rest": _rest(results),
        "python": _python(results),
        "python-fan": _python_fan(results),
        "python-trips": _trips(
            results, "python-trip", PYTHON_ANSWERING, "py-zmq"
        ),
        "python-rest": _python_rest(results),
    }


def circumstances(machine: Machine, repeats: int) -> str:
    """What a reader has to know of the run before believing its figures."""
    cores = len(os.sched_getaffinity(0))
    others, slowness = machine.others(), machine.slowness()
    text = (
        f"Taken on {cores} cores in {repeats} rounds;"
        f" other work took {100 * others / cores:.0f} % of the machine."
        f" A loop that was timed between the measures took {slowness:.1f}"
        " times as long as at best, ordinarily."
    )
    if slowness > STEADY:
        text += (
            "\n\n**The processor was slow most of the time, or for some of"
            " it, as a virtual machine is beside busy ones: two figures of"
            " one round may be of two speeds. The ranges behind the medians"
            " say how far that goes.**"
        )
    if others > QUIET * cores:
        text += (
            "\n\n**The machine was busy with other work. Memory, and with"
            " care processor time, can"
            " be relied on; rates, latencies and the verdicts on them"
            " cannot: take them again.**"
        )
    return text


def fill(page: str, generated: dict[str, str]) -> str:
    """Put each text between its markers. Markers of no text are an error, and
    so is a text without markers: a page that says less than was measured."""
    marked = re.compile(
        r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL
    )
    found = {match[2] for match in marked.finditer(page)}
    if found != set(generated):
        raise ValueError(
            f"the page has markers for {found}, not for {set(generated)}"
        )
    return marked.sub(lambda m: f"{m[1]}\n{generated[m[2]]}\n\n{m[3]}", page)
