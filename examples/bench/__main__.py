"""make bench: runs everything, writes the tables and the pictures of
docs/performance.md.

BENCH_SCALE stretches each run (1: all takes some ten minutes), BENCH_REPEATS
says how often (5), BENCH_ONLY chooses measures by a regular expression. What
is chosen so goes to build/bench only, and so does a run with too little in it
to be worth showing.
"""

import json
import os
import re
import sys
import time
from dataclasses import asdict

from .contestants import BUILT, CONTESTANTS, ROOT
from .curves import draw_growth
from .machine import Machine
from .measures import Results, all_measures, measure
from .plot import draw
from .processes import allow_many_files
from .tables import circumstances, fill, tables

PAGE = ROOT / "docs" / "performance.md"
PICTURES = {
    "performance.svg": draw,
    "performance-growth.svg": draw_growth,
}

WORTH_SHOWING = 1.0


def main() -> int:
    scale = float(os.environ.get("BENCH_SCALE") or 1)
    repeats = int(os.environ.get("BENCH_REPEATS") or 5)
    only = re.compile(os.environ.get("BENCH_ONLY") or "")
    began = time.monotonic()

    machine = Machine()

    def tell(text: str) -> None:
        machine.look()
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    for contestant in CONTESTANTS.values():
        if contestant.missing:
            tell(f"missing: {contestant.name}: {contestant.missing}")
    allow_many_files()
    everything = all_measures(scale)
    chosen = [m for m in everything if only.search(m.name)]
    results = measure(chosen, repeats, tell)
    whole = len(chosen) == len(everything) and scale >= WORTH_SHOWING
    write(results, machine, repeats, shown=whole)
    tell(
        "written to docs/performance.md"
        if whole
        else f"written to {BUILT}, not to docs/"
    )
    return any(
        o.problem for outcomes in results.values() for o in outcomes.values()
    )


def write(
    results: Results, machine: Machine, repeats: int, *, shown: bool
) -> None:
    """Keep the figures, fill the tables into the page, and draw."""
    raw = {
        m: {w: asdict(o) for w, o in outcomes.items()}
        for m, outcomes in results.items()
    }
    (BUILT / "results.json").write_text(json.dumps(raw, indent=1))
    generated = {
        **tables(results),
        "circumstances": circumstances(machine, repeats),
    }
    directory = PAGE.parent if shown else BUILT
    (directory / PAGE.name).write_text(fill(PAGE.read_text(), generated))
    for name, picture in PICTURES.items():
        (directory / name).write_text(picture(results))


if __name__ == "__main__":
    sys.exit(main())
