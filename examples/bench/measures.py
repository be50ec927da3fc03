"""What is measured, and how it is repeated: the contestants of a measure run
in turn, A B C and then C B A, so that whatever else the machine does meets
them alike."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import runs
from .contestants import CONTESTANTS, Contestant
from .growth import AXES
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

SIZES = (16, 180, 1024, 65536, 1 << 20)
FANS = (10, 100, 1000)
IDLE_CLIENTS = 1000
MANY_IDLE_CLIENTS = 10_000

# Questions and messages a second where a pace is kept.
ASKING_PACE = 2000.0
SPREADING_PACE = 200.0

EVERYBODY = (
    "go", "go-one", "go-messages", "c-callback", "c-pull", "c-many",
    "python", "zmq", "nng", "nats", "raw-each", "raw-batch",
)  # fmt: skip
# Of a thousand clients of NATS, some give up while the others connect.
FANNED_WIDELY = ("go", "c-callback", "c-pull", "zmq", "nng", "raw-batch")
FANNED = (
    "go", "go-one", "c-callback", "c-pull", "zmq", "nng", "nats", "raw-batch",
)  # fmt: skip
ANSWERING = (
    "go", "go-spin", "c-pull", "c-spin", "zmq", "nng", "nats", "raw-each",
)  # fmt: skip
SPREADING = ("go", "c-callback", "c-pull", "zmq", "nng", "nats", "raw-each")
GIVING = ("go", "c-pull", "zmq")
POLICIES = ("go-block", "go-drop", "go-disconnect", "go-latest")
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
        name: str,
        pair: tuple[int, int],
        who: Sequence[str],
        pace: float = 0,
    ) -> Measure:
        load = Load(seconds=seconds, pace=pace)
        return Measure(name, lambda c: runs.round_trip(c, load, pair), who)

    def stalling(name: str, clients: int, stalled: int) -> Measure:
        load = Load(clients=clients, seconds=seconds)
        return Measure(name, lambda c: runs.one_way(c, load, stalled), ("go",))

    def remembering(name: str, clients: int, who: Sequence[str]) -> Measure:
        return Measure(name, lambda c: runs.memory(c, clients), who)

    def giving(name: str, clients: int) -> Measure:
        load = Load(clients=clients, seconds=seconds)
        return Measure(name, lambda c: runs.many_to_one(c, load), GIVING)

    def spreading(name: str, clients: int) -> Measure:
        load = Load(clients=clients, seconds=2 * seconds, pace=SPREADING_PACE)
        return Measure(name, lambda c: runs.spread(c, load), SPREADING)

    def keeping(c: Contestant) -> Figures:
        stalled = None if c.receives else 0
        return runs.one_way(c, Load(seconds=seconds), stalled)

    times = max(3, round(10 * scale))
    return [
        *(
            sending(f"{t}-{size}", Load(t, size, seconds=seconds), EVERYBODY)
            for size in SIZES
            for t in ("unix", "tcp")
        ),
        *(
            sending(
                f"fan-{n}",
                Load(clients=n, seconds=seconds),
                FANNED if n < 1000 else FANNED_WIDELY,
            )
            for n in FANS
        ),
        *(
            answering(f"trip-{name}", pair, ANSWERING)
            for name, pair in pairs.items()
        ),
        *(
            answering(f"paced-{name}", pair, ANSWERING, ASKING_PACE)
            for name, pair in pairs.items()
            if name == "across"  # the asker keeps its core awake
        ),
        spreading("spread-100", 100),
        giving("many-10", 10),
        Measure("policies", keeping, POLICIES),
        sending("json", Load(seconds=seconds), ("c-callback", "c-json")),
        sending("tls", Load("tcp", seconds=seconds), ("go", "go-tls")),
        sending("senders-1", Load(seconds=seconds), ("go",)),
        sending("senders-4", Load(seconds=seconds, senders=4), ("go",)),
        remembering("idle-0", 0, STARTING),
        remembering(f"idle-{IDLE_CLIENTS}", IDLE_CLIENTS, STARTING),
        # Through C, a client takes two descriptors: more than a program may
        # have, ordinarily.
        remembering(f"idle-{MANY_IDLE_CLIENTS}", MANY_IDLE_CLIENTS, ("go",)),
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
            "python-trip-busy",
            lambda c: runs.round_trip(
                c,
                Load(seconds=seconds),
                pairs.get("across", pairs["same"]),
                "busy",
            ),
            PYTHON_ANSWERING,
        ),
        Measure(
            "python-import",
            lambda c: runs.import_time(c, times),
            ("python", "py-zmq"),
        ),
        Measure("python-idle", runs.idle_memory, PYTHON_ANSWERING),
        *(
            sending(
                axis.measure(value), axis.load(value, seconds / 2), axis.who
            )
            for axis in AXES
            for value in axis.values
        ),
    ]


# Measures that are compared with each other take turns as well.
TOGETHER = (("stalled-0", "stalled-1"), ("senders-1", "senders-4"))


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
