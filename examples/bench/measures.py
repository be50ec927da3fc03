"""What is measured, and how it is repeated: the contestants of a measure run
in turn, A B C and then C B A, so that whatever else the machine does meets
them alike."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import runs
from .contestants import CONTESTANTS, Contestant
from .processes import FailedError
from .runs import Figures, Load


@dataclass(frozen=True)
class Measure:
    """One question, the same for each contestant."""

    name: str
    run: Callable[[Contestant], Figures]
    contestants: Sequence[str]


@dataclass
class Outcome:
    """The figures of one contestant in each round, None where it failed."""

    rounds: list[Figures | None]
    problem: str = ""


# Of a measure's name and a contestant's.
Results = dict[str, dict[str, Outcome]]

SIZES = (16, 180, 1024, 65536)
FANS = (10, 100)
IDLE_CLIENTS = 1000

EVERYBODY = (
    "go", "go-messages", "c-callback", "c-pull", "c-many", "python",
    "zmq", "nng", "nats", "raw-each", "raw-batch",
)  # fmt: skip
FANNED = ("go", "c-callback", "c-pull", "zmq", "nng", "nats", "raw-batch")
ANSWERING = ("go", "c-pull", "zmq", "nng", "nats", "raw-each")
STARTING = ("go", "c-pull", "zmq", "nng", "raw-each")
PYTHON = (
    "py-message", "py-dict", "py-many", "py-pure", "py-zmq", "py-zmq-bare",
    "py-receives", "py-pure-receives",
)  # fmt: skip
PYTHON_FAN = ("py-message", "py-dict", "py-many", "py-pure", "py-zmq")
PYTHON_ANSWERING = ("python", "py-pure", "py-zmq")


def all_measures(scale: float) -> list[Measure]:
    """Every measure; scale stretches the time that each run takes."""
    seconds = 0.4 * scale
    cores = sorted(os.sched_getaffinity(0))
    # With one core, there is no "across".
    pairs = {"same": (cores[0], cores[0])}
    if len(cores) > 1:
        pairs["across"] = (cores[0], cores[1])

    def sending(name: str, load: Load, who: Sequence[str]) -> Measure:
        return Measure(name, lambda c: runs.one_way(c, load), who)

    def answering(
        name: str, pair: tuple[int, int], who: Sequence[str]
    ) -> Measure:
        load = Load(seconds=seconds)
        return Measure(name, lambda c: runs.round_trip(c, load, pair), who)

    def stalling(name: str, clients: int, stalled: int) -> Measure:
        load = Load(clients=clients, seconds=seconds)
        return Measure(name, lambda c: runs.one_way(c, load, stalled), ("go",))

    def remembering(name: str, clients: int) -> Measure:
        return Measure(name, lambda c: runs.memory(c, clients), STARTING)

    times = max(3, round(10 * scale))
    return [
        *(
            sending(f"{t}-{size}", Load(t, size, seconds=seconds), EVERYBODY)
            for size in SIZES
            for t in ("unix", "tcp")
        ),
        *(
            sending(f"fan-{n}", Load(clients=n, seconds=seconds), FANNED)
            for n in FANS
        ),
        *(
            answering(f"trip-{name}", pair, ANSWERING)
            for name, pair in pairs.items()
        ),
        remembering("idle-0", 0),
        remembering(f"idle-{IDLE_CLIENTS}", IDLE_CLIENTS),
        # Enough for the clock that counts in hundredths of a second.
        Measure("inspected", lambda c: runs.inspected(c, 10, 5000), ("go",)),
        Measure("first", lambda c: runs.first_message(c, times), STARTING),
        # The same nine receive, beside one that does not, and without it.
        stalling("stalled-0", 9, 0),
        stalling("stalled-1", 10, 1),
        sending("python", Load(seconds=seconds), PYTHON),
        sending(
            "python-10",
            Load(clients=10, processes=10, seconds=seconds),
            PYTHON_FAN,
        ),
        *(
            answering(f"python-trip-{n}", p, PYTHON_ANSWERING)
            for n, p in pairs.items()
        ),
        Measure(
            "python-import",
            lambda c: runs.import_time(c, times),
            ("python", "py-zmq"),
        ),
        Measure("python-idle", runs.idle_memory, PYTHON_ANSWERING),
    ]


# Measures that are compared with each other take turns as well.
TOGETHER = (("stalled-0", "stalled-1"),)


def measure(
    chosen: Sequence[Measure], repeats: int, tell: Callable[[str], None]
) -> Results:
    """Run all, in turn and again in the opposite order, and so on."""
    results: Results = {}
    for group in _groups(chosen):
        tell(", ".join(m.name for m in group))
        turns = [(m, who) for m in group for who in m.contestants]
        for m, who in turns:
            missing = CONTESTANTS[who].missing
            results.setdefault(m.name, {})[who] = Outcome([], missing)
        for number in range(repeats):
            for m, who in turns if number % 2 == 0 else reversed(turns):
                _run_once(m, who, results[m.name][who], tell)
    return results


def _groups(chosen: Sequence[Measure]) -> list[list[Measure]]:
    groups: list[list[Measure]] = []
    for m in chosen:
        last = groups[-1][-1].name if groups else ""
        if any(last in names and m.name in names for names in TOGETHER):
            groups[-1].append(m)
        else:
            groups.append([m])
    return groups


def _run_once(
    m: Measure, who: str, outcome: Outcome, tell: Callable[[str], None]
) -> None:
    contestant = CONTESTANTS[who]
    if contestant.missing:
        outcome.rounds.append(None)
        return
    try:
        outcome.rounds.append(m.run(contestant))
    except FailedError as e:
        outcome.rounds.append(None)
        outcome.problem = str(e)
        tell(f"{m.name}, {who}: {e}")
