"""From figures to ratios: each round gives one, and what is told is their
median with the least and the greatest."""

from dataclasses import dataclass
from statistics import median

from .measures import Results


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of some figures."""

    middle: float
    least: float
    greatest: float

    @classmethod
    def of(cls, figures: list[float]) -> "Spread | None":
        return (
            cls(median(figures), min(figures), max(figures))
            if figures
            else None
        )

    def __str__(self) -> str:
        least, greatest = short(self.least), short(self.greatest)
        return f"{short(self.middle)} ({least} to {greatest})"


def short(figure: float) -> str:
    """Two or three digits that count."""
    if figure >= 100:
        return f"{figure:.0f}"
    if figure >= 10:
        return f"{figure:.1f}"
    return f"{figure:.2f}"


def figures(
    results: Results, measure: str, metric: str, who: str
) -> list[float | None]:
    """What each round gave."""
    outcome = results.get(measure, {}).get(who)
    if outcome is None:
        return []
    return [None if r is None else r.get(metric) for r in outcome.rounds]


def ratio(
    results: Results,
    measure: str,
    metric: str,
    who: str,
    base: str,
    base_measure: str = "",
) -> Spread | None:
    """The figure of one contestant by that of another in the same round."""
    over = figures(results, measure, metric, who)
    under = figures(results, base_measure or measure, metric, base)
    return Spread.of(
        [a / b for a, b in zip(over, under, strict=False) if a and b]
    )


def absolute(
    results: Results, measure: str, metric: str, who: str, unit: float
) -> Spread | None:
    """The figure itself, in units of so many."""
    found = figures(results, measure, metric, who)
    return Spread.of([figure / unit for figure in found if figure is not None])
